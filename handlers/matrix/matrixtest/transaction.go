package matrixtest

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// PutTransaction gives a bridge one transaction as its homeserver would. Events
// of an ephemeral type (typing, receipts) go where the homeserver puts those.
// An answer other than 200 is a *StatusError. It doesn't retry.
func PutTransaction(ctx context.Context, bridgeURL, hsToken, txnID string, events ...*event.Event) error {
	body := map[string][]*event.Event{"events": {}}
	for _, evt := range events {
		part := "events"
		if evt.Type.IsEphemeral() {
			part = "ephemeral"
		}
		body[part] = append(body[part], evt)
	}
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	return callJSON(ctx, client, http.MethodPut,
		bridgeURL+"/_matrix/app/v1/transactions/"+url.PathEscape(txnID), hsToken, body, nil)
}

// NewMessage is a plain message for PutTransaction, with an ID of its own.
func NewMessage(room id.RoomID, sender id.UserID, text string) *event.Event {
	return newEvent(room, sender, event.EventMessage, &event.MessageEventContent{MsgType: event.MsgText, Body: text})
}

// NewRedaction is the deletion of a message for PutTransaction.
func NewRedaction(room id.RoomID, sender id.UserID, message id.EventID) *event.Event {
	evt := newEvent(room, sender, event.EventRedaction, &event.RedactionEventContent{Redacts: message})
	evt.Redacts = message
	return evt
}

// NewTyping says for PutTransaction who is writing in a room.
func NewTyping(room id.RoomID, users ...id.UserID) *event.Event {
	if users == nil {
		users = []id.UserID{}
	}
	return &event.Event{
		Type: event.EphemeralEventTyping, RoomID: room,
		Content: event.Content{Parsed: &event.TypingEventContent{UserIDs: users}},
	}
}

// NewReceipt says for PutTransaction that a user has read up to a message.
func NewReceipt(room id.RoomID, user id.UserID, message id.EventID) *event.Event {
	content := event.ReceiptEventContent{}
	content.Set(message, event.ReceiptTypeRead, user, event.ReadReceipt{Timestamp: time.Now()})
	return &event.Event{
		Type: event.EphemeralEventReceipt, RoomID: room,
		Content: event.Content{Parsed: &content},
	}
}

func newEvent(room id.RoomID, sender id.UserID, kind event.Type, content any) *event.Event {
	return &event.Event{
		ID: id.EventID("$" + rand.Text()), RoomID: room, Sender: sender, Type: kind,
		Timestamp: time.Now().UnixMilli(),
		Content:   event.Content{Parsed: content},
	}
}
