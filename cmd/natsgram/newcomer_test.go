package main

import (
	"fmt"
	"strings"

	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// undecided is no answer to Telegram's terms of service.
const undecided = "perhaps tomorrow"

// of makes an actor for a method.
func (c *cast) of(name string, m method) *actor {
	if !m.makes {
		return c.actor(name, m.account)
	}
	a, n := c.somebody(name)
	a.called = fmt.Sprintf("Firstcanary%d Lastcanary%d", n, n)
	a.secrets = append(a.secrets, strings.Fields(a.called)...)
	c.w.tg.SetCode(a.phone, a.code)
	return a
}

// badName is a name that Telegram will not take.
func (a *actor) badName() string {
	a.w.tg.Inject(telegramtest.Fault{Method: "auth.signUp", Phone: a.phone, Times: 1, Err: tgerr.New(400, "FIRSTNAME_INVALID")})
	return "Bad" + strings.ToLower(a.right(events.StepName))
}

// account is the actor's, also if the actor has made it.
func (a *actor) account() telegramtest.UserID {
	if a.called != "" {
		return a.w.tg.UserWith(a.phone)
	}
	return a.user
}

// sessions is where the actor's account is logged in.
func (a *actor) sessions() int {
	if account := a.account(); account != 0 {
		return len(a.w.tg.Sessions(account))
	}
	return 0
}

// deletes has the actor delete the account, so that the number has none.
func (a *actor) deletes() { a.w.tg.DeleteAccount(a.account()) }
