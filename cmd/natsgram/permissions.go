package main

import (
	"fmt"
	"strings"

	"github.com/natsgram/natsgram/events"
)

// Level is what a Matrix user may do.
type Level int

// The levels, each with what the one before it may do.
const (
	LevelNone  Level = iota // nothing
	LevelUser               // log in and bridge their own chats
	LevelAdmin              // command the bridge
)

func (l Level) String() string {
	switch l {
	case LevelNone:
		return "none"
	case LevelUser:
		return "user"
	case LevelAdmin:
		return "admin"
	default:
		return fmt.Sprintf("level %d", int(l))
	}
}

// Permissions maps "*", a server name or a Matrix ID to a level.
type Permissions map[string]Level

// Level is what a user may do: the most specific line counts, a Matrix ID
// before its server before "*", and without any line nothing.
func (p Permissions) Level(id events.MatrixID) Level {
	if level, ok := p[string(id)]; ok {
		return level
	}
	_, server, ok := strings.Cut(string(id), ":")
	if level, named := p[server]; ok && named {
		return level
	}
	return p["*"]
}

// any reports whether anybody may use the bridge.
func (p Permissions) any() bool {
	for _, level := range p {
		if level > LevelNone {
			return true
		}
	}
	return false
}

func parsePermission(who, level string) (Level, error) {
	if who != "*" && !isMatrixID(who) && !isServerName(who) {
		return 0, fmt.Errorf("%q is neither \"*\" nor a server (example.org) nor a Matrix ID (\"@name:example.org\")", who)
	}
	for _, l := range []Level{LevelNone, LevelUser, LevelAdmin} {
		if level == l.String() {
			return l, nil
		}
	}
	return 0, fmt.Errorf("%q of %q is not one of none, user, admin", level, who)
}
