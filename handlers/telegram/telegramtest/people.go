package telegramtest

import (
	"fmt"
	"strings"

	"github.com/gotd/td/tg"
)

// UserSpec describes an account.
type UserSpec struct {
	Phone               string // digits, with or without +
	FirstName, LastName string
	Username, About     string
	Password, Hint      string // second factor; "" = none
	Bot                 bool
	Token               string // of a bot; made up if empty
	Photo               []byte // profile photo
	Code                string // fixed login code; else random
	DC                  int    // home; default 2
	// FutureToken has auth.logOut hand out a token with which the next login
	// on the same phone needs no code.
	FutureToken bool
}

// AddUser makes an account. It panics if phone or username is taken.
func (s *Server) AddUser(spec UserSpec) UserID {
	var v, s1, s2 []byte
	if spec.Password != "" {
		var err error
		if v, s1, s2, err = newVerifier(spec.Password); err != nil {
			panic(err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := digits(spec.Phone); p != "" && s.byPhone(p) != nil {
		panic("telegramtest: there is a user with this phone")
	}
	s.freeUsername(spec.Username)
	u := s.newUser(spec)
	u.Verifier, u.Salt1, u.Salt2, u.Hint = v, s1, s2, spec.Hint
	s.change()
	return u.ID
}

func (s *Server) newUser(spec UserSpec) *user {
	u := &user{
		ID: UserID(s.nextID()), Phone: digits(spec.Phone), FirstName: spec.FirstName, LastName: spec.LastName,
		Username: spec.Username, About: spec.About, Bot: spec.Bot, Token: spec.Token, Code: spec.Code, DC: spec.DC,
		FutureToken: spec.FutureToken, Contacts: map[UserID]bool{}, mailbox: newMailbox(),
		Dialogs: map[peerKey]*dialog{}, RandomIDs: map[int64]bool{},
	}
	setDefault(&u.DC, 2)
	if u.Bot && u.Token == "" {
		u.Token = fmt.Sprintf("%d:%x", int64(u.ID), randomBytes(16))
	}
	if len(spec.Photo) > 0 {
		u.Photo = s.addFile(spec.Photo, "image/jpeg", "photo.jpg").No
	}
	s.w.Users[u.ID] = u
	return u
}

// serviceUser is Telegram's own account, which brings login codes.
func (s *Server) serviceUser() *user {
	const id = 777000
	if u := s.w.Users[id]; u != nil {
		return u
	}
	u := s.newUser(UserSpec{FirstName: "Telegram", Phone: "42777"})
	delete(s.w.Users, u.ID)
	u.ID = id
	s.w.Users[id] = u
	return u
}

// BotToken is what auth.importBotAuthorization takes.
func (s *Server) BotToken(u UserID) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mustUser(u).Token
}

// AddContact puts other in the address book of u, or of both.
func (s *Server) AddContact(u, other UserID, mutual bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustUser(u).Contacts[other] = true
	if mutual {
		s.mustUser(other).Contacts[u] = true
	}
	s.change()
}

// RenameUser changes a name; those who know the user are told.
func (s *Server) RenameUser(u UserID, first, last string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	acc := s.mustUser(u)
	acc.FirstName, acc.LastName = first, last
	s.tellAcquaintances(acc, func() tg.UpdateClass {
		up := &tg.UpdateUserName{UserID: int64(u), FirstName: first, LastName: last}
		if acc.Username != "" {
			up.Usernames = []tg.Username{{Active: true, Editable: true, Username: acc.Username}}
		}
		return up
	})
	s.change()
}

// SetUserPhoto changes a profile photo; nil removes it.
func (s *Server) SetUserPhoto(u UserID, photo []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	acc := s.mustUser(u)
	acc.Photo = 0
	if len(photo) > 0 {
		acc.Photo = s.addFile(photo, "image/jpeg", "photo.jpg").No
	}
	s.tellAcquaintances(acc, func() tg.UpdateClass { return &tg.UpdateUser{UserID: int64(u)} })
	s.change()
}

// tellAcquaintances reaches the user's own sessions and everyone with a dialog
// or an address book entry.
func (s *Server) tellAcquaintances(u *user, up func() tg.UpdateClass) {
	for id := range s.online {
		other := s.w.Users[id]
		if id != u.ID && other.Dialogs[u.ID.key()] == nil && !other.Contacts[u.ID] {
			continue
		}
		e := s.entities(other)
		e.user(u.ID)
		s.push(other, nil, e, up())
	}
}

// UserWith is the account of a phone number; 0 if it has none.
func (s *Server) UserWith(phone string) UserID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.byPhone(digits(phone)); u != nil {
		return u.ID
	}
	return 0
}

// BanUser has Telegram refuse the account: its sessions get
// USER_DEACTIVATED_BAN, its phone PHONE_NUMBER_BANNED.
func (s *Server) BanUser(u UserID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustUser(u).Banned = true
	s.cutUser(u)
}

// DeleteAccount leaves an empty shell, as when the user deletes the account.
func (s *Server) DeleteAccount(u UserID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	acc := s.mustUser(u)
	acc.Gone, acc.Phone, acc.Username, acc.FirstName, acc.LastName, acc.Photo = true, "", "", "", "", 0
	s.cutUser(u)
}

func (s *Server) cutUser(u UserID) {
	for c := range s.conns {
		if c.key != nil && c.key.User == u {
			c.sever()
		}
	}
	s.change()
}

func (s *Server) mustUser(u UserID) *user {
	acc := s.w.Users[u]
	if acc == nil {
		panic(fmt.Sprintf("telegramtest: no %v", u))
	}
	return acc
}

func (s *Server) byPhone(phone string) *user {
	for _, u := range s.w.Users {
		if u.Phone == phone && !u.Bot && !u.Gone {
			return u
		}
	}
	return nil
}

// freeUsername panics if a user or chat has the name.
func (s *Server) freeUsername(name string) {
	if k, ok := s.byUsername(name); ok {
		panic(fmt.Sprintf("telegramtest: username %q belongs to %d", name, k))
	}
}

func (s *Server) byUsername(name string) (peerKey, bool) {
	name = strings.ToLower(strings.TrimPrefix(name, "@"))
	if name == "" {
		return 0, false
	}
	for _, u := range s.w.Users {
		if strings.ToLower(u.Username) == name {
			return u.ID.key(), true
		}
	}
	for _, c := range s.w.Chats {
		if strings.ToLower(c.Username) == name {
			return c.ID.key(), true
		}
	}
	return 0, false
}
