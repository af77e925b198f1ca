package journal

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rs/zerolog"

	"github.com/natsgram/natsgram/events"
)

// cluster is three servers from nats.conf, as an operator would run them.
func cluster(t *testing.T, cfg *Config) []*server.Server {
	t.Helper()
	ports := []string{freePort(t), freePort(t), freePort(t)}
	routes := make([]*url.URL, len(ports))
	for i, p := range ports {
		routes[i] = &url.URL{Scheme: "nats", Host: p}
	}
	servers := make([]*server.Server, len(ports))
	for i := range servers {
		own := *cfg
		own.StoreDir, own.Listen = t.TempDir(), "127.0.0.1:-1"
		opts, err := serverOptions(&own)
		if err != nil {
			t.Fatal(err)
		}
		opts.ServerName, opts.Cluster.Name, opts.Routes = fmt.Sprint("n", i), "test", routes
		opts.Cluster.Host, _, _ = strings.Cut(ports[i], ":")
		_, _ = fmt.Sscan(ports[i][strings.LastIndex(ports[i], ":")+1:], &opts.Cluster.Port)
		if servers[i], err = startServer(testContext(t), opts, zerolog.Nop(), func(error) {}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { servers[i].Shutdown(); servers[i].WaitForShutdown() })
	}
	return servers
}

func TestThreeReplicas(t *testing.T) {
	cfg := testConfig(t)
	servers := cluster(t, &cfg)
	until(t, "the cluster to form", func() bool {
		return slices.ContainsFunc(servers, func(s *server.Server) bool { return len(s.JetStreamClusterPeers()) == len(servers) })
	})
	var urls []string
	for _, s := range servers {
		urls = append(urls, s.ClientURL())
	}
	cfg.URL, cfg.Password, cfg.Replicas = strings.Join(urls, ","), cfg.BridgePassword, 3
	j, ctx, agg := hurried(New(connect(t, cfg), newTestSealer(t))), testContext(t), user()
	e := submitted(agg, "0")
	first := must(t, j, e)
	if _, err := j.Append(ctx, submitted(agg, "late"), 0); !errors.Is(err, ErrConflict) {
		t.Errorf("a late append: %v", err)
	}
	if again, err := j.Append(ctx, e, 0); err != nil || again != first {
		t.Errorf("a repeat: %d, %v", again, err)
	}
	for n := range 99 {
		must(t, j, submitted(agg, fmt.Sprint(n+1)))
	}
	servers[1].Shutdown()
	for tries := 0; ; tries++ { // the one that went may have led
		last, err := j.LastOf(ctx, agg)
		if err == nil {
			_, err = j.Append(ctx, submitted(agg, "two are enough"), last)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, ErrUnwritable) && !isUnwritable(err) || tries == 10 {
			t.Fatal(err)
		}
	}
	count := 0
	if err := j.Replay(ctx, events.Auth, 0, 0, func(events.Event) error { count++; return nil }); err != nil || count != 101 {
		t.Errorf("%d events, %v", count, err)
	}
	orderedRedelivery(t, j, 101)
	b := bucket(t, j.conn, "PEERS")
	rev, err := b.Create(ctx, "k", []byte("v"), 0)
	if value, got, readErr := b.Get(ctx, "k"); err != nil || readErr != nil || got != rev || string(value) != "v" {
		t.Errorf("get %q, %v, %v", value, err, readErr)
	}
}
