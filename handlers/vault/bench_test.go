package vault_test

import (
	"bytes"
	"testing"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/handlers/vault/vaulttest"
)

// personal is as long as the personal part of an ordinary event.
var personal = bytes.Repeat([]byte("x"), 120)

func BenchmarkSeal(b *testing.B) {
	v, _ := newBenchVault(b)
	aad := []byte("01890a5d-ac96-774b-bcce-b302099a8057\nnatsgram.auth.code_sent.v1\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Seal("one", personal, aad); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	v, sealed := newBenchVault(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		s := sealed[i%len(sealed)]
		if _, err := v.Open(s.uid, s.sealed, nil); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkOpenParallel(b *testing.B) {
	v, sealed := newBenchVault(b)
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			s := sealed[i%len(sealed)]
			if _, err := v.Open(s.uid, s.sealed, nil); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkPreload(b *testing.B) {
	_, sealed := newBenchVault(b)
	v, bucket := newVault(b)
	for _, s := range sealed {
		must(v.Seal(s.uid, nil, nil))(b)
	}
	for b.Loop() {
		check(b, again(b, v, bucket).Preload(b.Context()))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(sealed)), "ns/key")
}

type sealedPart struct {
	uid    events.UID
	sealed []byte
}

// newBenchVault has the real clock, and something sealed for each of 10,000 uids.
func newBenchVault(b *testing.B) (*vault.Vault, []sealedPart) {
	b.Helper()
	keys, _ := newKeyset(b)
	v := vault.Open(keys, vaulttest.NewBucket())
	parts := make([]sealedPart, 10_000)
	for i := range parts {
		uid := events.NewUID()
		parts[i] = sealedPart{uid, must(v.Seal(uid, personal, nil))(b)}
	}
	return v, parts
}
