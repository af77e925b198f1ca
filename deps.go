//go:build deps

package deps

import (
	_ "github.com/google/uuid"
	_ "github.com/go-json-experiment/json"
	_ "github.com/go-json-experiment/json/jsontext"
	_ "github.com/gotd/contrib/middleware/ratelimit"
	_ "github.com/gotd/contrib/middleware/floodwait"
	_ "github.com/gotd/td/telegram"
	_ "github.com/gotd/td/telegram/updates"
	_ "github.com/nats-io/nats-server/v2/server"
	_ "github.com/nats-io/nats.go"
	_ "github.com/nats-io/nats.go/jetstream"
	_ "github.com/rs/zerolog"
	_ "github.com/tink-crypto/tink-go/v2/aead"
	_ "golang.org/x/net/html"
	_ "gopkg.in/yaml.v3"
	_ "maunium.net/go/mautrix/appservice"
	_ "pgregory.net/rapid"
	_ "golang.org/x/sync/errgroup"
	_ "golang.org/x/term"
)
