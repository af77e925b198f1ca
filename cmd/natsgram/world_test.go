package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// asBridge makes the test binary the bridge itself, so that a test can run it
// as a process of its own and kill it.
const asBridge = "NATSGRAM_TEST_AS_BRIDGE"

func TestMain(m *testing.M) {
	if os.Getenv(asBridge) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const (
	homeName     = "localhost"
	alicePhone   = "+447700900123"
	aliceCode    = "60417"
	testPassword = "a-password-that-is-nowhere-else"
	testHint     = "a-hint-that-the-log-never-sees"
)

func botID() id.UserID { return id.NewUserID("telegrambot", homeName) }

// world is a homeserver, a simulated Telegram and the bridge as a process.
type world struct {
	t      testing.TB
	dir    string
	hs     *matrixtest.Homeserver
	tg     *telegramtest.Server
	alice  *matrixtest.Client
	url    string // of the bridge
	port   int
	nats   int
	config string
	page   string // URL of the login page, if there is one

	mu     sync.Mutex
	others []telegramtest.UserID // further accounts, for benchmarks
	bridge *exec.Cmd
	exited chan error
	output *bytes.Buffer
}

// impatience stands between the homeserver and the bridge and repeats what the
// bridge did not answer every few milliseconds, where the homeserver would wait
// up to a minute. It returns its address.
func (w *world) impatience() string {
	bridge, err := url.Parse(w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(bridge)
	proxy.Transport = repeater{}
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	server := httptest.NewServer(proxy)
	w.t.Cleanup(server.Close)
	return server.URL
}

// repeater is a transport that repeats a request until it is answered well.
type repeater struct{}

func (repeater) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		again := r.Clone(r.Context())
		again.Body = io.NopCloser(bytes.NewReader(body))
		resp, err := http.DefaultTransport.RoundTrip(again)
		if err == nil && resp.StatusCode < http.StatusInternalServerError {
			return resp, nil
		}
		if err == nil {
			_ = resp.Body.Close()
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

// newWorld sets everything up and starts all but the bridge. flags are further
// ones of natsgram init.
func newWorld(t testing.TB, tgOptions telegramtest.Options, flags ...string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), output: &bytes.Buffer{}}
	var err error
	if w.tg, err = telegramtest.Start(t.Context(), tgOptions); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.tg.Close() })
	key := filepath.Join(w.dir, "telegram.pem")
	if err := os.WriteFile(key, []byte(w.tg.PublicKeyPEM()), 0o600); err != nil {
		t.Fatal(err)
	}
	var hsPort int
	for _, port := range []*int{&hsPort, &w.port, &w.nats} {
		if *port, err = matrixtest.FreePort(); err != nil {
			t.Fatal(err)
		}
	}
	w.url = fmt.Sprintf("http://127.0.0.1:%d", w.port)
	conf, err := filepath.Abs("../../nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(w.dir, "natsgram")
	w.config = filepath.Join(data, "config.yaml")
	w.natsgram(append([]string{"init", "--dir", data, "--homeserver", fmt.Sprintf("http://127.0.0.1:%d", hsPort), "--server-name", homeName,
		"--listen", fmt.Sprintf("127.0.0.1:%d", w.port), "--address", w.impatience(), "--api-id", "17349", "--api-hash", strings.Repeat("0f", 16),
		"--test-server", w.tg.Addr(), "--test-server-key", key, "--user", homeName,
		"--nats-conf", conf, "--nats-listen", fmt.Sprintf("127.0.0.1:%d", w.nats)}, flags...)...)
	w.hs = matrixtest.ForTest(t, matrixtest.Options{
		ServerName: homeName, Port: hsPort, RegistrationFiles: []string{filepath.Join(data, "registration.yaml")},
	})
	t.Cleanup(w.kill)
	t.Cleanup(func() {
		if t.Failed() {
			w.mu.Lock()
			defer w.mu.Unlock()
			t.Logf("the bridge said:\n%s", lastLines(w.output.String(), 60))
			listing, err := w.command("events", "--config", w.config).CombinedOutput()
			t.Logf("the log holds: %v\n%s", err, lastLines(string(listing), 60))
		}
	})
	w.alice = w.register("alice")
	return w
}

func (w *world) ctx(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.t.Context()), d)
	w.t.Cleanup(cancel)
	return ctx
}

func (w *world) register(name string) *matrixtest.Client {
	w.t.Helper()
	c, err := w.hs.Register(w.ctx(time.Minute), name, name+"-password")
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// addAlice gives the phone number that alice types an account.
func (w *world) addAlice(password string) telegramtest.UserID {
	return w.tg.AddUser(telegramtest.UserSpec{Phone: alicePhone, FirstName: "Alice", LastName: "Liddell", Username: "alice_l",
		Password: password, Hint: testHint, Code: aliceCode})
}

// command is the bridge's binary with arguments.
func (w *world) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asBridge+"=1")
	return cmd
}

// natsgram runs a subcommand to its end.
func (w *world) natsgram(args ...string) string {
	w.t.Helper()
	out, err := w.command(args...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("natsgram %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// start runs the bridge without waiting for it.
func (w *world) start() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	cmd := w.command("run", "--config", w.config)
	out := &lockedWriter{mu: &w.mu, out: w.output}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	w.bridge, w.exited = cmd, exited
}

// run starts the bridge and returns when it is ready.
func (w *world) run() {
	w.t.Helper()
	w.start()
	w.untilReady()
}

func (w *world) untilReady() {
	w.t.Helper()
	if err := waitUntil(w.ctx(time.Minute), func() bool { return w.health("ready") == http.StatusOK }); err != nil {
		w.t.Fatal("the bridge did not get ready")
	}
}

// waitUntil asks again and again, for what can only be asked: another process.
func waitUntil(ctx context.Context, ok func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// health asks a health endpoint; 0 if nobody answers.
func (w *world) health(which string) int {
	resp, err := http.Get(w.url + "/_matrix/mau/" + which)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// kill ends the bridge as a power cut of the process would: kill -9.
func (w *world) kill() { w.end(syscall.SIGKILL) }

// stop ends it in order, and returns how long that took.
func (w *world) stop() time.Duration {
	start := time.Now()
	w.end(syscall.SIGTERM)
	return time.Since(start)
}

func (w *world) end(sig syscall.Signal) {
	w.mu.Lock()
	cmd, exited := w.bridge, w.exited
	w.bridge = nil
	w.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(sig)
	select {
	case <-exited:
	case <-time.After(30 * time.Second):
		_ = cmd.Process.Kill()
		<-exited
		w.t.Errorf("the bridge did not end at %v", sig)
	}
}

// openRoom opens a management room and waits for the greeting.
func (w *world) openRoom(c *matrixtest.Client) id.RoomID {
	w.t.Helper()
	room, err := c.CreateDM(w.ctx(time.Minute), botID())
	if err != nil {
		w.t.Fatal(err)
	}
	w.hear(c, room, "login")
	return room
}

// say sends a message as the user and waits until it stands in the room: what
// hear looks for comes after it.
func (w *world) say(c *matrixtest.Client, room id.RoomID, text string) id.EventID {
	w.t.Helper()
	sent, err := c.SendText(w.ctx(time.Minute), room, text)
	if err == nil {
		_, err = c.WaitFor(w.ctx(time.Minute), room, func(r matrixtest.Room) bool { return r.Event(sent) != nil })
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return sent
}

// hear waits until the bot has said something with the words, since the user's
// own last message.
func (w *world) hear(c *matrixtest.Client, room id.RoomID, words string) string {
	w.t.Helper()
	body := ""
	_, err := c.WaitFor(w.ctx(90*time.Second), room, func(r matrixtest.Room) bool {
		for i := len(r.Timeline) - 1; i >= 0; i-- {
			e := r.Timeline[i]
			if e.Type != event.EventMessage {
				continue
			}
			if e.Sender == c.UserID() {
				return false
			}
			if text := e.Content.AsMessage().Body; e.Sender == botID() && contains(text, words) {
				body = text
				return true
			}
		}
		return false
	})
	if err != nil {
		w.t.Fatalf("waiting for the bot to say %q: %v", words, err)
	}
	return body
}

// ask says something and waits for the answer.
func (w *world) ask(c *matrixtest.Client, room id.RoomID, text, words string) string {
	w.t.Helper()
	w.say(c, room, text)
	return w.hear(c, room, words)
}

// logIn logs alice in by phone.
func (w *world) logIn(c *matrixtest.Client, room id.RoomID, password string) {
	w.t.Helper()
	w.ask(c, room, "login", "phone number")
	w.ask(c, room, alicePhone, "send me the code")
	if password == "" {
		w.ask(c, room, aliceCode, "Logged in as")
		return
	}
	w.ask(c, room, aliceCode, "verification password")
	w.ask(c, room, password, "Logged in as")
}

// joinPortals accepts invites until the user is in n portals, and returns them
// by name.
func (w *world) joinPortals(c *matrixtest.Client, n int) map[string]id.RoomID {
	w.t.Helper()
	ctx := w.ctx(time.Minute + time.Duration(n)*2*time.Second)
	rooms, seen := map[string]id.RoomID{}, map[id.RoomID]time.Time{}
	for len(rooms) < n {
		invite, err := c.WaitInvite(ctx, func(i matrixtest.Invite) bool { return i.Arrived.After(seen[i.Room]) })
		if err != nil {
			w.t.Fatalf("%d of %d invites: %v", len(rooms), n, err)
		}
		seen[invite.Room] = invite.Arrived
		switch err := c.Join(ctx, invite.Room); {
		case errors.Is(err, mautrix.MForbidden): // an invite of old; the new one is on its way
		case err != nil:
			w.t.Fatal(err)
		default:
			rooms[invite.Name] = invite.Room
		}
	}
	return rooms
}

// events reads the log as an operator does.
func (w *world) events(stream events.Stream) []events.Event {
	w.t.Helper()
	l := w.logbook()
	defer l.close()
	var all []events.Event
	err := l.journal.Replay(w.ctx(time.Minute), stream, 0, 0, func(e events.Event) error {
		all = append(all, e)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func (w *world) logbook() *logbook {
	w.t.Helper()
	l, err := openLog(w.ctx(time.Minute), w.config, os.Stderr)
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

// names are the events' names in order.
func names(all []events.Event) []string {
	list := make([]string, len(all))
	for i, e := range all {
		list[i] = e.Fact.Type().Name()
	}
	return list
}

func contains(text, words string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(words))
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

type lockedWriter struct {
	mu  *sync.Mutex
	out *bytes.Buffer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(b)
}
