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
	s.terms = &t
}

// TermsAccepted tells whether a user has accepted the terms of service.
func (s *Server) TermsAccepted(u UserID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted[u]
}

func (s *Server) signUpRequired() *tg.AuthAuthorizationSignUpRequired {
	out := &tg.AuthAuthorizationSignUpRequired{}
	if s.terms == nil {
		return out
	}
	terms := tg.HelpTermsOfService{Popup: true, ID: tg.DataJSON{Data: s.terms.ID}, Text: s.terms.Text}
	for _, l := range s.terms.Links {
		terms.Entities = append(terms.Entities, &tg.MessageEntityTextURL{Offset: l.Offset, Length: l.Length, URL: l.URL})
	}
	if s.terms.MinAge > 0 {
		terms.SetMinAgeConfirm(s.terms.MinAge)
	}
	out.SetTermsOfService(terms)
	return out
}

func (s *Server) acceptTerms(ctx context.Context, id tg.DataJSON) (bool, error) {
	u := callOf(ctx).key.User
	if s.terms == nil || id.Data != s.terms.ID {
		return false, rpcError(400, "DATA_JSON_INVALID")
	}
	s.accepted[u] = true
	return true, nil
}
