package telegram

import (
	"slices"
	"testing"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
	"github.com/natsgram/natsgram/handlers/vault"
)

// A bot logs in by its token alone. It lives in another data centre.
func TestLoginOfABot(t *testing.T) {
	for _, drop := range []telegramtest.Drop{0, telegramtest.DropBefore, telegramtest.DropAfter} {
		t.Run(map[telegramtest.Drop]string{0: "plain", telegramtest.DropBefore: "dropped before", telegramtest.DropAfter: "dropped after"}[drop], func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, telegramtest.Options{DCs: 2})
			bot := h.server.AddUser(telegramtest.UserSpec{FirstName: "Robot", Username: "robot", Bot: true, DC: 4})
			p := h.person("@alice:test")
			p.begin()
			p.botToken("123:not-a-token-that-anybody-has")
			f := await[*events.TokenRejected](h, 1, nil).Fact.(*events.TokenRejected)
			if f.Reason != events.BadToken || f.Next != events.StepToken {
				t.Errorf("%+v", f)
			}
			h.awaitGone(p.attempt, vault.BotToken)
			h.restart()
			if drop != 0 {
				h.server.Inject(telegramtest.Fault{Method: "auth.importBotAuthorization", Times: 1, Drop: drop})
			}
			p.botToken(h.server.BotToken(bot))
			in := await[*events.LoginSucceeded](h, 1, nil).Fact.(*events.LoginSucceeded)
			if in.Method != events.MethodBot || !slices.Equal(in.Factors, []string{events.FactorBotToken}) || in.Sealed.TelegramID != int64(bot) {
				t.Errorf("%+v", in)
			}
			await[*events.ChatsListed](h, 1, nil)
			secretsGone(t, h, p.attempt)
			if n := len(h.server.Sessions(bot)); n != 1 || count[*events.TokenRejected](h, nil) != 1 {
				t.Errorf("%d sessions, log %v", n, h.names())
			}
		})
	}
}
