package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	json "github.com/go-json-experiment/json"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
)

// patience is how long the story waits for one thing to happen.
const patience = 60 * time.Second

func bot() id.UserID { return id.NewUserID("telegrambot", serverName) }

// play tells the story and checks each step of it.
func (st *stage) play(ctx context.Context) error {
	st.screen.title("A Matrix user logs in to Telegram")
	room, last, err := st.logIn(ctx)
	if err != nil {
		return err
	}
	st.screen.title("Rooms for their chats, newest first")
	if err := st.portals(ctx, room, last); err != nil {
		return err
	}
	st.screen.title("They talk")
	if err := st.talk(ctx); err != nil {
		return err
	}
	st.screen.title("A second account, on the login page")
	if last, err = st.onThePage(ctx, room, last); err != nil {
		return err
	}
	st.room, st.last = room, last
	st.screen.title("What the operator sees")
	return st.operate(ctx)
}

// logIn is the conversation in the management room, mistakes included.
func (st *stage) logIn(ctx context.Context) (room id.RoomID, last id.EventID, err error) {
	if room, err = st.user.CreateDM(ctx, bot()); err != nil {
		return "", "", err
	}
	if last, err = st.hear(ctx, room, "", "login"); err != nil {
		return "", "", err
	}
	for _, line := range []struct{ say, hear string }{
		{"login", "phone number"},
		{"not a number", "can't read this as a phone number"},
		{"+44 7700 900123", "send me the code"},
		{"11111", "not the code"},
		{"60 417", "verification password"},
		{"wrong password", "password is wrong"},
		{password, "Logged in as Alice Liddell"},
	} {
		st.screen.user(line.say)
		sent, err := st.user.SendText(ctx, room, line.say)
		if err != nil {
			return "", "", err
		}
		if last, err = st.hear(ctx, room, last, line.hear); err != nil {
			return "", "", fmt.Errorf("after %q: %w", line.say, err)
		}
		if line.say == "login" {
			continue
		}
		if err := st.redacted(ctx, room, sent); err != nil {
			return "", "", err
		}
	}
	return room, last, nil
}

// hear waits for the bot to say something with the wanted words, shows what it
// says until then, and returns the last event.
func (st *stage) hear(ctx context.Context, room id.RoomID, after id.EventID, want string) (id.EventID, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		evt, err := st.user.WaitMessage(ctx, room, after, matrixtest.From(bot()))
		if err != nil {
			return "", fmt.Errorf("the bot did not say anything with %q: %w", want, err)
		}
		body := evt.Content.AsMessage().Body
		st.screen.bot(body)
		if strings.Contains(strings.ToLower(body), strings.ToLower(want)) {
			return evt.ID, nil
		}
		after = evt.ID
	}
}

// redacted waits until the homeserver no longer has what the user typed.
func (st *stage) redacted(ctx context.Context, room id.RoomID, sent id.EventID) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := st.user.WaitFor(ctx, room, func(r matrixtest.Room) bool {
		_, there := r.Text(sent)
		return !there
	})
	if err != nil {
		return fmt.Errorf("what the user typed was not redacted: %w", err)
	}
	return nil
}

// portals waits for an invite to each chat and accepts them, while the bot
// tells how far it is.
func (st *stage) portals(ctx context.Context, room id.RoomID, last id.EventID) error {
	ctx, cancel := context.WithTimeout(ctx, patience+time.Duration(st.options.groups)*time.Second)
	defer cancel()
	ready := "All "
	if st.options.groups == 1 {
		ready = "is ready"
	}
	heard := make(chan error, 1)
	go func() {
		_, err := st.hear(ctx, room, last, ready)
		heard <- err
	}()
	start := time.Now()
	seen := map[id.RoomID]bool{}
	for len(seen) < st.options.groups {
		invite, err := st.user.WaitInvite(ctx, func(i matrixtest.Invite) bool { return !seen[i.Room] && i.Room != room })
		if err != nil {
			return fmt.Errorf("only %d of %d rooms came: %w", len(seen), st.options.groups, err)
		}
		seen[invite.Room] = true
		st.screen.left("alice  ◂ ", "is invited to “"+invite.Name+"”")
	}
	st.screen.say(fmt.Sprintf("  %d rooms in %.1f s", len(seen), time.Since(start).Seconds()))
	for r := range seen {
		if err := st.user.Join(ctx, r); err != nil {
			return err
		}
	}
	return <-heard
}

// talk sends a message each way in the newest supergroup.
func (st *stage) talk(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	chat, err := st.user.WaitRoom(ctx, func(r matrixtest.Room) bool { return r.Name() == st.tg.newTitle })
	if err != nil {
		return err
	}
	st.screen.telegram("Bob says: I do. White or black?")
	st.tg.server.Say(st.tg.bob, st.tg.newest, "I do. White or black?")
	came, err := st.user.WaitMessage(ctx, chat.ID, "", func(e *event.Event) bool {
		return strings.Contains(e.Content.AsMessage().Body, "White or black?")
	})
	if err != nil {
		return fmt.Errorf("the message of Bob did not come: %w", err)
	}
	now := st.user.Room(chat.ID)
	st.screen.left(now.DisplayName(came.Sender)+" ◂ ", came.Content.AsMessage().Body)
	st.screen.user("White, as ever.")
	if _, err := st.user.SendText(ctx, chat.ID, "White, as ever."); err != nil {
		return err
	}
	err = st.tg.server.Await(ctx, func() bool {
		for _, text := range st.tg.server.Texts(st.tg.bob, st.tg.newest) {
			if text == "White, as ever." {
				return true
			}
		}
		return false
	})
	if err != nil {
		return fmt.Errorf("the message of Alice did not reach Telegram: %w", err)
	}
	st.screen.telegram("Bob reads: White, as ever.")
	return nil
}

// operate verifies the projections and looks for secrets in the bridge's files.
func (st *stage) operate(ctx context.Context) error {
	st.screen.say("$ natsgram replay --verify")
	out, err := st.natsgram(ctx, "replay", "--config", st.config(), "--verify")
	if err != nil {
		return err
	}
	st.screen.say(strings.TrimRight(out, "\n"))
	st.screen.say("$ natsgram state user @alice:" + serverName)
	if out, err = st.natsgram(ctx, "state", "--config", st.config(), "user", "@alice:"+serverName); err != nil {
		return err
	}
	st.screen.say(strings.TrimRight(out, "\n"))
	secrets := []string{strings.TrimPrefix(phone, "+"), "7700900123", password, strings.TrimPrefix(bobPhone, "+"), "7700900124"}
	if err := findSecrets(filepath.Join(st.dir, "natsgram"), secrets); err != nil {
		return err
	}
	st.screen.say("Neither phone number nor password lie anywhere in the bridge's files.")
	return nil
}

// findSecrets looks through every file of a directory for secrets, plain or
// trivially encoded.
func findSecrets(dir string, secrets []string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, s := range secrets {
			for _, form := range []string{s, hex.EncodeToString([]byte(s)), base64.StdEncoding.EncodeToString([]byte(s))} {
				if bytes.Contains(data, []byte(form)) {
					return fmt.Errorf("a secret lies in %s", path)
				}
			}
		}
		return nil
	})
}

// untilReady asks the bridge's health endpoint until it is ready.
func untilReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// summary is an event in one short line.
func summary(line []byte) string {
	var e struct {
		Seq    uint64         `json:"seq"`
		Stream string         `json:"stream"`
		Event  string         `json:"event"`
		Data   map[string]any `json:"data"`
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return string(line)
	}
	text := fmt.Sprintf("%s %d %s", e.Stream, e.Seq, e.Event)
	for _, key := range []string{"route", "reason", "step", "what", "kind", "side", "to", "rooms", "cause", "made"} {
		if v, ok := e.Data[key]; ok {
			text += fmt.Sprintf(" %s=%v", key, v)
		}
	}
	return text
}

// invite tells how to go on by hand.
func (st *stage) invite(link string) {
	st.screen.title("Your turn")
	cli := fmt.Sprintf("%s %%s --config %s", st.options.natsgram, st.config())
	st.screen.say(fmt.Sprintf(`Matrix client   homeserver %s, user alice, password %s
                (any client that lets you name the homeserver; the bot is %s)
Login page      %s
                (good once; type login in the room for another)
Telegram        numbers +447700900124 (Bob) and +447700900125 (Carol), every code %s
                simulated server at %s, public key in %s
Operator        `+cli+`
                `+cli+`
NATS            nats --server nats://auditor:PASSWORD@%s sub 'auth.*.*.login_failed'
                (the password is nats.auditor_password of config.yaml)
Interrupt (Ctrl-C) to stop.`,
		st.hs.URL(), alicePassword, bot(), link, code, st.tg.server.Addr(), filepath.Join(st.dir, "telegram", "public-key.pem"),
		"events --follow", "replay --verify", st.natsAddr))
}
