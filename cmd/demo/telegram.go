package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// The people of the story.
const (
	phone    = "+447700900123"
	password = "correct horse battery staple"
	code     = "60417"
)

// cast is who lives on the simulated Telegram.
type cast struct {
	server   *telegramtest.Server
	alice    telegramtest.UserID
	bob      telegramtest.UserID
	carol    telegramtest.UserID
	newest   telegramtest.ChatID // the supergroup in which they talk
	newTitle string
}

// castTelegram starts the simulated Telegram and peoples it. Its chats are
// groups, supergroups and channels in turn, the last one the newest.
func castTelegram(ctx context.Context, dir, addr string, groups int) (*cast, error) {
	server, err := telegramtest.Start(ctx, telegramtest.Options{Dir: dir, Addr: addr})
	if err != nil {
		return nil, err
	}
	c := &cast{server: server}
	c.alice = server.AddUser(telegramtest.UserSpec{Phone: phone, FirstName: "Alice", LastName: "Liddell", Username: "alice_l",
		Password: password, Hint: "the usual", Code: code})
	c.bob = server.AddUser(telegramtest.UserSpec{Phone: "+447700900124", FirstName: "Bob", Username: "bobby", Code: code})
	c.carol = server.AddUser(telegramtest.UserSpec{Phone: "+447700900125", FirstName: "Carol", Code: code})
	for i := range groups {
		title := fmt.Sprintf("%s %d", []string{"Chess club", "Book circle", "City news"}[i%3], i/3+1)
		var chat telegramtest.ChatID
		switch i % 3 {
		case 0:
			chat = server.AddSupergroup(title, c.bob, c.alice, c.carol)
			c.newest, c.newTitle = chat, title
		case 1:
			chat = server.AddGroup(title, c.carol, c.alice, c.bob)
		default:
			chat = server.AddChannel(title, c.bob, c.alice)
		}
		server.Say(c.bob, chat, fmt.Sprintf("Welcome to %s", title))
	}
	server.Say(c.bob, c.newest, "Who plays tonight?")
	return c, nil
}

// telegramAlone runs the simulated Telegram for any MTProto client.
func telegramAlone(ctx context.Context, o options) error {
	dir := ""
	if o.data != "" {
		dir = filepath.Join(o.data, "telegram")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	c, err := castTelegram(ctx, dir, o.telegram, o.groups)
	if err != nil {
		return err
	}
	defer c.server.Close()
	fmt.Printf("Simulated Telegram at %s (DC 2). Its public key:\n%s\n", c.server.Addr(), c.server.PublicKeyPEM())
	fmt.Printf("Accounts: %s (password %q), +447700900124, +447700900125; every code is %s. Interrupt to stop.\n", phone, password, code)
	<-ctx.Done()
	return nil
}
