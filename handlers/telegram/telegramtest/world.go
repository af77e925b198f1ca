package telegramtest

import (
	"slices"
	"time"
)

// world is everything the server knows, in the shape in which it is stored.
// All of it is guarded by Server.mu. Telegram's objects are made from it for
// each viewer anew (render.go), because flags, numbers and access hashes differ
// from viewer to viewer.
type world struct {
	Secret []byte // access hashes are derived from it
	NextID int64  // users and chats
	NextNo int64  // posts and files

	Users map[UserID]*user
	Chats map[ChatID]*chat
	Posts map[int64]*post
	Files map[int64]*file
	Keys  map[int64]*authKey

	Codes    map[string]*sentCode   // by phone_code_hash
	Routes   map[string][]CodeRoute // by phone, "" = any
	Fixed    map[string]string      // codes by phone, of numbers without an account
	QR       map[string]*loginToken // by token
	Futures  map[string]UserID      // future auth tokens
	Exported map[string]UserID      // auth.exportAuthorization
	Ports    map[int]int            // DC -> port, to come back on the same one
	Terms    *Terms                 // of service, for who signs up
	Accepted map[UserID]bool        // who has accepted them
}

func newWorld() *world {
	return &world{
		Secret: randomBytes(32), NextID: 7_000_000_000, NextNo: 1,
		Users: map[UserID]*user{}, Chats: map[ChatID]*chat{}, Posts: map[int64]*post{},
		Files: map[int64]*file{}, Keys: map[int64]*authKey{},
		Codes: map[string]*sentCode{}, Routes: map[string][]CodeRoute{}, Fixed: map[string]string{}, QR: map[string]*loginToken{},
		Futures: map[string]UserID{}, Exported: map[string]UserID{}, Ports: map[int]int{}, Accepted: map[UserID]bool{},
	}
}

// user is an account with its mailbox: the messages of its private chats and
// basic groups under its own numbers, and its own pts.
type user struct {
	ID                                          UserID
	Phone, FirstName, LastName, Username, About string
	Bot, Banned, Gone                           bool
	Token                                       string // bots
	Code                                        string // fixed login code
	DC                                          int
	Photo                                       int64 // file
	Hint                                        string
	Verifier, Salt1, Salt2                      []byte // SRP; empty without password
	FutureToken                                 bool   // hand one out on logout
	Contacts                                    map[UserID]bool

	mailbox
	Dialogs   map[peerKey]*dialog
	RandomIDs map[int64]bool
}

// mailbox numbers messages and remembers what happened to them. A user has
// one; so has every channel and supergroup.
type mailbox struct {
	Pts    int
	LastID int
	Box    map[int]int64 // number -> post; deleted ones stay, see Cut
	Cut    map[int]bool  // deleted here
	Log    []event       // oldest first
	Base   int           // events up to this pts are forgotten
	Last   int           // date of the last event
}

func newMailbox() mailbox {
	// Telegram's sequences start at 1, and a client's zero means "unknown".
	return mailbox{Pts: 1, Base: 1, Box: map[int]int64{}, Cut: map[int]bool{}}
}

func (m *mailbox) alive(id int) (int64, bool) {
	no, ok := m.Box[id]
	return no, ok && !m.Cut[id]
}

// dialog is one user's view of one chat.
type dialog struct {
	Top     int // newest message
	Date    int // of it
	Seq     int64
	ReadIn  int
	ReadOut int
	Unread  int
}

// post is one message, as all who see it share it.
type post struct {
	No        int64
	From      UserID
	To        UserID // private chats
	Chat      ChatID // others
	Date      int
	EditDate  int
	Text      string
	Entities  []byte // TL, so that every rendering makes objects of its own
	Media     []byte // TL
	Action    []byte // TL: a service message
	Reactions map[UserID]string
	ReplyTo   int64 // post
	Silent    bool
	RandomID  int64
	IDs       map[UserID]int // private chats and basic groups: number in each mailbox
	ID        int            // channels
}

// chat is a group or channel. The mailbox is used by channels only.
type chat struct {
	ID                     ChatID
	Kind                   Kind
	Title, About, Username string
	Date, Version          int
	Creator                UserID
	Members                map[UserID]*member
	Former                 map[UserID]bool // true = was removed, false = left
	Photo                  int64
	Gone                   bool
	mailbox
}

type member struct {
	Date    int
	Inviter UserID
	Admin   bool
}

type file struct {
	No   int64
	Data []byte
	Mime string
	Name string
	Date int
}

func (s *Server) nextID() int64 { s.w.NextID++; return s.w.NextID }
func (s *Server) nextNo() int64 { s.w.NextNo++; return s.w.NextNo }

func now() int { return int(time.Now().Unix()) }

// memberIDs is in a stable order, so that runs can be compared.
func (c *chat) memberIDs() []UserID {
	ids := make([]UserID, 0, len(c.Members))
	for id := range c.Members {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b UserID) int {
		ma, mb := c.Members[a], c.Members[b]
		if ma.Date != mb.Date {
			return ma.Date - mb.Date
		}
		return int(a - b)
	})
	return ids
}

func (c *chat) canWrite(u UserID) bool {
	m := c.Members[u]
	return m != nil && (c.Kind != Channel || m.Admin || c.Creator == u)
}

func (u *user) dialog(k peerKey) *dialog {
	d := u.Dialogs[k]
	if d == nil {
		d = &dialog{}
		u.Dialogs[k] = d
	}
	return d
}
