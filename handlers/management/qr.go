package management

import (
	"context"
	"errors"

	"rsc.io/qr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// qrKind is the kind of the timers at which a QR code is renewed.
const qrKind = "qr_renewal"

// onQRIssued shows a code: in a message of its own, then in its place. What was
// sent by a process that died before it could record it is looked for first: it
// is not sent again, and is redacted in its time even if it is of no use now.
func (b *Bot) onQRIssued(ctx context.Context, u projections.User, e events.Event, f *events.QRIssued) error {
	room := roomOf(u)
	if room == "" || b.cfg.NoRoom || u.Shown(f.Attempt, f.N) {
		return nil
	}
	instead := u.PictureIn(room, f.Attempt)
	message, err := b.pictureOf(ctx, e, room)
	if err == nil && message == "" {
		message, err = b.showQR(ctx, u, e, f, instead)
	}
	if err != nil || message == "" {
		return b.ignoreGone(e, err)
	}
	m := commit.Because(e, events.ByMatrix)
	m.ID = events.EventIDFor(e.Time, string(e.ID)+" shown")
	_, err = b.Desk.Do(ctx, u.UID, m, func(u projections.User) (events.Fact, error) {
		if u.Shown(f.Attempt, f.N) {
			return nil, nil
		}
		return &events.QRShown{Attempt: f.Attempt, N: f.N, Message: message, Edit: instead != "", Sealed: events.RoomFacts{Room: room}}, nil
	})
	return err
}

// showQR sends the picture of a code, unless another came meanwhile, none is
// wanted any more, or others could see it.
func (b *Bot) showQR(ctx context.Context, u projections.User, e events.Event, f *events.QRIssued, instead events.MatrixEventID) (events.MatrixEventID, error) {
	if a := u.Attempt; u.Room == "" || a == nil || a.ID != f.Attempt || !a.ByQR() || a.QR != f.N {
		return "", nil
	}
	if safe, _, err := b.guard(ctx, u, e, f.Attempt); err != nil || !safe {
		return "", err
	}
	token, err := b.Secrets.Attempt(ctx, f.Attempt, vault.QRToken)
	switch {
	case errors.Is(err, vault.ErrMissing):
		return "", nil // scanned just now
	case err != nil:
		return "", journal.Down(err)
	}
	p := picture{room: u.Room, instead: instead, text: qrWords(*u.Attempt, token)}
	if p.code, err = qr.Encode(login.QRLink(token), qr.M); err != nil {
		return "", err
	}
	return b.show(ctx, e, p)
}

// takeDown redacts the codes that have done their work, and records what became
// of each. It looks at the state, so that what a crash left undone is done with
// whatever happens next.
func (b *Bot) takeDown(ctx context.Context, u projections.User, e events.Event) error {
	for _, p := range u.Stale() {
		code, err := b.redactPicture(ctx, p)
		if err != nil {
			return err
		}
		m := commit.Because(e, events.ByMatrix)
		m.ID = events.EventIDFor(e.Time, string(p.Message)+" redacted")
		_, err = b.Desk.Do(ctx, u.UID, m, func(u projections.User) (events.Fact, error) {
			if !u.Shown(p.Attempt, p.N) {
				return nil, nil
			}
			return &events.SecretRedacted{What: events.SecretQR, OK: code == "", Error: code, Message: p.Message}, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// renewLater sets the timer at which the attempt's code is asked for anew: when
// its time is over, or the time that Telegram wants the bridge to wait.
func (b *Bot) renewLater(ctx context.Context, e events.Event, id events.AttemptID) error {
	a := b.Users.Get(e.Aggregate.UID).Attempt
	if a == nil || a.ID != id || a.Step != events.StepQR {
		return nil
	}
	at := a.QRUntil
	if at.IsZero() {
		at = e.Time
	}
	return stored(b.Timers.Schedule(ctx, journal.Timer{
		Key: qrTimerKey(id), Aggregate: e.Aggregate, Kind: qrKind, Ref: string(id), At: at,
	}))
}

func qrTimerKey(id events.AttemptID) string { return "qr." + string(id) }
