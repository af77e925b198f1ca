package management

import (
	"context"
	"errors"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
	"rsc.io/qr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// picture is a QR code on its way to a room.
type picture struct {
	room    events.RoomID
	code    *qr.Code
	text    notice
	instead events.MatrixEventID // the message that it takes the place of, if any
}

// pictureOf finds the message in which an earlier run, or an earlier try, has
// shown a code; empty if there is none.
func (b *Bot) pictureOf(ctx context.Context, e events.Event, room events.RoomID) (events.MatrixEventID, error) {
	if !b.maybeSaid(e) {
		return "", nil
	}
	found, err := b.findSaid(ctx, room, e.ID)
	return events.MatrixEventID(found), err
}

// show sends a picture and returns the event that it is. The picture itself may
// be stored twice: nobody sees it then.
func (b *Bot) show(ctx context.Context, e events.Event, p picture) (events.MatrixEventID, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	png := p.code.PNG()
	stored, err := b.client.UploadBytes(ctx, png, "image/png")
	if err = b.verdict(err); err != nil {
		return "", err
	}
	side := (p.code.Size + 8) * p.code.Scale // with its white frame
	shown := &event.MessageEventContent{
		MsgType: event.MsgImage, Body: p.text.body, Format: event.FormatHTML, FormattedBody: p.text.html,
		FileName: "qr.png", URL: stored.ContentURI.CUString(), Mentions: &event.Mentions{},
		Info: &event.FileInfo{MimeType: "image/png", Width: side, Height: side, Size: len(png)},
	}
	if p.instead != "" {
		shown.SetEdit(id.EventID(p.instead))
	}
	sent, err := b.client.SendMessageEvent(ctx, id.RoomID(p.room), event.EventMessage,
		&event.Content{Parsed: shown, Raw: map[string]any{noticeKey: string(e.ID)}},
		mautrix.ReqSendEvent{TransactionID: "natsgram." + string(e.ID)})
	if err = b.verdict(err); err != nil {
		b.tried.Store(e.ID, true)
		return "", err
	}
	b.tried.Delete(e.ID)
	return events.MatrixEventID(sent.EventID), nil
}

// redactPicture deletes a message with a code and says what became of it, as
// redact does.
func (b *Bot) redactPicture(ctx context.Context, p projections.Picture) (code string, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err = b.client.RedactEvent(ctx, id.RoomID(p.Room), id.EventID(p.Message),
		mautrix.ReqRedact{TxnID: "natsgram.redact." + string(p.Message), Reason: "The code has done its work"})
	err = b.verdict(err)
	var gone goneError
	if errors.As(err, &gone) {
		return string(gone), nil
	}
	return "", err
}
