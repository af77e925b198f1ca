package vault_test

import (
	"testing"

	"github.com/natsgram/natsgram/handlers/vault"
)

func TestATokenIsItsUsersOwn(t *testing.T) {
	ctx := t.Context()
	v, _ := newVault(t)
	check(t, v.PutToken(ctx, "u", vault.Token{Account: "a", Value: []byte("first")}))
	check(t, v.PutToken(ctx, "u", vault.Token{Account: "a", Value: []byte("second")}))
	check(t, v.PutToken(ctx, "u", vault.Token{Account: "b", Value: []byte("third")}))
	check(t, v.PutToken(ctx, "w", vault.Token{Account: "a", Value: []byte("another's")}))
	values := map[string]bool{}
	for _, token := range must(v.Tokens(ctx, "u"))(t) {
		values[string(token.Account)+" "+token.Value.Reveal()] = true
	}
	if len(values) != 2 || !values["a second"] || !values["b third"] {
		t.Errorf("%v", values)
	}
	check(t, v.DropToken(ctx, "u", "a"))
	check(t, v.DropToken(ctx, "u", "a"))
	if left := must(v.Tokens(ctx, "u"))(t); len(left) != 1 || left[0].Account != "b" {
		t.Errorf("%v", left)
	}
	check(t, v.Forget(ctx, "u"))
	if left := must(v.Tokens(ctx, "u"))(t); len(left) != 0 {
		t.Errorf("%d tokens of somebody forgotten", len(left))
	}
	if left := must(v.Tokens(ctx, "w"))(t); len(left) != 1 {
		t.Errorf("%d tokens of somebody else", len(left))
	}
}
