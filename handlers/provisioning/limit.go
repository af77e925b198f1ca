package provisioning

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/natsgram/natsgram/events"
)

// maxKeys is how many keys a limiter remembers. Beyond it those that may do
// everything again are forgotten, and if there are none of these, all.
const maxKeys = 10_000

// limiter gives every key so many goes at once, and another each while.
type limiter struct {
	every rate.Limit
	burst int
	mu    sync.Mutex
	keys  map[string]*rate.Limiter
}

func newLimiter(every rate.Limit, burst int) *limiter {
	return &limiter{every: every, burst: burst, keys: map[string]*rate.Limiter{}}
}

// left is how long a key has to wait for its next go: 0 if it has one.
func (l *limiter) left(key string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket, ok := l.keys[key]
	if !ok {
		return 0
	}
	return l.lack(bucket, now)
}

// take uses a go of a key, and says how long it has to wait if it has none.
func (l *limiter) take(key string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket, ok := l.keys[key]
	if !ok {
		if len(l.keys) >= maxKeys {
			l.forget(now)
		}
		bucket = rate.NewLimiter(l.every, l.burst)
		l.keys[key] = bucket
	}
	if bucket.AllowN(now, 1) {
		return 0
	}
	return l.lack(bucket, now)
}

func (l *limiter) lack(bucket *rate.Limiter, now time.Time) time.Duration {
	missing := 1 - bucket.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return max(time.Millisecond, time.Duration(missing/float64(l.every)*float64(time.Second)))
}

func (l *limiter) forget(now time.Time) {
	for key, bucket := range l.keys {
		if bucket.TokensAt(now) >= float64(l.burst) {
			delete(l.keys, key)
		}
	}
	if len(l.keys) >= maxKeys {
		clear(l.keys)
	}
}

// maxOpen is how many calls of one user may be open at once: those that wait do
// so for long.
const maxOpen = 16

// doors counts the calls that are open, by user.
type doors struct {
	mu   sync.Mutex
	open map[events.UID]int
}

// enter reports whether there is room for another call of the user.
func (d *doors) enter(uid events.UID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open == nil {
		d.open = map[events.UID]int{}
	}
	if d.open[uid] >= maxOpen {
		return false
	}
	d.open[uid]++
	return true
}

func (d *doors) leave(uid events.UID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[uid]--; d.open[uid] == 0 {
		delete(d.open, uid)
	}
}

// address is where a request came from: an IPv4 address, or the /64 of an IPv6
// one, which is what a household has.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if ip = ip.Unmap(); ip.Is4() {
		return ip.String()
	}
	prefix, _ := ip.WithZone("").Prefix(64) // 64 bits it has
	return prefix.String()
}
