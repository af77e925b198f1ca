package telegramtest

import (
	"context"

	"github.com/gotd/td/tg"
)

// differenceSlice is how many events one getDifference returns.
const differenceSlice = 100

func (s *Server) onUpdates(d *tg.ServerDispatcher) {
	d.OnUpdatesGetState(func(ctx context.Context) (*tg.UpdatesState, error) {
		st := s.state(s.me(ctx), 0)
		return &st, nil
	})
	d.OnUpdatesGetDifference(s.getDifference)
	d.OnUpdatesGetChannelDifference(s.getChannelDifference)
}

// state is an account's position; at pts if that is not zero.
func (s *Server) state(u *user, pts int) tg.UpdatesState {
	st := tg.UpdatesState{Pts: u.Pts, Qts: 1, Date: now(), Seq: 1}
	if pts != 0 {
		st.Pts = pts
	}
	for _, d := range u.Dialogs {
		st.UnreadCount += d.Unread
	}
	return st
}

func (s *Server) getDifference(ctx context.Context, r *tg.UpdatesGetDifferenceRequest) (tg.UpdatesDifferenceClass, error) {
	u := s.me(ctx)
	if r.Pts <= 0 {
		return nil, rpcError(400, "PERSISTENT_TIMESTAMP_EMPTY")
	}
	if r.Pts > u.Pts {
		return nil, rpcError(400, "PERSISTENT_TIMESTAMP_INVALID")
	}
	events := u.since(r.Pts)
	if total, ok := r.GetPtsTotalLimit(); r.Pts < u.Base || ok && len(events) > total {
		return &tg.UpdatesDifferenceTooLong{Pts: u.Pts}, nil
	}
	more := len(events) > differenceSlice
	if more {
		events = events[:differenceSlice]
	}
	e := s.entities(u)
	msgs, others := s.split(events, nil, e)
	if more {
		return &tg.UpdatesDifferenceSlice{NewMessages: msgs, OtherUpdates: others, Chats: e.tgChats(), Users: e.tgUsers(),
			IntermediateState: s.state(u, events[len(events)-1].Pts)}, nil
	}
	// Channels have sequences of their own: the account learns only in which
	// of them something happened.
	for _, k := range sortedKeys(u.Dialogs) {
		id, ok := k.chat()
		c := s.w.Chats[id]
		if ok && c != nil && c.Kind.isChannel() && c.Members[u.ID] != nil && c.Last >= r.Date {
			e.chat(id)
			others = append(others, &tg.UpdateChannelTooLong{ChannelID: int64(id)})
		}
	}
	if len(events) == 0 && len(others) == 0 {
		return &tg.UpdatesDifferenceEmpty{Date: now(), Seq: 1}, nil
	}
	return &tg.UpdatesDifference{NewMessages: msgs, OtherUpdates: others, Chats: e.tgChats(), Users: e.tgUsers(), State: s.state(u, 0)}, nil
}

// split separates new messages from all else, as differences do. What was
// deleted since is not among the messages.
func (s *Server) split(events []event, c *chat, e *entities) ([]tg.MessageClass, []tg.UpdateClass) {
	msgs, others := []tg.MessageClass{}, []tg.UpdateClass{}
	alive := e.viewer.alive
	if c != nil {
		alive = c.alive
	}
	for _, ev := range events {
		_, ok := alive(ev.ID)
		switch {
		case ev.Kind == eventNew && ok:
			msgs = append(msgs, s.message(ev.Post, alive, ev.ID, e))
		case ev.Kind == eventNew, ev.Kind == eventEdit && !ok:
		default:
			others = append(others, s.update(ev, c, e))
		}
	}
	return msgs, others
}

func (s *Server) getChannelDifference(ctx context.Context, r *tg.UpdatesGetChannelDifferenceRequest) (tg.UpdatesChannelDifferenceClass, error) {
	u := s.me(ctx)
	c, err := s.inputChannel(u, r.Channel)
	if err != nil {
		return nil, err
	}
	if r.Pts <= 0 {
		return nil, rpcError(400, "PERSISTENT_TIMESTAMP_EMPTY")
	}
	if r.Pts > c.Pts {
		return nil, rpcError(400, "PERSISTENT_TIMESTAMP_INVALID")
	}
	limit := min(max(r.Limit, 1), 1000)
	events := c.since(r.Pts)
	e := s.entities(u)
	e.chat(c.ID)
	if r.Pts < c.Base {
		return s.channelTooLong(u, c, e, limit), nil
	}
	if len(events) == 0 {
		out := &tg.UpdatesChannelDifferenceEmpty{Final: true, Pts: c.Pts}
		s.setTimeout(out)
		return out, nil
	}
	out := &tg.UpdatesChannelDifference{Final: len(events) <= limit, Pts: c.Pts}
	if !out.Final {
		events = events[:limit]
		out.Pts = events[len(events)-1].Pts
	}
	out.NewMessages, out.OtherUpdates = s.split(events, c, e)
	out.Chats, out.Users = e.tgChats(), e.tgUsers()
	if out.Final {
		s.setTimeout(out)
	}
	return out, nil
}

func (s *Server) setTimeout(out interface{ SetTimeout(int) }) {
	if s.opts.ChannelDifferenceTimeout > 0 {
		out.SetTimeout(s.opts.ChannelDifferenceTimeout)
	}
}

func (s *Server) channelTooLong(u *user, c *chat, e *entities, limit int) *tg.UpdatesChannelDifferenceTooLong {
	out := &tg.UpdatesChannelDifferenceTooLong{Final: true, Dialog: s.tgDialog(u, c.ID.key())}
	for id := c.LastID; id > 0 && len(out.Messages) < limit; id-- {
		if no, ok := c.alive(id); ok {
			out.Messages = append(out.Messages, s.message(no, c.alive, id, e))
		}
	}
	out.Chats, out.Users = e.tgChats(), e.tgUsers()
	s.setTimeout(out)
	return out
}
