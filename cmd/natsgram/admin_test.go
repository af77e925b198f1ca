package main

import (
	"strings"
	"testing"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// TestAdmins: an admin sees everybody's logins and ends somebody's, who is told;
// nobody else may.
func TestAdmins(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	w.setConfig(`"localhost": user`, `"localhost": user`+"\n"+`    "@boss:localhost": admin`)
	w.run()
	boss := w.register("boss")
	office := w.openRoom(boss)
	w.ask(boss, office, "logins --all", "Nobody is logged in")
	who := w.tenant(0)
	for _, command := range []string{"logins --all", "logout @boss:localhost", "login @boss:localhost"} {
		w.ask(who.Client, who.room, command, "Only admins of this bridge")
	}
	if help := w.ask(who.Client, who.room, "help", "Commands here"); strings.Contains(help, "--all") {
		t.Errorf("an admin's commands are shown to others: %q", help)
	}
	if help := w.ask(boss, office, "help logout", "logout [account]"); !strings.Contains(help, "logout @user:server") {
		t.Errorf("help of an admin: %q", help)
	}
	list := w.ask(boss, office, "logins --all", "One person is logged in")
	if !strings.Contains(list, string(who.UserID())) || !strings.Contains(list, "+44 ••••• ••0200") {
		t.Errorf("%q", list)
	}
	w.ask(boss, office, "login @tenant0:localhost", "needs the login page")
	w.ask(boss, office, "logout @nobody:localhost", "not logged in to Telegram here")
	w.ask(boss, office, "logout @tenant0:localhost", "I am logging @tenant0:localhost out of their account")
	w.hear(who.Client, who.room, "Whoever runs this bridge has logged you out")
	w.onlyOneEnd(t, "by an admin", who, events.EndedByOperator, "", "Whoever runs this bridge has logged you out")
	if n := len(w.tg.Sessions(who.account)); n != 0 {
		t.Errorf("%d sessions at Telegram", n)
	}
	w.grep(t, []string{"@tenant0:"})
}
