package management

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

const publicPage = "https://bridge.example.test/telegram"

// withPage gives the bot a login page to send people to.
func (h *house) withPage(change func(*Config)) {
	h.restartWith(func(c *Config) {
		c.Public, _ = url.Parse(publicPage)
		if change != nil {
			change(c)
		}
	})
}

// linkIn is the link in the bot's last message that was expected.
func (g *guest) linkIn() string {
	g.t.Helper()
	content := g.notices(g.user.Room(g.room))[g.seen-1].Content.AsMessage()
	body := content.Body
	link := regexp.MustCompile(regexp.QuoteMeta(publicPage) + `/link#[A-Za-z0-9_-]{43}\b`).FindString(body)
	if link == "" {
		g.t.Fatalf("no link in %q", body)
	}
	if !strings.Contains(content.FormattedBody, `<a href="`+link+`">`+link+`</a>`) {
		g.t.Errorf("%q is no link to follow", content.FormattedBody)
	}
	return link
}

// redeem takes a link up as the page does.
func (g *guest) redeem(link string, pairing bool) events.Fact {
	g.t.Helper()
	_, token, _ := strings.Cut(link, "#")
	l := must(g.vault.Link(within(g.t), vault.Secret(token)))(g.t)
	if l.User != g.uid {
		g.t.Fatalf("the link is for %+v, not for %s", l, g.uid)
	}
	return g.happens(login.Redeem{Link: l.Link, Now: time.Now(), Pairing: pairing, Where: events.BrowserFacts{
		Address: "203.0.113.7", Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
	}}).Fact
}

func testLinks(t *testing.T, h *house) {
	h.withPage(nil)
	defer h.restartWith(func(*Config) {})
	g := h.host(t, "linda")
	g.says("login")
	g.expect("Let's connect your Telegram account. You have 10 min. The bridge will read and write there whatever you can. Open this page to log in; nothing secret passes through this room then:\n" + publicPage + "/link#")
	first := g.linkIn()
	g.says("login")
	g.expect("A login is under way since ")
	second := g.linkIn()
	if first == second {
		t.Fatal("the same link twice")
	}
	if f, ok := g.redeem(first, false).(*events.WebLinkReused); !ok || f.Reason != events.LinkRevoked {
		t.Errorf("%+v", f)
	}
	g.expect("Somebody tried a link to the login page that opens nothing any more (there is a newer one), from Firefox on Linux (203.0.113.7).")
	g.redeem(second, false)
	g.expect("The login page is open in Firefox on Linux (203.0.113.7). If that is not you, type `cancel`.")
	g.says("login")
	for range 4 {
		g.expect("A login is under way since ")
		g.says("login")
	}
	g.expect("You have had 6 links to the login page within 15 min. The newest is good still. You can have another at ")

	web := func(c login.Submit) {
		a := g.deps.Users.Get(g.uid).Attempt
		c.Attempt, c.Step, c.Via, c.Readable = a.ID, a.Step, events.ChannelWeb, true
		m := commit.Meta{Actor: events.ByUser}
		must(g.desk.Do(within(t), g.uid, m, func(u projections.User) (events.Fact, error) { return login.Decide(u, c) }))(t)
	}
	web(login.Submit{Masked: "+44 ••••• ••3456"})
	g.telegram(func(of events.EventID) login.Command { return login.CodeIsOnItsWay{Of: of, Route: events.RouteSMS} })
	g.expect("Telegram has sent you a code by SMS. Enter the code on the login page. I take it here, too.")
	g.says("12345") // as it says
	g.telegram(func(of events.EventID) login.Command { return login.NeedPassword{Of: of} })
	g.expect("The code is right. Your account has two-step verification. Please send me your")
	g.happens(login.Choose{Attempt: g.deps.Users.Get(g.uid).Attempt.ID, At: events.StepPassword, Method: events.MethodBot, Via: events.ChannelWeb})
	g.expect("You begin anew on the login page: with a bot's token.")
	web(login.Submit{Bot: true})
	g.telegram(func(of events.EventID) login.Command {
		return login.LetIn{Of: of, Login: "l", Account: "c", Who: events.AccountFacts{TelegramID: 9, Name: "Robot"}}
	})
	g.expect("Logged in as Robot.")
	body := g.notices(g.user.Room(g.room))[g.seen-1].Content.AsMessage().Body
	if !strings.Contains(body, "in Firefox on Linux (203.0.113.7). If that was not you, type `logout`") {
		t.Errorf("%q", body)
	}
	g.silent()
}

func testPairing(t *testing.T, h *house) {
	h.withPage(nil)
	defer h.restartWith(func(*Config) {})
	g := h.host(t, "paula")
	g.says("login")
	g.expect("Let's connect")
	g.redeem(g.linkIn(), true)
	g.expect("The login page is open in ")
	g.says("login")
	g.expect("The login page is open in a browser already, and this bridge lets no second one into a login.")
	g.says("+44 7911 123456")
	g.telegram(func(of events.EventID) login.Command { return login.CodeIsOnItsWay{Of: of, Route: events.RouteApp} })
	g.expect("Telegram has sent a code")
	g.says("12345")
	u := g.awaitStep(events.StepCheckingCode)
	check(t, h.vault.PutAttempt(within(t), u.Attempt.ID, vault.Pairing, vault.Secret("ABC234"), time.Minute))
	letIn := func(of events.EventID) login.Command {
		return login.LetIn{Of: of, Login: "l", Account: "c", Who: events.AccountFacts{TelegramID: 9, Name: "Alice"}}
	}
	g.telegram(letIn)
	g.expect("Telegram has let you in as Alice (+44 ••••• ••3456). Now send me the code that the login page shows")
	g.says("what code?")
	g.expect("I can't read this as the code that the login page shows")
	g.says("ABC235")
	g.expect("That is not the code that the login page shows")
	g.says(" abc 234 ")
	g.awaitStep(events.StepEntering)
	g.telegram(letIn)
	g.expect("Logged in as Alice")
	g.silent()
}

func testRoomsWithoutLogins(t *testing.T, h *house) {
	defer h.restartWith(func(*Config) {})
	h.withPage(func(c *Config) { c.NoRoom = true })
	g := h.host(t, "norma")
	g.says("login")
	g.expect("Let's connect your Telegram account.")
	g.linkIn()
	number := g.says("+44 7911 123456")
	g.expect("This bridge takes no logins in rooms, so I did not use it. Go on on the login page: `login` gives you a new link to it.")
	g.deleted(number)
	g.says("cancel")
	g.expect("The login is cancelled.")
	number = g.says("login +44 7911 123456")
	g.expect("Let's connect your Telegram account.")
	g.deleted(number)
	g.says("cancel")
	g.expect("The login is cancelled.")

	h.withPage(func(c *Config) { c.BarSecrets = true })
	b := h.host(t, "barbara")
	b.says("login +44 7911 123456")
	b.telegram(func(of events.EventID) login.Command { return login.NeedPassword{Of: of} })
	b.expect("Let's connect", "Telegram knows this bridge from your last login and wants no code. Your account has two-step verification: enter the password on the login page.",
		"This bridge takes no passwords in rooms. Enter it on this page:\n"+publicPage)
	b.linkIn()
	password := b.says("correct horse")
	b.expect("This bridge takes no passwords in rooms, so I did not use it. Enter it on the login page")
	b.deleted(password)
	b.says("help")
	b.expect("I connect your Telegram account to Matrix.")
	b.says("register")
	b.expect("A login with +44 ••••• ••3456 is under way")
	if body := b.notices(b.user.Room(b.room))[b.seen-1].Content.AsMessage().Body; !strings.HasSuffix(body, "It goes on on the login page: `login` gives you another link to it. `cancel` ends it.") {
		t.Errorf("%q", body)
	}
	if step := b.deps.Users.Get(b.uid).Attempt.Step; step != events.StepPassword {
		t.Errorf("the login stands at %s", step)
	}
}

func testLoginForAnother(t *testing.T, h *house) {
	h.withPage(func(c *Config) {
		level := c.Permission
		c.Permission = func(user events.MatrixID) Level {
			if strings.HasPrefix(string(user), "@root") {
				return LevelAdmin
			}
			return level(user)
		}
	})
	defer h.restartWith(func(*Config) {})
	admin, bob := h.host(t, "root"), h.host(t, "bobby")
	them := string(bob.user.UserID())
	bob.says("login " + string(admin.user.UserID()))
	bob.expect("Only admins of this bridge may do that for others.")
	admin.says("login @stranger:" + serverName)
	admin.expect("That user may not use this bridge")
	admin.says("login " + them)
	admin.expect("By this link " + them + " is logged in to Telegram; it is good once, within 10 min:\n" + publicPage)
	bob.expect("Whoever runs this bridge has begun a login to Telegram for you, by a link that they have.")
	bob.redeem(admin.linkIn(), false)
	bob.expect("The login page is open in ")
	admin.says("login " + them)
	admin.expect("A login of that user is under way already.")
	admin.says("login @unheard-of:" + serverName)
	admin.expect("By this link @unheard-of:" + serverName + " is logged in to Telegram")
	_, token, _ := strings.Cut(admin.linkIn(), "#")
	l := must(h.vault.Link(within(t), vault.Secret(token)))(t)
	if u := h.deps.Users.Get(l.User); string(u.MatrixID) != "@unheard-of:"+serverName || u.Attempt == nil {
		t.Errorf("%+v", u)
	}
	admin.silent()
}
