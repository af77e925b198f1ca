package telegram

import (
	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
)

// takeApart brings each update of a container to the sequence it belongs to.
func (f *feed) takeApart(u tg.UpdatesClass) {
	switch u := u.(type) {
	case *tg.Updates:
		f.open(envelope{u.Updates, u.Users, u.Chats, u.Seq, u.Seq, u.Date})
	case *tg.UpdatesCombined:
		f.open(envelope{u.Updates, u.Users, u.Chats, u.SeqStart, u.Seq, u.Date})
	case *tg.UpdateShort:
		if !f.knows(u.Update) {
			// A short update names nobody. The difference does.
			f.common.fallBehind()
			return
		}
		f.open(envelope{updates: []tg.UpdateClass{u.Update}, date: u.Date})
	default:
		// updatesTooLong, or a form that gotd should have changed to another.
		f.common.fallBehind()
	}
}

// envelope is a container of updates.
type envelope struct {
	updates    []tg.UpdateClass
	users      []tg.UserClass
	chats      []tg.ChatClass
	first, seq int
	date       int
}

func (f *feed) open(e envelope) {
	if f.c.learn(f.ctx, e.users, e.chats, e.updates) != nil {
		return // the client ends
	}
	if !f.inSequence(e) {
		f.common.fallBehind()
	}
	for _, u := range e.updates {
		f.route(u)
	}
	f.c.noticeChats(f.ctx, e.chats)
	f.cur.change(func(s *state) { s.Date = max(s.Date, e.date) })
}

// inSequence follows seq, the numbers of the containers themselves. What has a
// pts is told apart by that; a container that is missing may have held more.
func (f *feed) inSequence(e envelope) bool {
	if e.seq == 0 {
		return true
	}
	at := f.cur.get().Seq
	if e.seq <= at {
		return true
	}
	f.cur.change(func(s *state) { s.Seq = e.seq })
	return at == 0 || e.first <= at+1
}

// route brings one update to its sequence. What has none is acted upon now.
func (f *feed) route(u tg.UpdateClass) {
	if tooLong, ok := u.(*tg.UpdateChannelTooLong); ok {
		f.tooLong(tooLong)
		return
	}
	if channel, pts, count, ok, err := tg.IsChannelPtsUpdate(u); ok && err == nil {
		f.box(channel).offer(item{pts: pts, count: count, update: u})
		return
	}
	if pts, count, ok := tg.IsPtsUpdate(u); ok {
		f.common.offer(item{pts: pts, count: count, update: u})
		return
	}
	if id, ok := u.(*tg.UpdateMessageID); ok {
		f.c.onMessageID(f.ctx, id)
		return
	}
	f.c.onHint(u)
}

// tooLong says that something happened in a channel.
func (f *feed) tooLong(u *tg.UpdateChannelTooLong) {
	b := f.box(u.ChannelID)
	if b.unknown() {
		// No cursor to ask from: a chat that this login has just come into.
		f.c.onHint(&tg.UpdateChannel{ChannelID: u.ChannelID})
		return
	}
	if u.Pts == 0 || u.Pts > b.at() {
		b.fallBehind()
	}
}

// moved tells a sequence of what a call of our own did to it: nothing is to be
// stored, but the numbers go on.
func (f *feed) moved(peer events.Peer, pts, count int) {
	if pts == 0 {
		return
	}
	if peer.Kind == events.PeerChannel {
		f.box(peer.ID).offer(item{pts: pts, count: count})
		return
	}
	f.common.offer(item{pts: pts, count: count})
}

// results takes the updates that a call of ours was answered with: only their
// numbers, for the call's outcome is stored by whoever made it.
func (f *feed) results(res tg.UpdatesClass) {
	var updates []tg.UpdateClass
	switch res := res.(type) {
	case *tg.Updates:
		updates = res.Updates
	case *tg.UpdatesCombined:
		updates = res.Updates
	case *tg.UpdateShort:
		updates = []tg.UpdateClass{res.Update}
	case *tg.UpdateShortSentMessage:
		f.common.offer(item{pts: res.Pts, count: res.PtsCount})
	default:
		// Nothing with a number.
	}
	for _, u := range updates {
		if channel, pts, count, ok, err := tg.IsChannelPtsUpdate(u); ok && err == nil {
			f.moved(events.Peer{Kind: events.PeerChannel, ID: channel}, pts, count)
		} else if pts, count, ok := tg.IsPtsUpdate(u); ok {
			f.moved(events.Peer{}, pts, count)
		}
	}
}

// knows reports whether everybody whom a short update speaks of is known.
func (f *feed) knows(u tg.UpdateClass) bool {
	n, ok := u.(*tg.UpdateNewMessage)
	if !ok {
		return true
	}
	m, ok := n.Message.(*tg.Message)
	if !ok {
		return true
	}
	for _, p := range []tg.PeerClass{m.FromID, m.PeerID} {
		peer, ok := peerOf(p)
		if !ok {
			continue
		}
		if _, known, err := f.c.book.get(f.ctx, peer); err != nil || !known {
			return false
		}
	}
	return true
}
