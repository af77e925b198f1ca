package telegramtest

import (
	"context"
	"slices"

	"github.com/gotd/td/tg"
)

func (s *Server) onDialogs(d *tg.ServerDispatcher) {
	d.OnMessagesGetDialogs(s.getDialogs)
	d.OnMessagesGetPinnedDialogs(func(ctx context.Context, _ int) (*tg.MessagesPeerDialogs, error) {
		return s.peerDialogs(s.me(ctx), nil), nil
	})
	d.OnMessagesGetPeerDialogs(func(ctx context.Context, in []tg.InputDialogPeerClass) (*tg.MessagesPeerDialogs, error) {
		var keys []peerKey
		for _, p := range in {
			dp, ok := p.(*tg.InputDialogPeer)
			if !ok {
				continue // folders are not simulated
			}
			k, err := s.inputPeer(s.me(ctx), dp.Peer)
			if err != nil {
				return nil, err
			}
			keys = append(keys, k)
		}
		return s.peerDialogs(s.me(ctx), keys), nil
	})
	d.OnMessagesGetDialogFilters(func(context.Context) (*tg.MessagesDialogFilters, error) {
		return &tg.MessagesDialogFilters{Filters: []tg.DialogFilterClass{&tg.DialogFilterDefault{}}}, nil
	})
}

// sortedDialogs are a user's dialogs, that of the newest message first.
func (s *Server) sortedDialogs(u *user) []peerKey {
	keys := slices.DeleteFunc(sortedKeys(u.Dialogs), func(k peerKey) bool {
		if u.Dialogs[k].Top == 0 {
			return true
		}
		id, ok := k.chat()
		return ok && s.w.Chats[id].Kind.isChannel() && s.w.Chats[id].Members[u.ID] == nil
	})
	slices.SortStableFunc(keys, func(a, b peerKey) int {
		da, db := u.Dialogs[a], u.Dialogs[b]
		if da.Date != db.Date {
			return db.Date - da.Date
		}
		return int(db.Seq - da.Seq)
	})
	return keys
}

func (s *Server) getDialogs(ctx context.Context, r *tg.MessagesGetDialogsRequest) (tg.MessagesDialogsClass, error) {
	me := s.me(ctx)
	keys := s.sortedDialogs(me)
	if f, ok := r.GetFolderID(); ok && f != 0 {
		keys = nil // nothing is ever archived
	}
	total := len(keys)
	first := r.OffsetDate == 0 && r.OffsetID == 0
	if !first {
		keys = keys[s.dialogOffset(me, keys, r):]
	}
	limit := r.Limit
	if limit <= 0 || limit > 100 {
		limit = 100
	}
	keys = keys[:min(limit, len(keys))]
	dialogs, msgs, e := s.renderDialogs(me, keys)
	if first && len(keys) == total {
		return &tg.MessagesDialogs{Dialogs: dialogs, Messages: msgs, Chats: e.tgChats(), Users: e.tgUsers()}, nil
	}
	return &tg.MessagesDialogsSlice{Count: total, Dialogs: dialogs, Messages: msgs, Chats: e.tgChats(), Users: e.tgUsers()}, nil
}

// dialogOffset finds where the next page begins: after the dialog that the
// client names, or by date if that has moved since.
func (s *Server) dialogOffset(me *user, keys []peerKey, r *tg.MessagesGetDialogsRequest) int {
	if k, err := s.inputPeer(me, r.OffsetPeer); err == nil {
		if i := slices.Index(keys, k); i >= 0 && (r.OffsetID == 0 || me.Dialogs[k].Top == r.OffsetID) {
			return i + 1
		}
	}
	for i, k := range keys {
		if d := me.Dialogs[k]; d.Date < r.OffsetDate || d.Date == r.OffsetDate && d.Top < r.OffsetID {
			return i
		}
	}
	return len(keys)
}

func (s *Server) peerDialogs(u *user, keys []peerKey) *tg.MessagesPeerDialogs {
	dialogs, msgs, e := s.renderDialogs(u, keys)
	return &tg.MessagesPeerDialogs{Dialogs: dialogs, Messages: msgs, Chats: e.tgChats(), Users: e.tgUsers(), State: s.state(u, 0)}
}

func (s *Server) renderDialogs(u *user, keys []peerKey) ([]tg.DialogClass, []tg.MessageClass, *entities) {
	e := s.entities(u)
	dialogs, msgs := []tg.DialogClass{}, []tg.MessageClass{}
	for _, k := range keys {
		e.peer(k)
		d := s.tgDialog(u, k)
		dialogs = append(dialogs, d)
		box := &u.mailbox
		if id, ok := k.chat(); ok && s.w.Chats[id].Kind.isChannel() {
			box = &s.w.Chats[id].mailbox
		}
		if no, ok := box.alive(d.TopMessage); ok {
			msgs = append(msgs, s.message(no, box.alive, d.TopMessage, e))
		}
	}
	return dialogs, msgs, e
}

func (s *Server) tgDialog(u *user, k peerKey) *tg.Dialog {
	d := u.Dialogs[k]
	if d == nil {
		d = &dialog{} // asking does not make one
	}
	out := &tg.Dialog{Peer: s.tgPeer(k), TopMessage: d.Top, ReadInboxMaxID: d.ReadIn, ReadOutboxMaxID: d.ReadOut, UnreadCount: d.Unread}
	if id, ok := k.chat(); ok && s.w.Chats[id].Kind.isChannel() {
		out.SetPts(s.w.Chats[id].Pts)
	}
	return out
}
