package telegramtest

import (
	"context"

	"github.com/gotd/td/tg"
)

// Terms are terms of service that whoever signs up is shown.
type Terms struct {
	ID     string // JSON of Telegram's own
	Text   string
	Links  []Link // in Text
	MinAge int
}

// Link is a stretch of a text that leads somewhere; in UTF-16 code units.
type Link struct {
	Offset, Length int
	URL            string
}

// SetTerms has everybody who signs up shown these terms of service.
func (s *Server) SetTerms(t Terms) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w.Terms = &t
	s.change()
}

// TermsAccepted tells whether a user has accepted the terms of service.
func (s *Server) TermsAccepted(u UserID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Accepted[u]
}

func (s *Server) signUpRequired() *tg.AuthAuthorizationSignUpRequired {
	out := &tg.AuthAuthorizationSignUpRequired{}
	if s.w.Terms == nil {
		return out
	}
	terms := tg.HelpTermsOfService{Popup: true, ID: tg.DataJSON{Data: s.w.Terms.ID}, Text: s.w.Terms.Text}
	for _, l := range s.w.Terms.Links {
		terms.Entities = append(terms.Entities, &tg.MessageEntityTextURL{Offset: l.Offset, Length: l.Length, URL: l.URL})
	}
	if s.w.Terms.MinAge > 0 {
		terms.SetMinAgeConfirm(s.w.Terms.MinAge)
	}
	out.SetTermsOfService(terms)
	return out
}

func (s *Server) acceptTerms(ctx context.Context, id tg.DataJSON) (bool, error) {
	u := callOf(ctx).key.User
	if s.w.Terms == nil || id.Data != s.w.Terms.ID {
		return false, rpcError(400, "DATA_JSON_INVALID")
	}
	s.w.Accepted[u] = true
	s.change()
	return true, nil
}
