package journal

import (
	"context"
	"testing"
	"time"
)

func TestLeaseHasOneHolder(t *testing.T) {
	c, ctx := connect(t, testConfig(t)), testContext(t)
	first, err := c.Lease(ctx, "bridge", "a", 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan *Lease, 1)
	go func() {
		l, err := c.Lease(ctx, "bridge", "b", 2*time.Second)
		if err != nil {
			t.Error(err)
		}
		second <- l
	}()
	// It is renewed: it outlives its time.
	leases, begin := bucket(t, c, "LEASES"), time.Now()
	until(t, "the lease to outlive its time", func() bool {
		_, _, err := leases.Get(ctx, "bridge")
		if err != nil || len(second) > 0 {
			t.Fatalf("%d others hold the lease, %v", len(second), err)
		}
		return time.Since(begin) > 3*time.Second
	})
	select {
	case <-first.Lost():
		t.Fatal("the lease was lost")
	default:
	}
	first.Close()
	first.Close()
	l := receive(t, second, "the second to succeed")
	// The server forgets it: it is taken again.
	if err := leases.Delete(ctx, "bridge"); err != nil {
		t.Fatal(err)
	}
	until(t, "the lease to be taken again", func() bool {
		_, _, err := leases.Get(ctx, "bridge")
		return err == nil
	})
	// Somebody takes it by force.
	if _, err := leases.Put(ctx, "bridge", []byte("by force")); err != nil {
		t.Fatal(err)
	}
	receive(t, l.Lost(), "the loss to be noticed")
	l.Close()
	if err := leases.Delete(ctx, "bridge"); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithCancel(ctx)
	held, err := c.Lease(ctx, "bridge", "c", 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	cancel()
	if _, err := c.Lease(short, "bridge", "d", 2*time.Second); err == nil {
		t.Error("a lease was given to who does not wait")
	}
}

func TestADeadHoldersLeaseEndsWithTheRestart(t *testing.T) {
	cfg := testConfig(t)
	c, ctx := connect(t, cfg), testContext(t)
	if _, err := c.Lease(ctx, "bridge", "a", time.Hour); err != nil {
		t.Fatal(err)
	}
	c.Close() // without giving it back
	l, err := connect(t, cfg).Lease(ctx, "bridge", "b", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}
