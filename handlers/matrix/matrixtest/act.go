package matrixtest

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// CreateDM makes a private room with one other user, as "start chat" does in
// common clients, unencrypted. The other is invited, not yet joined: see
// WaitJoined.
func (c *Client) CreateDM(ctx context.Context, with id.UserID) (id.RoomID, error) {
	return c.CreateRoom(ctx, &mautrix.ReqCreateRoom{
		Preset:   "trusted_private_chat",
		IsDirect: true,
		Invite:   []id.UserID{with},
	})
}

// CreateRoom makes any room.
func (c *Client) CreateRoom(ctx context.Context, req *mautrix.ReqCreateRoom) (id.RoomID, error) {
	resp, err := c.api.CreateRoom(ctx, req)
	if err != nil {
		return "", fmt.Errorf("create room: %w", err)
	}
	return resp.RoomID, nil
}

// SendText sends a plain message.
func (c *Client) SendText(ctx context.Context, room id.RoomID, text string) (id.EventID, error) {
	return c.Send(ctx, room, &event.MessageEventContent{MsgType: event.MsgText, Body: text})
}

// SendHTML sends a formatted message; text is its plain fallback.
func (c *Client) SendHTML(ctx context.Context, room id.RoomID, text, html string) (id.EventID, error) {
	return c.Send(ctx, room, &event.MessageEventContent{
		MsgType: event.MsgText, Body: text, Format: event.FormatHTML, FormattedBody: html,
	})
}

// SendNotice sends a notice, which bots should not answer.
func (c *Client) SendNotice(ctx context.Context, room id.RoomID, text string) (id.EventID, error) {
	return c.Send(ctx, room, &event.MessageEventContent{MsgType: event.MsgNotice, Body: text})
}

// Reply sends a plain message as a reply to another.
func (c *Client) Reply(ctx context.Context, room id.RoomID, to id.EventID, text string) (id.EventID, error) {
	return c.Send(ctx, room, &event.MessageEventContent{
		MsgType: event.MsgText, Body: text, RelatesTo: (&event.RelatesTo{}).SetReplyTo(to),
	})
}

// Edit replaces the text of a message of the user's own. The ID returned is the
// edit's; the message keeps its own.
func (c *Client) Edit(ctx context.Context, room id.RoomID, message id.EventID, text string) (id.EventID, error) {
	content := &event.MessageEventContent{MsgType: event.MsgText, Body: text}
	content.SetEdit(message)
	return c.Send(ctx, room, content)
}

// Send sends a message of any content.
func (c *Client) Send(ctx context.Context, room id.RoomID, content *event.MessageEventContent) (id.EventID, error) {
	return sent(c.api.SendMessageEvent(ctx, room, event.EventMessage, content))
}

// SendMedia uploads a small file and sends it as a message of the given kind
// (event.MsgImage, event.MsgFile, …).
func (c *Client) SendMedia(ctx context.Context, room id.RoomID, kind event.MessageType, name, contentType string, data []byte) (id.EventID, error) {
	uri, err := c.Upload(ctx, contentType, data)
	if err != nil {
		return "", err
	}
	return c.Send(ctx, room, &event.MessageEventContent{
		MsgType: kind, Body: name, FileName: name, URL: uri,
		Info: &event.FileInfo{MimeType: contentType, Size: len(data)},
	})
}

// Upload stores a small file and returns its mxc:// address.
func (c *Client) Upload(ctx context.Context, contentType string, data []byte) (id.ContentURIString, error) {
	resp, err := c.api.UploadBytes(ctx, data, contentType)
	if err != nil {
		return "", fmt.Errorf("upload: %w", err)
	}
	return resp.ContentURI.CUString(), nil
}

// Download fetches a file by its mxc:// address.
func (c *Client) Download(ctx context.Context, uri id.ContentURIString) ([]byte, error) {
	parsed, err := uri.Parse()
	if err != nil {
		return nil, fmt.Errorf("download: %w", err)
	}
	return c.api.DownloadBytes(ctx, parsed)
}

// React adds a reaction to a message.
func (c *Client) React(ctx context.Context, room id.RoomID, message id.EventID, emoji string) (id.EventID, error) {
	return sent(c.api.SendReaction(ctx, room, message, emoji))
}

// Redact deletes a message or reaction. Dendrite doesn't tell appservices: see
// NewRedaction and PutTransaction.
func (c *Client) Redact(ctx context.Context, room id.RoomID, message id.EventID) (id.EventID, error) {
	return sent(c.api.RedactEvent(ctx, room, message))
}

func sent(resp *mautrix.RespSendEvent, err error) (id.EventID, error) {
	if err != nil {
		return "", fmt.Errorf("send: %w", err)
	}
	return resp.EventID, nil
}

// Invite asks a user into a room.
func (c *Client) Invite(ctx context.Context, room id.RoomID, user id.UserID) error {
	_, err := c.api.InviteUser(ctx, room, &mautrix.ReqInviteUser{UserID: user})
	return err
}

// Join accepts an invite or enters an open room.
func (c *Client) Join(ctx context.Context, room id.RoomID) error {
	_, err := c.api.JoinRoomByID(ctx, room)
	return err
}

// JoinInvites says whether the client accepts invites by itself from now on,
// those that are waiting included.
func (c *Client) JoinInvites(ctx context.Context, yes bool) error {
	for _, room := range c.view.setJoinInvites(yes) {
		if err := c.Join(ctx, room); err != nil {
			return err
		}
	}
	return nil
}

// Leave leaves a room or declines an invite.
func (c *Client) Leave(ctx context.Context, room id.RoomID) error {
	_, err := c.api.LeaveRoom(ctx, room)
	return err
}

// Kick puts another user out of a room.
func (c *Client) Kick(ctx context.Context, room id.RoomID, user id.UserID) error {
	_, err := c.api.KickUser(ctx, room, &mautrix.ReqKickUser{UserID: user})
	return err
}

// SetPower sets a user's power level in a room.
func (c *Client) SetPower(ctx context.Context, room id.RoomID, user id.UserID, level int) error {
	var levels event.PowerLevelsEventContent
	if err := c.api.StateEvent(ctx, room, event.StatePowerLevels, "", &levels); err != nil {
		return fmt.Errorf("read power levels: %w", err)
	}
	levels.SetUserLevel(user, level)
	_, err := c.api.SendStateEvent(ctx, room, event.StatePowerLevels, "", &levels)
	return err
}
