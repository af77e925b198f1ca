package telegram

import (
	"context"
	"strings"
	"testing"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/vault/vaulttest"
)

func TestCursorsComeBack(t *testing.T) {
	ctx, bucket := context.Background(), vaulttest.NewBucket()
	c := newCursors(bucket, "login")
	must(t, c.load(ctx))
	c.change(func(s *state) { *s = state{Pts: 5, Qts: 1, Date: 7, Seq: 2} })
	for i := range int64(100) {
		c.setChannel(1_000_000+i, int(i)+1)
	}
	c.setChannel(1_000_003, 0)
	must(t, c.store(ctx))
	c.setChannel(1_000_001, 999) // not stored: a crash forgets it

	again := newCursors(bucket, "login")
	must(t, again.load(ctx))
	if again.get() != (state{Pts: 5, Qts: 1, Date: 7, Seq: 2}) || again.channel(1_000_001) != 2 || again.channel(1_000_003) != 0 || len(again.known()) != 99 {
		t.Errorf("%+v, %d channels", again.get(), len(again.known()))
	}
	must(t, bucket.All(ctx, "", func(key string, _ []byte) error {
		if strings.Contains(key, "10000") {
			t.Errorf("key %s names a channel", key)
		}
		return nil
	}))
}

func TestBookKeepsTheBetterEntry(t *testing.T) {
	ctx, bucket := context.Background(), vaulttest.NewBucket()
	bob := events.Peer{Kind: events.PeerUser, ID: 42}
	b := newBook(bucket, "login")
	must(t, b.learn(ctx, []entry{{Peer: bob, Name: "Bob", SeenIn: 7, SeenAt: 3}}))
	if _, ok, err := b.inputPeer(ctx, bob); ok || err != nil {
		t.Error("named by a message in a channel without access hash")
	}
	must(t, b.learn(ctx, []entry{{Peer: events.Peer{Kind: events.PeerChannel, ID: 7}, Hash: 70}}))
	if _, ok, _ := b.inputPeer(ctx, bob); !ok {
		t.Error("not named by the message")
	}
	must(t, b.learn(ctx, []entry{{Peer: bob, Name: "Bob", Hash: 420}}))
	must(t, b.learn(ctx, []entry{{Peer: bob, Name: "Robert", SeenIn: 7, SeenAt: 9}})) // "min" again
	again := newBook(bucket, "login")
	e, ok, err := again.get(ctx, bob)
	if err != nil || !ok || e.Hash != 420 || e.Name != "Robert" || e.SeenIn != 0 {
		t.Errorf("%+v %v %v", e, ok, err)
	}
	for i := range int64(1000) {
		must(t, b.learn(ctx, []entry{{Peer: events.Peer{Kind: events.PeerUser, ID: 1000 + i}, Name: "n", Hash: i + 1}}))
	}
	if b.size > bookMemory {
		t.Errorf("%d entries in memory", b.size)
	}
	if e, ok, _ := b.get(ctx, events.Peer{Kind: events.PeerUser, ID: 1500}); !ok || e.Hash != 501 {
		t.Errorf("%+v", e)
	}
}
