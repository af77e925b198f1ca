package vault

import (
	"context"
	"errors"
	"strings"

	"github.com/natsgram/natsgram/events"
)

const tokenPrefix = "token."

// Token is what Telegram gave at the logout of an account, for the next login
// to it without a code. It is the user's who logged out, and nobody else's:
// whoever holds it needs no code.
type Token struct {
	Account events.AccountID
	Value   Secret
}

// PutToken keeps the token of a user's account, over the one before it.
func (v *Vault) PutToken(ctx context.Context, user events.UID, t Token) error {
	key := tokenKey(user, t.Account)
	_, err := v.own.Put(ctx, key, t.Value)
	return wrap("put", key, err)
}

// Tokens returns the tokens of a user, in no order.
func (v *Vault) Tokens(ctx context.Context, user events.UID) ([]Token, error) {
	prefix := tokenPrefix + string(user) + "."
	var tokens []Token
	err := v.own.All(ctx, prefix, func(key string, value []byte) error {
		tokens = append(tokens, Token{events.AccountID(strings.TrimPrefix(key, prefix)), value})
		return nil
	})
	return tokens, wrap("list", prefix, err)
}

// DropToken removes the token of a user's account, if there is one.
func (v *Vault) DropToken(ctx context.Context, user events.UID, account events.AccountID) error {
	key := tokenKey(user, account)
	return wrap("drop", key, v.own.Delete(ctx, key))
}

func (v *Vault) dropTokens(ctx context.Context, user events.UID) error {
	tokens, err := v.Tokens(ctx, user)
	for _, t := range tokens {
		err = errors.Join(err, v.DropToken(ctx, user, t.Account))
	}
	return err
}

func tokenKey(user events.UID, account events.AccountID) string {
	return tokenPrefix + string(user) + "." + string(account)
}
