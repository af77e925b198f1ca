package telegramtest

import (
	"context"
	"time"

	"github.com/gotd/td/tg"
)

func (s *Server) onHelp(d *tg.ServerDispatcher) {
	d.OnHelpGetConfig(func(ctx context.Context) (*tg.Config, error) {
		return &tg.Config{
			Date: now(), Expires: int(time.Now().Add(time.Hour).Unix()), ThisDC: callOf(ctx).conn.dc.id, DCOptions: s.dcOptions(),
			DCTxtDomainName: "localhost", ChatSizeMax: 200, MegagroupSizeMax: 200000, ForwardedCountMax: 100, EditTimeLimit: 172800,
			RevokeTimeLimit: 2147483647, RevokePmTimeLimit: 2147483647, MeURLPrefix: "https://t.me/",
			CaptionLengthMax: maxCaption, MessageLengthMax: maxText, WebfileDCID: 2,
			OnlineUpdatePeriodMs: 210000, OfflineBlurTimeoutMs: 5000, OfflineIdleTimeoutMs: 30000, OnlineCloudTimeoutMs: 300000,
			NotifyCloudDelayMs: 30000, NotifyDefaultDelayMs: 1500, PushChatPeriodMs: 60000, PushChatLimit: 2,
		}, nil
	})
	d.OnHelpGetNearestDC(func(ctx context.Context) (*tg.NearestDC, error) {
		return &tg.NearestDC{Country: "ZZ", ThisDC: callOf(ctx).conn.dc.id, NearestDC: 2}, nil
	})
	d.OnHelpGetCDNConfig(func(context.Context) (*tg.CDNConfig, error) { return &tg.CDNConfig{}, nil })
	d.OnHelpGetAppConfig(func(context.Context, int) (tg.HelpAppConfigClass, error) {
		return &tg.HelpAppConfig{Hash: 1, Config: &tg.JSONObject{}}, nil
	})
	d.OnAccountUpdateStatus(func(ctx context.Context, offline bool) (bool, error) {
		me := s.me(ctx)
		s.tellAcquaintances(me, func() tg.UpdateClass {
			if offline {
				return &tg.UpdateUserStatus{UserID: int64(me.ID), Status: &tg.UserStatusOffline{WasOnline: now()}}
			}
			return &tg.UpdateUserStatus{UserID: int64(me.ID), Status: &tg.UserStatusOnline{Expires: now() + 300}}
		})
		return true, nil
	})
}

func (s *Server) onPeople(d *tg.ServerDispatcher) {
	d.OnUsersGetUsers(func(ctx context.Context, in []tg.InputUserClass) ([]tg.UserClass, error) {
		me := s.me(ctx)
		out := []tg.UserClass{}
		for _, p := range in {
			// Telegram leaves out whom the caller may not name.
			if u, err := s.inputUser(me, p); err == nil {
				out = append(out, s.tgUser(me, u))
			}
		}
		return out, nil
	})
	d.OnUsersGetFullUser(s.getFullUser)
	d.OnContactsGetContacts(func(ctx context.Context, _ int64) (tg.ContactsContactsClass, error) {
		me := s.me(ctx)
		e := s.entities(me)
		out := &tg.ContactsContacts{SavedCount: len(me.Contacts)}
		for _, id := range sortedKeys(me.Contacts) {
			e.user(id)
			out.Contacts = append(out.Contacts, tg.Contact{UserID: int64(id), Mutual: s.w.Users[id].Contacts[me.ID]})
		}
		out.Users = e.tgUsers()
		return out, nil
	})
	d.OnContactsResolveUsername(func(ctx context.Context, r *tg.ContactsResolveUsernameRequest) (*tg.ContactsResolvedPeer, error) {
		k, ok := s.byUsername(r.Username)
		if !ok {
			return nil, rpcError(400, "USERNAME_NOT_OCCUPIED")
		}
		e := s.entities(s.me(ctx))
		e.peer(k)
		return &tg.ContactsResolvedPeer{Peer: s.tgPeer(k), Chats: e.tgChats(), Users: e.tgUsers()}, nil
	})
	d.OnPhotosGetUserPhotos(func(ctx context.Context, r *tg.PhotosGetUserPhotosRequest) (tg.PhotosPhotosClass, error) {
		u, err := s.inputUser(s.me(ctx), r.UserID)
		if err != nil {
			return nil, err
		}
		out := &tg.PhotosPhotos{}
		if u.Photo != 0 {
			out.Photos = append(out.Photos, s.tgPhoto(u.Photo))
		}
		return out, nil
	})
}

func (s *Server) getFullUser(ctx context.Context, in tg.InputUserClass) (*tg.UsersUserFull, error) {
	me := s.me(ctx)
	u, err := s.inputUser(me, in)
	if err != nil {
		return nil, err
	}
	e := s.entities(me)
	e.user(u.ID)
	full := tg.UserFull{ID: int64(u.ID), About: u.About}
	if u.Photo != 0 {
		full.SetProfilePhoto(s.tgPhoto(u.Photo))
	}
	for _, c := range s.w.Chats {
		if u != me && c.Members[u.ID] != nil && c.Members[me.ID] != nil {
			full.CommonChatsCount++
		}
	}
	return &tg.UsersUserFull{FullUser: full, Chats: e.tgChats(), Users: e.tgUsers()}, nil
}
