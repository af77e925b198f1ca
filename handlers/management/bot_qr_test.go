package management

import (
	"bytes"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
	"rsc.io/qr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// issues plays Telegram giving a code.
func (g *guest) issues(token string, until time.Time) {
	g.t.Helper()
	u := g.awaitStep(events.StepRequestingQR)
	check(g.t, g.vault.PutAttempt(within(g.t), u.Attempt.ID, vault.QRToken, vault.Secret(token), time.Minute))
	g.telegram(func(of events.EventID) login.Command { return login.ShowQR{Of: of, Until: until} })
}

// pictures waits for the n-th picture that the bot has shown and not redacted.
func (g *guest) pictures(n int) []*event.Event {
	g.t.Helper()
	var found []*event.Event
	must(g.user.WaitFor(within(g.t), g.room, func(r matrixtest.Room) bool {
		found = nil
		for _, evt := range r.Timeline {
			if evt.Sender == g.botID && evt.Type == event.EventMessage && evt.Content.AsMessage().MsgType == event.MsgImage {
				found = append(found, evt)
			}
		}
		return len(found) >= n
	}))(g.t)
	return found
}

// reads decodes the code in a message, as a telephone does.
func (g *guest) reads(content *event.MessageEventContent) string {
	g.t.Helper()
	data := must(g.user.Download(within(g.t), content.URL))(g.t)
	picture := must(png.Decode(bytes.NewReader(data)))(g.t)
	if b := picture.Bounds(); content.Info.Width != b.Dx() || content.Info.Height != b.Dy() || content.Info.Size != len(data) {
		g.t.Errorf("info %+v of a picture of %v, %d bytes", content.Info, b, len(data))
	}
	bits := must(gozxing.NewBinaryBitmapFromImage(picture))(g.t)
	return must(qrcode.NewQRCodeReader().Decode(bits, nil))(g.t).GetText()
}

// takenDown waits until every picture is redacted, and the outcomes recorded.
func (g *guest) takenDown(pictures []*event.Event) {
	g.t.Helper()
	must(g.user.WaitFor(within(g.t), g.room, func(r matrixtest.Room) bool {
		return !slices.ContainsFunc(pictures, func(p *event.Event) bool { return !isRedacted(r, p.ID) })
	}))(g.t)
	g.await("no pictures", func(u projections.User) bool { return len(u.Pictures) == 0 })
	recorded := 0
	_, all := g.history()
	for _, e := range all {
		if f, ok := e.Fact.(*events.SecretRedacted); ok && f.What == events.SecretQR {
			if recorded++; !f.OK {
				g.t.Errorf("%+v", f)
			}
		}
	}
	if recorded != len(pictures) {
		g.t.Errorf("%d redactions of %d pictures recorded", recorded, len(pictures))
	}
}

func isRedacted(r matrixtest.Room, message id.EventID) bool {
	return slices.ContainsFunc(r.Timeline, func(evt *event.Event) bool {
		return evt.Type == event.EventRedaction && (evt.Redacts == message || evt.Content.AsRedaction().Redacts == message)
	})
}

func testQR(t *testing.T, h *house) {
	g := h.host(t, "quentin")
	g.says("login qr")
	g.expect("Let's connect your Telegram account. You have 10 min. I am asking Telegram for a QR code to scan with your phone; it comes in a moment. `cancel` ends the login.")
	early := g.says("hello?")
	g.expect("One moment: I am still waiting for Telegram's answer about the QR code.")
	g.deleted(early)
	g.issues("first token of all", time.Now().Add(time.Hour))
	first := g.pictures(1)[0]
	g.seen++ // the picture is a message as well
	content := first.Content.AsMessage()
	link := login.QRLink(vault.Secret("first token of all"))
	if got := g.reads(content); got != link || !strings.Contains(content.Body, "`"+link+"`") || !strings.Contains(content.Body, "Link Desktop Device") {
		t.Errorf("the code says %q, the text %q", got, content.Body)
	}
	g.says("what now")
	g.expect("There is nothing to type: the QR code is to be scanned. Please scan the QR code that I show in this room.")
	g.says("login")
	g.expect("A login is under way since ")

	// Its time is over: the timer has it asked for anew, and the next takes its place.
	g.happens(login.Lapse{Attempt: g.awaitStep(events.StepQR).Attempt.ID, Unheard: true})
	g.issues("second token of all", time.Now().Add(100*time.Millisecond))
	g.issues("third token of all", time.Now().Add(time.Hour)) // after the timer
	pictures := g.pictures(3)
	for i, p := range pictures[1:] {
		c := p.Content.AsMessage()
		if c.RelatesTo.GetReplaceID() != first.ID || c.NewContent == nil {
			t.Fatalf("no edit of the first: %+v", p.Content.Raw)
		}
		if got := g.reads(c.NewContent); got != login.QRLink(vault.Secret([]string{"second", "third"}[i]+" token of all")) {
			t.Errorf("picture %d says %q", i+2, got)
		}
	}

	g.happens(login.Scanned{Attempt: g.awaitStep(events.StepQR).Attempt.ID})
	g.telegram(func(of events.EventID) login.Command { return login.NeedPassword{Of: of} })
	g.expect("Your phone has scanned the code. Your account has two-step verification. Please send me your two-step verification password;")
	g.takenDown(pictures)
	g.says("open sesame")
	g.telegram(func(of events.EventID) login.Command {
		return login.LetIn{Of: of, Login: "l-quentin", Account: "acc-quentin", Who: events.AccountFacts{TelegramID: 17, Name: "Quentin"}}
	})
	g.expect("Logged in as Quentin. I am looking up your chats now.")
	g.silent()
	g.logHasNot("token of all", link, strings.TrimPrefix(link, "tg://login?token="), "open sesame")
}

// testQRRestarts has the bot die after each step of showing and taking down.
func testQRRestarts(t *testing.T, h *house) {
	g := h.host(t, "rachel")
	g.says("login qr")
	g.expect("Let's connect")
	// It dies after the picture was sent and before that is recorded.
	g.awaitStep(events.StepRequestingQR)
	h.stop()
	g.issues("first", time.Now().Add(time.Hour))
	_, all := g.history()
	issued := all[len(all)-1]
	u := h.deps.Users.Get(g.uid)
	token := vault.Secret("first")
	p := picture{room: u.Room, text: qrWords(*u.Attempt, token)}
	p.code = must(qr.Encode(login.QRLink(token), qr.M))(t)
	sent := must(h.bot.show(within(t), issued, p))(t)
	check(t, h.hs.Restart(within(t))) // it does not remember
	h.start()
	g.await("the picture", func(u projections.User) bool { return u.Shown(issued.Fact.(*events.QRIssued).Attempt, 1) })
	if u := h.deps.Users.Get(g.uid); len(u.Pictures) != 1 || u.Pictures[0].Message != sent {
		t.Fatalf("%+v, sent %s", u.Pictures, sent)
	}
	g.happens(login.Lapse{Attempt: u.Attempt.ID, Unheard: true})
	g.issues("second", time.Now().Add(time.Hour))
	pictures := g.pictures(2)
	g.await("both pictures", func(u projections.User) bool { return len(u.Pictures) == 2 })
	g.seen++
	// What happens while nobody reacts is made good.
	h.stop()
	g.happens(login.Cancel{})
	h.start()
	g.expect("The login is cancelled. Type `login` to begin again.")
	g.takenDown(pictures)
	_, all = g.history()
	for _, e := range all {
		check(t, h.bot.react(within(t), e))
	}
	g.silent()
	if n := len(g.pictures(0)); n != 2 {
		t.Errorf("%d pictures", n)
	}
}

// testQRUnsafe checks that no code is shown where others may see it.
func testQRUnsafe(t *testing.T, h *house) {
	g := h.host(t, "sally")
	g.says("login qr")
	g.expect("Let's connect")
	g.issues("first", time.Now().Add(time.Hour))
	pictures := g.pictures(1)
	g.seen++
	id := g.awaitStep(events.StepQR).Attempt.ID
	must(h.desk.Do(within(t), g.uid, commit.Meta{Actor: events.ByTelegram}, func(u projections.User) (events.Fact, error) {
		return login.Decide(u, login.Lapse{Attempt: id, Unheard: true})
	}))(t)
	h.stop()
	g.issues("second", time.Now().Add(time.Hour))
	check(t, g.user.Invite(within(t), g.room, h.newGuest(t, "sallysfriend").user.UserID()))
	h.start()
	g.await("the end of the login", func(u projections.User) bool { return u.Attempt == nil })
	g.takenDown(pictures)
	if n := len(g.pictures(0)); n > 1 {
		t.Errorf("%d pictures", n)
	}
}
