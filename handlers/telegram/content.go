package telegram

import (
	"context"
	"fmt"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
)

// read turns a message into what the log tells of it.
func (c *client) read(ctx context.Context, peer events.Peer, m *tg.Message) (events.MessageFacts, events.Content) {
	content, label := contentOf(m)
	what := events.MessageFacts{
		Sender: c.who(ctx, c.senderOf(peer, m.FromID, m.Out)), Label: label,
		Text: events.Text{Body: m.Message, Spans: spansOf(m.Entities)},
	}
	if peer == (events.Peer{Kind: events.PeerUser, ID: serviceAccount}) {
		what.Text = events.Text{Body: withoutCodes(m.Message)}
	}
	if fwd, ok := m.GetFwdFrom(); ok {
		what.ForwardedFrom = c.author(ctx, fwd)
	}
	return what, content
}

// senderOf is who speaks: in a private chat Telegram leaves it out, and what is
// posted in a channel is said by the channel.
func (c *client) senderOf(peer events.Peer, from tg.PeerClass, out bool) events.Peer {
	if p, ok := peerOf(from); ok {
		return p
	}
	if out && peer.Kind == events.PeerUser {
		return events.Peer{Kind: events.PeerUser, ID: c.selfID}
	}
	return peer
}

// who is a peer as the log tells of it. Of one that nothing is known of it
// tells so; the next message that brings a name corrects the ghost.
func (c *client) who(ctx context.Context, p events.Peer) events.Member {
	e, ok, err := c.book.get(ctx, p)
	if err != nil || !ok {
		e = entry{Peer: p}
	}
	m := e.member()
	if m.Name == "" {
		m.Name = "Telegram user"
		if p.Kind != events.PeerUser {
			m.Name = "Telegram chat"
		}
	}
	return m
}

// author names the first author of a forwarded message.
func (c *client) author(ctx context.Context, fwd tg.MessageFwdHeader) string {
	if p, ok := peerOf(fwd.FromID); ok {
		return c.who(ctx, p).Name
	}
	if fwd.FromName != "" {
		return fwd.FromName
	}
	return "somebody"
}

// contentOf says what kind of message it is, and names what is not bridged.
func contentOf(m *tg.Message) (events.Content, string) {
	switch media := m.Media.(type) {
	case nil, *tg.MessageMediaEmpty, *tg.MessageMediaWebPage:
		return events.ContentText, ""
	case *tg.MessageMediaPhoto:
		return events.ContentPhoto, "photo"
	case *tg.MessageMediaDocument:
		return documentKind(media)
	case *tg.MessageMediaGeo, *tg.MessageMediaGeoLive:
		return events.ContentLocation, "location" + place(media)
	case *tg.MessageMediaVenue:
		return events.ContentLocation, fmt.Sprintf("location: %s, %s", media.Title, media.Address)
	case *tg.MessageMediaContact:
		return events.ContentContact, fmt.Sprintf("contact: %s %s", media.FirstName, media.LastName)
	case *tg.MessageMediaPoll:
		return events.ContentPoll, "poll: " + media.Poll.Question.Text
	case *tg.MessageMediaDice:
		return events.ContentOther, fmt.Sprintf("%s: %d", media.Emoticon, media.Value)
	case *tg.MessageMediaGame:
		return events.ContentOther, "game: " + media.Game.Title
	case *tg.MessageMediaInvoice:
		return events.ContentOther, "invoice: " + media.Title
	case *tg.MessageMediaStory:
		return events.ContentOther, "story"
	case *tg.MessageMediaGiveaway, *tg.MessageMediaGiveawayResults:
		return events.ContentOther, "giveaway"
	default:
		return events.ContentOther, "message of a kind that is not known here"
	}
}

// place is where a location is, in a form that map programs take.
func place(media tg.MessageMediaClass) string {
	var geo tg.GeoPointClass
	switch m := media.(type) {
	case *tg.MessageMediaGeo:
		geo = m.Geo
	case *tg.MessageMediaGeoLive:
		geo = m.Geo
	default:
		return ""
	}
	if p, ok := geo.(*tg.GeoPoint); ok {
		return fmt.Sprintf(": geo:%.6f,%.6f", p.Lat, p.Long)
	}
	return ""
}

// documentKind tells documents apart by their attributes.
func documentKind(media *tg.MessageMediaDocument) (events.Content, string) {
	doc, ok := media.Document.(*tg.Document)
	if !ok {
		return events.ContentFile, "file that has expired"
	}
	kind, label, name := events.ContentFile, "file", ""
	for _, a := range doc.Attributes {
		switch a := a.(type) {
		case *tg.DocumentAttributeFilename:
			name = a.FileName
		case *tg.DocumentAttributeSticker:
			return events.ContentSticker, "sticker " + a.Alt
		case *tg.DocumentAttributeAnimated:
			kind, label = events.ContentVideo, "GIF"
		case *tg.DocumentAttributeVideo:
			if kind == events.ContentFile {
				kind, label = events.ContentVideo, "video"
			}
			if a.RoundMessage {
				label = "video message"
			}
		case *tg.DocumentAttributeAudio:
			kind, label = events.ContentAudio, "audio"
			if a.Voice {
				return events.ContentVoice, fmt.Sprintf("voice message, %d s", a.Duration)
			}
			if a.Title != "" {
				name = a.Title
			}
		default:
			// Says nothing of the kind.
		}
	}
	if name != "" {
		label += ": " + name
	}
	return kind, label
}
