package weblogin

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// within10 is the time that a limit counts by.
const within10 = 10 * time.Minute

// fewest is how many are counted before anybody is forgotten.
const fewest = 4096

// limits counts who comes how often, and which sessions follow the log. It is
// forgotten at a restart.
type limits struct {
	mu      sync.Mutex
	came    map[string]*rate.Limiter
	streams map[string]int
	sweepAt int // how many are counted before those are forgotten who have been away for long
}

func newLimits() *limits {
	return &limits{came: map[string]*rate.Limiter{}, streams: map[string]int{}, sweepAt: fewest}
}

// take counts one more of who, who may come so often in ten minutes. It returns
// how long to wait if that is too often, else 0.
func (c *limits) take(who string, most int, now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	limiter := c.came[who]
	if limiter == nil {
		if len(c.came) >= c.sweepAt {
			c.sweep(now)
		}
		limiter = rate.NewLimiter(rate.Every(within10/time.Duration(most)), most)
		c.came[who] = limiter
	}
	if limiter.AllowN(now, 1) {
		return 0
	}
	r := limiter.ReserveN(now, 1)
	defer r.CancelAt(now)
	return r.DelayFrom(now)
}

// sweep forgets who has all their turns again.
func (c *limits) sweep(now time.Time) {
	for who, limiter := range c.came {
		if limiter.TokensAt(now) >= float64(limiter.Burst()) {
			delete(c.came, who)
		}
	}
	c.sweepAt = max(fewest, 2*len(c.came)) // so that it costs each newcomer the same
}

// enter counts a stream of a session, which may have so many; leave ends it.
func (c *limits) enter(session string, most int) (leave func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streams[session] >= most {
		return nil, false
	}
	c.streams[session]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.streams[session]--; c.streams[session] == 0 {
			delete(c.streams, session)
		}
	}, true
}
