package projections

import (
	"maps"
	"slices"
	"time"

	"github.com/natsgram/natsgram/events"
)

// seenOrigins is how many Matrix events a user's state remembers as recorded.
// A homeserver repeats one unanswered transaction at a time, of at most a few
// dozen events, so what it may repeat is always among them.
const seenOrigins = 64

// openInvites is how many invites of the bot may wait to be looked at. Beyond
// it the oldest is dropped: the user invites the bot again.
const openInvites = 16

// fewMembers is how many may have joined a crowded room for the bot to look
// again when somebody leaves. In a larger one that would be most days.
const fewMembers = 8

// formerRooms is how many replaced management rooms a user's state remembers.
const formerRooms = 8

// goneLogins is how many logins that ended for good a user's state remembers.
const goneLogins = 8

// User is what the log says of one Matrix user.
type User struct {
	UID      events.UID      `json:"uid"`
	Seq      uint64          `json:"seq"` // last event of the aggregate: expect it when appending
	MatrixID events.MatrixID `json:"matrix_id,omitempty"`
	Room     events.RoomID   `json:"room,omitempty"`    // the management room, empty if there is none
	Invited  []events.RoomID `json:"invited,omitempty"` // rooms the bot was asked into, not yet looked at
	// Aside is a room that is no management room because of others in it; it is
	// looked at anew when one of them leaves.
	Aside events.RoomID `json:"aside,omitempty"`
	// Last is the room that is, or was last, the management room.
	Last events.RoomID `json:"last,omitempty"`
	// Former are private chats with the bot that newer ones have replaced, oldest first.
	Former []events.RoomID `json:"former,omitempty"`
	// Encrypted is the latest room in which the user was told that the bot reads
	// no encrypted messages.
	Encrypted events.RoomID `json:"encrypted,omitempty"`
	Attempt   *Attempt      `json:"attempt,omitempty"` // the running login attempt
	// Over is how the last attempt has ended, until another begins.
	Over   *Over   `json:"over,omitempty"`
	Links  []Link  `json:"links,omitempty"`  // to the login page, oldest first
	Logins []Login `json:"logins,omitempty"` // in the order they began
	// Gone are the logins that ended for good last, oldest first: the user is
	// told which one it was.
	Gone []Login `json:"gone,omitempty"`
	// Devices are the sessions that the user was shown last.
	Devices *Devices `json:"devices,omitempty"`
	// Pictures are the messages with QR codes that are not yet redacted.
	Pictures []Picture `json:"pictures,omitempty"`
	Seen     []string  `json:"seen,omitempty"` // Matrix events recorded, oldest first
}

// Attempt is a running login.
type Attempt struct {
	ID       events.AttemptID     `json:"id"`
	Login    events.LoginID       `json:"login,omitempty"` // the one to revive
	Method   events.Method        `json:"method"`
	Channel  events.Channel       `json:"channel"`
	Room     events.RoomID        `json:"room,omitempty"`
	Step     events.Step          `json:"step"`
	Awaiting events.EventID       `json:"awaiting,omitempty"` // the submission whose outcome is to come
	Started  time.Time            `json:"started"`
	Deadline time.Time            `json:"deadline"`
	Masked   string               `json:"masked,omitempty"` // the phone number, masked
	Route    events.Route         `json:"route,omitempty"`
	Length   int                  `json:"length,omitempty"`  // of the code
	Next     events.Route         `json:"next,omitempty"`    // how another code would come
	NextAt   time.Time            `json:"next_at,omitzero"`  // and from when on
	Offered  bool                 `json:"offered,omitempty"` // the user was told that it may be asked for
	Tries    int                  `json:"tries,omitempty"`   // refused answers at this step
	RetryAt  time.Time            `json:"retry_at,omitzero"` // flood wait
	Delayed  bool                 `json:"delayed,omitempty"` // the user was told that Telegram can't be reached
	Factors  []string             `json:"factors,omitempty"` // given so far
	Named    bool                 `json:"named,omitempty"`   // the name of the account to make lies in the vault
	Guarded  bool                 `json:"guarded,omitempty"` // the number is taken, and its account has a password
	QR       int                  `json:"qr,omitempty"`      // how many QR codes there were
	QRUntil  time.Time            `json:"qr_until,omitzero"` // when the code is to be renewed
	Via      events.Channel       `json:"via,omitempty"`     // the door through which the user answered last
	Rebuff   *Rebuff              `json:"rebuff,omitempty"`  // what was not taken last
	Browser  *Browser             `json:"browser,omitempty"` // where the login page is open
	Pairing  bool                 `json:"pairing,omitempty"` // the page's code is to be sent to the bot in the end
	Turns    int                  `json:"turns,omitempty"`   // how often the user chose a method anew
	Terms    string               `json:"terms,omitempty"`   // Telegram's, to be accepted
	MinAge   int                  `json:"min_age,omitempty"`
	Account  *events.AccountFacts `json:"account,omitempty"` // that the number has, or that Telegram has let in
	Pattern  string               `json:"pattern,omitempty"` // of the number that calls, or of the e-mail address
	URL      string               `json:"url,omitempty"`     // where to find the code
}

// Devices are the places where a login's account is logged in to Telegram,
// under the numbers that the user was shown.
type Devices struct {
	Login events.LoginID  `json:"login"`
	List  []events.Device `json:"list,omitempty"`
}

// Login is one Telegram session of a user.
type Login struct {
	ID         events.LoginID   `json:"id"`
	Account    events.AccountID `json:"account"`
	TelegramID int64            `json:"telegram_id,omitempty"`
	Name       string           `json:"name,omitempty"`
	Username   string           `json:"username,omitempty"`
	Masked     string           `json:"masked,omitempty"`
	Method     events.Method    `json:"method"`
	Since      time.Time        `json:"since"`
	State      LoginState       `json:"state"`
	Cause      events.EndCause  `json:"cause,omitempty"`  // why it is suspended
	Ending     events.EventID   `json:"ending,omitempty"` // the logout request under way
	Rooms      int              `json:"rooms,omitempty"`  // portals it is to have
	Listed     bool             `json:"listed,omitempty"` // its chats have been listed
	Told       int              `json:"told,omitempty"`   // the milestone of its rooms that was told last
	Revived    bool             `json:"revived,omitempty"`
}

// LoginState says whether a login is in use.
type LoginState string

// The states of a login.
const (
	LoginActive    LoginState = "active"
	LoginSuspended LoginState = "suspended" // Telegram ended the session; rooms are kept
)

// ActiveLogins are the logins in use.
func (u User) ActiveLogins() []Login {
	return slices.DeleteFunc(slices.Clone(u.Logins), func(l Login) bool { return l.State != LoginActive })
}

// Login returns the user's login by its ID.
func (u User) Login(id events.LoginID) (Login, bool) {
	i := slices.IndexFunc(u.Logins, func(l Login) bool { return l.ID == id })
	if i < 0 {
		return Login{}, false
	}
	return u.Logins[i], true
}

// LoginOf returns the user's login to an account.
func (u User) LoginOf(account events.AccountID) (Login, bool) {
	i := slices.IndexFunc(u.Logins, func(l Login) bool { return l.Account == account })
	if i < 0 {
		return Login{}, false
	}
	return u.Logins[i], true
}

// Admits reports whether the running attempt may end in a login to the account:
// one that is to revive a login is for that login's account alone, while there
// is that login.
func (u User) Admits(account events.AccountID) bool {
	if u.Attempt == nil {
		return false
	}
	l, ok := u.Login(u.Attempt.Login)
	return !ok || l.Account == account
}

// Known returns a login of the user by its ID, also one that has just ended.
func (u User) Known(id events.LoginID) (Login, bool) {
	if l, ok := u.Login(id); ok {
		return l, true
	}
	i := slices.IndexFunc(u.Gone, func(l Login) bool { return l.ID == id })
	if i < 0 {
		return Login{}, false
	}
	return u.Gone[i], true
}

// Recorded reports whether the log already holds what the Matrix event said.
func (u User) Recorded(origin events.MatrixEventID) bool {
	return origin != "" && slices.Contains(u.Seen, string(origin))
}

func (u *User) clone() User {
	c := *u
	c.Invited = slices.Clone(u.Invited)
	c.Former = slices.Clone(u.Former)
	c.Logins = slices.Clone(u.Logins)
	c.Gone = slices.Clone(u.Gone)
	c.Seen = slices.Clone(u.Seen)
	c.Pictures = slices.Clone(u.Pictures)
	if u.Devices != nil {
		c.Devices = &Devices{Login: u.Devices.Login, List: slices.Clone(u.Devices.List)}
	}
	c.Links = slices.Clone(u.Links)
	if u.Over != nil {
		over := *u.Over
		c.Over = &over
	}
	if u.Attempt != nil {
		a := *u.Attempt
		a.Factors = slices.Clone(a.Factors)
		c.Attempt = &a
	}
	return c
}

// Users is the projection of AUTH.
type Users struct {
	table[User]
	byMatrix map[events.MatrixID]events.UID
	byRoom   map[events.RoomID]events.UID // management rooms
	byAside  map[events.RoomID]events.UID
	byLogin  map[events.LoginID]events.UID
}

// NewUsers returns the projection of an empty log.
func NewUsers() *Users {
	us := &Users{}
	us.init("users", func(u *User) events.UID { return u.UID }, func() {
		us.byMatrix = make(map[events.MatrixID]events.UID, len(us.byID))
		us.byRoom = make(map[events.RoomID]events.UID, len(us.byID))
		us.byAside = map[events.RoomID]events.UID{}
		us.byLogin = make(map[events.LoginID]events.UID, len(us.byID))
		for _, u := range us.byID {
			us.index(u)
		}
	})
	return us
}

func (us *Users) index(u *User) {
	if u.MatrixID != "" {
		us.byMatrix[u.MatrixID] = u.UID
	}
	if u.Room != "" {
		us.byRoom[u.Room] = u.UID
	}
	if u.Aside != "" {
		us.byAside[u.Aside] = u.UID
	}
	for _, l := range u.Logins {
		us.byLogin[l.ID] = u.UID
	}
}

// Get returns the user, or the zero state of one the log knows nothing of.
func (us *Users) Get(uid events.UID) User {
	us.mu.RLock()
	defer us.mu.RUnlock()
	if u, ok := us.byID[uid]; ok {
		return u.clone()
	}
	return User{UID: uid}
}

// Version is the last event of a user: it differs when there is something new.
func (us *Users) Version(uid events.UID) uint64 {
	us.mu.RLock()
	defer us.mu.RUnlock()
	if u, ok := us.byID[uid]; ok {
		return u.Seq
	}
	return 0
}

// ByMatrixID returns the user with a Matrix ID.
func (us *Users) ByMatrixID(id events.MatrixID) (User, bool) {
	us.mu.RLock()
	defer us.mu.RUnlock()
	if u, ok := us.byID[us.byMatrix[id]]; ok {
		return u.clone(), true
	}
	return User{}, false
}

// ByRoom returns the user whose management room it is.
func (us *Users) ByRoom(room events.RoomID) (User, bool) {
	us.mu.RLock()
	defer us.mu.RUnlock()
	if u, ok := us.byID[us.byRoom[room]]; ok {
		return u.clone(), true
	}
	return User{}, false
}

// ByAside returns the user who has the bot in a room that is no management
// room because of others in it.
func (us *Users) ByAside(room events.RoomID) (User, bool) {
	us.mu.RLock()
	defer us.mu.RUnlock()
	if u, ok := us.byID[us.byAside[room]]; ok {
		return u.clone(), true
	}
	return User{}, false
}

// ByLogin returns the user who holds a login.
func (us *Users) ByLogin(id events.LoginID) (User, bool) {
	us.mu.RLock()
	defer us.mu.RUnlock()
	if u, ok := us.byID[us.byLogin[id]]; ok {
		return u.clone(), true
	}
	return User{}, false
}

// HoldersOf returns every user with an active login to the account.
func (us *Users) HoldersOf(account events.AccountID) []User {
	return us.Where(func(u *User) bool {
		return slices.ContainsFunc(u.Logins, func(l Login) bool { return l.Account == account && l.State == LoginActive })
	})
}

// Where returns the users that ok chooses, by uid. ok must only look.
func (us *Users) Where(ok func(*User) bool) []User {
	us.mu.RLock()
	defer us.mu.RUnlock()
	var found []User
	for _, uid := range slices.Sorted(maps.Keys(us.byID)) {
		if u := us.byID[uid]; ok(u) {
			found = append(found, u.clone())
		}
	}
	return found
}

// Count is the number of users and of active logins.
func (us *Users) Count() (users, logins int) {
	us.mu.RLock()
	defer us.mu.RUnlock()
	for _, u := range us.byID {
		for _, l := range u.Logins {
			if l.State == LoginActive {
				logins++
			}
		}
	}
	return len(us.byID), logins
}
