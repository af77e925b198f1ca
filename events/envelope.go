package events

import (
	"errors"
	"fmt"
	"time"

	json "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Source is the CloudEvents source of every event.
const Source = "natsgram"

// ErrForgotten says that the key of an aggregate was deleted: what it sealed is
// gone for good.
var ErrForgotten = errors.New("the key of this person or chat was deleted")

// Sealer seals and opens the personal part of events. The vault is one.
type Sealer interface {
	// Seal encrypts under the key of uid, making the key if there is none.
	Seal(uid UID, plaintext, aad []byte) ([]byte, error)
	// Open decrypts; it returns ErrForgotten if the key of uid is gone.
	Open(uid UID, ciphertext, aad []byte) ([]byte, error)
}

// wire is the envelope as stored: a CloudEvents 1.0 event in structured JSON.
// Extension attributes are lower case without separators, as the spec demands.
type wire struct {
	SpecVersion   string         `json:"specversion"`
	ID            EventID        `json:"id"`
	Source        string         `json:"source"`
	Type          Type           `json:"type"`
	Subject       UID            `json:"subject"`
	Time          time.Time      `json:"time"`
	Actor         Actor          `json:"actor"`
	CorrelationID string         `json:"correlationid,omitzero"`
	CausationID   EventID        `json:"causationid,omitzero"`
	OriginID      MatrixEventID  `json:"originid,omitzero"`
	Sealed        []byte         `json:"sealed,omitempty"`
	Data          jsontext.Value `json:"data"`
}

// aad binds a sealed part to its event: it opens nowhere else.
func aad(id EventID, t Type, subject UID) []byte {
	return []byte(string(id) + "\n" + string(t) + "\n" + string(subject))
}

// Encode is the stored form of e, its personal part sealed by s.
func Encode(e Event, s Sealer) ([]byte, error) {
	t := e.Fact.Type()
	if t.Stream() != e.Aggregate.Stream {
		return nil, fmt.Errorf("%s does not belong in stream %s", t, e.Aggregate.Stream)
	}
	data, err := json.Marshal(e.Fact)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", t, err)
	}
	w := wire{
		SpecVersion: "1.0", ID: e.ID, Source: Source, Type: t, Subject: e.Aggregate.UID,
		Time: e.Time.UTC().Truncate(time.Millisecond), Actor: e.Actor,
		CorrelationID: e.Correlation, CausationID: e.Causation, OriginID: e.Origin, Data: data,
	}
	if p := e.Fact.Personal(); p != nil {
		plain, err := json.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", t, err)
		}
		w.Sealed, err = s.Seal(e.Aggregate.UID, plain, aad(w.ID, t, w.Subject))
		if err != nil {
			return nil, fmt.Errorf("seal %s: %w", t, err)
		}
	}
	return json.Marshal(w)
}

// Decode reads a stored event. An event of a type that this version does not
// know comes back with an *Unknown fact; one whose key was deleted comes back
// with Forgotten set. A nil Sealer leaves every personal part sealed, as an
// auditor without the keyset sees it.
func Decode(body []byte, s Sealer) (Event, error) {
	var w wire
	if err := json.Unmarshal(body, &w); err != nil {
		return Event{}, fmt.Errorf("decode envelope: %w", err)
	}
	e := Event{
		ID: w.ID, Aggregate: Aggregate{Stream: w.Type.Stream(), UID: w.Subject}, Time: w.Time, Actor: w.Actor,
		Correlation: w.CorrelationID, Causation: w.CausationID, Origin: w.OriginID,
	}
	if w.SpecVersion != "1.0" || w.ID == "" || w.Subject == "" || e.Aggregate.Stream == "" {
		return Event{}, fmt.Errorf("decode envelope: not a natsgram event (id %q, type %q)", w.ID, w.Type)
	}
	fact, known := New(w.Type)
	if !known {
		e.Fact = &Unknown{Wire: w.Type, Raw: w.Data}
		return e, nil
	}
	if err := json.Unmarshal(w.Data, fact); err != nil {
		return Event{}, fmt.Errorf("decode %s %s: %w", w.Type, w.ID, err)
	}
	e.Fact = fact
	personal := fact.Personal()
	if personal == nil || s == nil || len(w.Sealed) == 0 {
		return e, nil
	}
	plain, err := s.Open(w.Subject, w.Sealed, aad(w.ID, w.Type, w.Subject))
	switch {
	case errors.Is(err, ErrForgotten):
		e.Forgotten = true
		return e, nil
	case err != nil:
		return Event{}, fmt.Errorf("open %s %s: %w", w.Type, w.ID, err)
	}
	if err := json.Unmarshal(plain, personal); err != nil {
		return Event{}, fmt.Errorf("decode personal part of %s %s: %w", w.Type, w.ID, err)
	}
	return e, nil
}
