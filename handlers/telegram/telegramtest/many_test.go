package telegramtest

import (
	"fmt"
	"sync"
	"testing"
)

// Many idle clients, and one message that reaches them all.
func TestManyClients(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	const n = 50
	var users []UserID
	for i := range n {
		users = append(users, s.AddUser(UserSpec{FirstName: fmt.Sprint("user ", i)}))
	}
	chat := s.AddSupergroup("All", users...)
	clients := make([]*client, n)
	var wg sync.WaitGroup
	for i, u := range users {
		wg.Go(func() { clients[i] = connect(t, ctx, s, clientOptions{as: u}) })
	}
	wg.Wait()
	s.Say(users[0], chat, "hello all")
	for _, c := range clients {
		c.awaitText(ctx, "hello all")
	}
}
