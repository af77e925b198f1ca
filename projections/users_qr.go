package projections

import (
	"slices"

	"github.com/natsgram/natsgram/events"
)

// Picture is a message in which the bot shows the N-th QR code of an attempt.
// The first of an attempt in a room is edited for the next ones.
type Picture struct {
	Attempt events.AttemptID     `json:"attempt"`
	N       int                  `json:"n"`
	Message events.MatrixEventID `json:"message"`
	Room    events.RoomID        `json:"room,omitempty"`
}

// ByQR reports whether the attempt waits for a QR code or for its scan.
func (a Attempt) ByQR() bool {
	return a.Step == events.StepQR || a.Step == events.StepRequestingQR
}

// Shown reports whether the N-th code of an attempt is in the room.
func (u User) Shown(id events.AttemptID, n int) bool {
	return slices.ContainsFunc(u.Pictures, func(p Picture) bool { return p.Attempt == id && p.N == n })
}

// PictureIn is the message in which an attempt shows its codes in a room; empty
// if there is none.
func (u User) PictureIn(room events.RoomID, id events.AttemptID) events.MatrixEventID {
	i := slices.IndexFunc(u.Pictures, func(p Picture) bool { return p.Attempt == id && p.Room == room })
	if i < 0 {
		return ""
	}
	return u.Pictures[i].Message
}

// Stale are the pictures that have done their work: their attempt waits for no
// scan any more.
func (u User) Stale() []Picture {
	return slices.DeleteFunc(slices.Clone(u.Pictures), func(p Picture) bool {
		return u.Attempt != nil && u.Attempt.ID == p.Attempt && u.Attempt.ByQR()
	})
}

// applyQR folds what becomes of QR codes.
func (a *Attempt) applyQR(e events.Event) {
	switch f := e.Fact.(type) {
	case *events.QRIssued:
		why := a.Rebuff // stands beside the code that comes after the refused one
		a.ask(events.StepQR)
		a.QR, a.QRUntil, a.Rebuff = f.N, f.Until, why
	case *events.QRLapsed:
		why := a.Rebuff
		if !a.QRUntil.IsZero() {
			why = nil // a code has come since
		}
		a.submit(e.ID, events.StepRequestingQR)
		a.Rebuff = why
	case *events.QRScanned:
		a.submit(e.ID, events.StepRequestingQR)
	case *events.QRRejected:
		a.reject(e, f.Rejection)
		a.QRUntil = f.RetryAt
	default:
		// No fact about QR codes.
	}
}
