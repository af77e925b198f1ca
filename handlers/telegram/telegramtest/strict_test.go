package telegramtest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/gotd/td/telegram/downloader"
	"github.com/gotd/td/telegram/query"
	"github.com/gotd/td/tg"
	"github.com/gotd/td/tgerr"
)

func TestWhatTelegramRefuses(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice, bob, group, super, channel := people(s)
	other := s.AddSupergroup("Private", alice)
	otherGroup := s.AddGroup("Closed", alice)
	b := connect(t, ctx, s, clientOptions{as: bob})
	send := func(p tg.InputPeerClass, text string, random int64) error {
		_, err := b.api.MessagesSendMessage(ctx, &tg.MessagesSendMessageRequest{Peer: p, Message: text, RandomID: random})
		return err
	}
	wrongChannel := s.peerOf(bob, super).(*tg.InputPeerChannel)
	wrongChannel.AccessHash++
	for _, c := range []struct {
		err  error
		code int
		want string
	}{
		{send(s.peerOf(alice, alice), "hash of another account", 1), 400, "PEER_ID_INVALID"},
		{send(wrongChannel, "wrong hash", 2), 400, "CHANNEL_INVALID"},
		{send(s.peerOf(bob, other), "not a member", 3), 400, "CHANNEL_PRIVATE"},
		{send(s.peerOf(bob, otherGroup), "not a member", 4), 400, "PEER_ID_INVALID"},
		{send(s.peerOf(bob, channel), "not an administrator", 5), 403, "CHAT_WRITE_FORBIDDEN"},
		{send(s.peerOf(bob, alice), " ", 6), 400, "MESSAGE_EMPTY"},
		{send(s.peerOf(bob, alice), strings.Repeat("x", 4097), 7), 400, "MESSAGE_TOO_LONG"},
		{send(s.peerOf(bob, alice), strings.Repeat("x", 4096), 8), 0, ""},
		{send(s.peerOf(bob, alice), "no random id", 0), 400, "RANDOM_ID_EMPTY"},
		{send(s.peerOf(bob, group), "twice", 9), 0, ""},
		{send(s.peerOf(bob, group), "twice", 9), 500, "RANDOM_ID_DUPLICATE"},
		{send(&tg.InputPeerEmpty{}, "nobody", 10), 400, "PEER_ID_INVALID"},
	} {
		if c.want == "" {
			if c.err != nil {
				t.Error(c.err)
			}
			continue
		}
		wantErr(t, c.err, c.code, c.want)
	}
	if got := s.Texts(alice, group); len(got) != 1 {
		t.Errorf("group holds %q", got)
	}
	_, err := b.api.UsersGetFullUser(ctx, &tg.InputUser{UserID: int64(alice), AccessHash: 1})
	wantErr(t, err, 400, "USER_ID_INVALID")
	_, err = b.api.MessagesGetFullChat(ctx, int64(otherGroup))
	wantErr(t, err, 400, "CHAT_ID_INVALID")
	_, err = b.api.MessagesEditMessage(ctx, &tg.MessagesEditMessageRequest{Peer: s.peerOf(bob, alice), ID: 999, Message: "x"})
	wantErr(t, err, 400, "MESSAGE_ID_INVALID")
	id := s.Say(alice, super, "mine")
	_, err = b.api.MessagesEditMessage(ctx, &tg.MessagesEditMessageRequest{Peer: s.peerOf(bob, super), ID: int(id), Message: "x"})
	wantErr(t, err, 403, "MESSAGE_AUTHOR_REQUIRED")
	_, err = b.api.ChannelsDeleteMessages(ctx, &tg.ChannelsDeleteMessagesRequest{Channel: s.channelOf(bob, super), ID: []int{int(id)}})
	wantErr(t, err, 403, "MESSAGE_DELETE_FORBIDDEN")
	_, err = b.api.AccountResetAuthorization(ctx, 1)
	wantErr(t, err, 400, "HASH_INVALID")
	_, err = b.api.MessagesGetStickers(ctx, &tg.MessagesGetStickersRequest{Emoticon: "x"})
	wantErr(t, err, 400, "METHOD_INVALID")
	s.Leave(group, bob)
	wantErr(t, send(s.peerOf(bob, group), "left", 11), 403, "CHAT_WRITE_FORBIDDEN")
	s.DeleteAccount(alice)
	wantErr(t, send(s.peerOf(bob, alice), "gone", 12), 400, "INPUT_USER_DEACTIVATED")
}

func TestDialogsPageByPage(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice := s.AddUser(UserSpec{Phone: "15550100", FirstName: "Alice"})
	want := map[int64]bool{}
	for i := range 250 {
		switch i % 4 {
		case 0:
			want[int64(s.AddGroup(fmt.Sprint("group ", i), alice))] = true
		case 1:
			want[int64(s.AddSupergroup(fmt.Sprint("super ", i), alice))] = true
		case 2:
			want[int64(s.AddChannel(fmt.Sprint("channel ", i), alice))] = true
		default:
			u := s.AddUser(UserSpec{FirstName: fmt.Sprint("user ", i)})
			s.Say(u, alice, "hi")
			want[int64(u)] = true
		}
	}
	a := connect(t, ctx, s, clientOptions{as: alice})
	it := query.GetDialogs(a.api).BatchSize(40).Iter()
	n := 0
	for it.Next(ctx) {
		n++
		switch p := it.Value().Dialog.(*tg.Dialog).Peer.(type) {
		case *tg.PeerUser:
			delete(want, p.UserID)
		case *tg.PeerChat:
			delete(want, p.ChatID)
		case *tg.PeerChannel:
			delete(want, p.ChannelID)
		}
	}
	if it.Err() != nil || n != 250 || len(want) != 0 {
		t.Errorf("%d dialogs, %d missing, %v", n, len(want), it.Err())
	}
}

func TestPhotosAndFiles(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	photo := bytes.Repeat([]byte("picture "), 40_000)
	alice := s.AddUser(UserSpec{Phone: "15550100", FirstName: "Alice"})
	bob := s.AddUser(UserSpec{FirstName: "Bob", Photo: photo, Username: "bob", About: "builds"})
	group := s.AddChat(ChatSpec{Kind: Group, Title: "With photo", Photo: photo, Members: []UserID{alice, bob}})
	s.Say(bob, alice, "a file", Document("notes.txt", "text/plain", []byte("notes")))
	s.Say(bob, alice, "a picture", Photo(photo))
	a := connect(t, ctx, s, clientOptions{as: alice})
	resolved := must[*tg.ContactsResolvedPeer](t)(a.api.ContactsResolveUsername(ctx, &tg.ContactsResolveUsernameRequest{Username: "Bob"}))
	u := resolved.Users[0].(*tg.User)
	full := must[*tg.UsersUserFull](t)(a.api.UsersGetFullUser(ctx, u.AsInput()))
	if full.FullUser.About != "builds" {
		t.Errorf("about %q", full.FullUser.About)
	}
	fetch := func(l tg.InputFileLocationClass) []byte {
		var out bytes.Buffer
		if _, err := downloader.NewDownloader().Download(a.api, l).Stream(ctx, &out); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	if !bytes.Equal(fetch(&tg.InputPeerPhotoFileLocation{Peer: u.AsInputPeer(), PhotoID: u.Photo.(*tg.UserProfilePhoto).PhotoID}), photo) {
		t.Error("profile photo differs")
	}
	chats := must[tg.MessagesChatsClass](t)(a.api.MessagesGetChats(ctx, []int64{int64(group)}))
	id := chats.GetChats()[0].(*tg.Chat).Photo.(*tg.ChatPhoto).PhotoID
	if !bytes.Equal(fetch(&tg.InputPeerPhotoFileLocation{Peer: s.peerOf(alice, group), PhotoID: id}), photo) {
		t.Error("chat photo differs")
	}
	h := must[tg.MessagesMessagesClass](t)(a.api.MessagesGetHistory(ctx, &tg.MessagesGetHistoryRequest{Peer: u.AsInputPeer(), Limit: 10}))
	msgs := h.(*tg.MessagesMessages).Messages
	doc, _ := msgs[1].(*tg.Message).Media.(*tg.MessageMediaDocument).Document.AsNotEmpty()
	if got := fetch(doc.AsInputDocumentFileLocation("")); string(got) != "notes" {
		t.Errorf("document %q", got)
	}
}

func TestFileInAnotherDC(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{DCs: 2})
	alice := s.AddUser(UserSpec{Phone: "15550100", FirstName: "Alice", Photo: []byte("picture")})
	a := connect(t, ctx, s, clientOptions{as: alice})
	self := must[*tg.User](t)(a.Self(ctx))
	s.Inject(Fault{Method: "upload.getFile", Times: 1, Err: tgerr.New(303, "FILE_MIGRATE_4")})
	var out bytes.Buffer
	where := &tg.InputPeerPhotoFileLocation{Peer: &tg.InputPeerSelf{}, PhotoID: self.Photo.(*tg.UserProfilePhoto).PhotoID}
	if _, err := downloader.NewDownloader().Download(a.api, where).Stream(ctx, &out); err != nil || out.String() != "picture" {
		t.Fatal(out.String(), err)
	}
	if s.Calls("auth.exportAuthorization") != 1 || s.Calls("auth.importAuthorization") != 1 {
		t.Error("the login did not travel")
	}
}
