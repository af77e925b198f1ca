package events_test

import (
	"errors"
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/natsgram/natsgram/"

// Names of packages below are as in "go list": "events" is that one package,
// "events/..." is it and all beneath it.
var (
	deciders = []string{"handlers/login", "handlers/portals", "handlers/messages"}
	facts    = []string{"events", "projections"}
	// worlds is what a package of the outside worlds may know: all but the
	// other worlds, which it meets in the log.
	worlds = slices.Concat(facts, deciders, []string{"events/journal", "handlers/vault", "handlers/commit", "handlers/answers"})
)

// arrows says for every package of ours which others of ours it may import:
// events <- projections <- handlers <- cmd. The last line that fits counts. A
// package no line fits is an error: give it one, or a better place.
var arrows = []struct {
	from string
	to   []string
}{
	{"events", nil},
	{"events/journal", []string{"events"}},
	{"projections", []string{"events"}},

	{"handlers/login", facts},
	{"handlers/portals", facts},
	{"handlers/messages", facts},
	{"handlers/answers", slices.Concat(facts, []string{"handlers/login", "handlers/vault"})},
	{"handlers/commit", slices.Concat(facts, []string{"events/journal"})},
	{"handlers/vault/...", slices.Concat(facts, []string{"events/journal", "handlers/vault/..."})},

	{"handlers/management/...", slices.Concat(worlds, []string{"handlers/management/..."})},
	{"handlers/weblogin/...", slices.Concat(worlds, []string{"handlers/weblogin/..."})},
	{"handlers/provisioning/...", slices.Concat(worlds, []string{"handlers/provisioning/..."})},
	{"handlers/telegram/...", slices.Concat(worlds, []string{"handlers/telegram/..."})},
	{"handlers/matrix/...", slices.Concat(worlds, []string{"handlers/matrix/..."})},
	{"handlers/telegram/telegramtest", nil},
	{"handlers/matrix/matrixtest", nil},

	{"cmd/...", []string{"..."}},
}

// rooms says where a library of others stays. cmd may use all.
var rooms = []struct {
	library string
	in      []string
}{
	{"github.com/nats-io/...", []string{"events/journal"}},
	{"github.com/gotd/...", []string{"handlers/telegram/..."}},
	{"maunium.net/go/mautrix/...", []string{"handlers/matrix/...", "handlers/management/..."}},
}

// vocabulary is all that the package events imports beside the standard library.
// The JSON library is the standard library's coming encoding/json/v2: it decodes
// the log three times as fast as v1.
var vocabulary = []string{
	"github.com/google/uuid", "github.com/go-json-experiment/json", "github.com/go-json-experiment/json/jsontext",
}

// impure is what no decider imports: no I/O, clock, randomness, context, logger.
var impure = []string{
	"net/...", "os/...", "io/fs", "io/ioutil", "syscall", "database/...",
	"context", "log/...", "math/rand/...", "crypto/rand",
	"github.com/rs/zerolog/...", "github.com/nats-io/...", "github.com/gotd/...", "maunium.net/go/mautrix/...",
}

// TestArrows holds every package, without its tests, against the rules above.
func TestArrows(t *testing.T) {
	packages := importsOf(t, "..")
	if len(packages["events"]) == 0 {
		t.Fatal("the walk did not find this package")
	}
	for from, imports := range packages {
		for _, imported := range imports {
			if err := allowed(from, imported); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestArrowsForbid shows that the rules forbid what they should.
func TestArrowsForbid(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"events", "time", true},
		{"events", "github.com/google/uuid", true},
		{"events", "github.com/rs/zerolog", false},
		{"events", module + "projections", false},
		{"events/journal", "github.com/nats-io/nats.go/jetstream", true},
		{"events/journal", module + "events", true},
		{"projections", module + "events/journal", false},
		{"projections", "github.com/nats-io/nats.go", false},
		{"handlers/login", module + "projections", true},
		{"handlers/login", module + "handlers/vault", false},
		{"handlers/login", "net/http", false},
		{"handlers/login", "crypto/rand", false},
		{"handlers/matrix", module + "handlers/portals", true},
		{"handlers/matrix", module + "handlers/telegram", false},
		{"handlers/matrix", module + "handlers/telegram/telegramtest", false},
		{"handlers/telegram", "maunium.net/go/mautrix", false},
		{"handlers/management", "maunium.net/go/mautrix/event", true},
		{"handlers/weblogin", "maunium.net/go/mautrix/event", false},
		{"handlers/matrix/matrixtest", module + "events", false},
		{"handlers/unheard", module + "events", false},
		{"cmd/natsgram", module + "handlers/telegram", true},
		{"cmd/demo", "github.com/nats-io/nats-server/v2/server", true},
	} {
		if err := allowed(c.from, c.to); (err == nil) != c.ok {
			t.Errorf("%s imports %s: %v", c.from, c.to, err)
		}
	}
}

// allowed says why a package of ours may not import another package, or nil.
func allowed(from, imported string) error {
	ours, isOurs := strings.CutPrefix(imported, module)
	switch {
	case isOurs:
		line := -1
		for i, arrow := range arrows {
			if fits(from, arrow.from) {
				line = i
			}
		}
		if line < 0 {
			return fmt.Errorf("%s has no line in the arrows of events/arrows_test.go", from)
		}
		if !fitsAny(ours, arrows[line].to) {
			return fmt.Errorf("%s imports %s: it may import of ours only %v", from, ours, arrows[line].to)
		}
	case from == "events" && !standard(imported) && !slices.Contains(vocabulary, imported):
		return fmt.Errorf("%s imports %s: it may import only the standard library and %v", from, imported, vocabulary)
	case slices.Contains(deciders, from) && fitsAny(imported, impure):
		return fmt.Errorf("%s imports %s: a decider is pure", from, imported)
	}
	for _, room := range rooms {
		if fits(imported, room.library) && !fitsAny(from, room.in) && !fits(from, "cmd/...") {
			return fmt.Errorf("%s imports %s: that stays in %v", from, imported, room.in)
		}
	}
	return nil
}

func fits(name, pattern string) bool {
	if pattern == "..." {
		return true
	}
	base, tree := strings.CutSuffix(pattern, "/...")
	return name == base || tree && strings.HasPrefix(name, base+"/")
}

func fitsAny(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return fits(name, pattern) })
}

// standard says whether a package is of the standard library: only others have
// a domain for a first element.
func standard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

// importsOf reads what each package beneath a module's root imports, as go list
// would tell. It reads the files itself, so that a cached test result is not
// taken for good after one of them has changed.
func importsOf(t *testing.T, root string) map[string][]string {
	t.Helper()
	packages := make(map[string][]string)
	err := filepath.WalkDir(root, func(dir string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || !entry.IsDir():
			return err
		case dir == root:
			return nil // the top level holds no package
		case strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata":
			return filepath.SkipDir
		}
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.SkipDir // another module
		}
		pkg, err := build.Default.ImportDir(dir, 0)
		var none *build.NoGoError
		if errors.As(err, &none) {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, dir)
		packages[filepath.ToSlash(name)] = pkg.Imports
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return packages
}
