package matrixtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

const (
	configFile = "dendrite.yaml"
	keyFile    = "signing.pem"
	secretFile = "registration-secret"
)

// configTemplate is Dendrite's configuration. Its own JetStream is on disk: in
// memory it would lose the appservice's undelivered events at a restart. Every
// limit that would make a test wait is off.
var configTemplate = template.Must(template.New(configFile).Parse(`version: 2
global:
  server_name: {{printf "%q" .ServerName}}
  private_key: {{printf "%q" .Key}}
  disable_federation: true
  presence: {enable_inbound: true, enable_outbound: false}
  jetstream:
    storage_path: {{printf "%q" .JetStream}}
    in_memory: false
app_service_api:
  config_files:{{range .Registrations}}
    - {{printf "%q" .}}{{else}} []{{end}}
client_api:
  registration_disabled: true
  registration_shared_secret: {{printf "%q" .Secret}}
  rate_limiting: {enabled: false}
federation_api:
  database: {connection_string: "file:federation.db"}
  key_perspectives: []
key_server:
  database: {connection_string: "file:keys.db"}
media_api:
  base_path: {{printf "%q" .Media}}
  database: {connection_string: "file:media.db"}
mscs:
  database: {connection_string: "file:mscs.db"}
relay_api:
  database: {connection_string: "file:relay.db"}
room_server:
  database: {connection_string: "file:rooms.db"}
sync_api:
  database: {connection_string: "file:sync.db"}
user_api:
  account_database: {connection_string: "file:users.db"}
  bcrypt_cost: 4
logging:
  - {type: std, level: warn}
`))

// writeConfig writes what the homeserver reads at its start and returns the
// secret that lets an admin register users. Key and secret of an earlier run
// stay.
func writeConfig(opts Options) (secret string, err error) {
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return "", err
	}
	in := func(name string) string { return filepath.Join(opts.Dir, name) }
	if _, err := keep(in(keyFile), newSigningKey); err != nil {
		return "", err
	}
	if secret, err = keep(in(secretFile), rand.Text); err != nil {
		return "", err
	}
	registrations := make([]string, len(opts.RegistrationFiles))
	for i, file := range opts.RegistrationFiles {
		if registrations[i], err = filepath.Abs(file); err != nil {
			return "", err
		}
		if _, err := os.Stat(registrations[i]); err != nil {
			return "", fmt.Errorf("appservice registration: %w", err)
		}
	}
	var config strings.Builder
	err = configTemplate.Execute(&config, map[string]any{
		"ServerName": opts.ServerName, "Secret": secret, "Key": in(keyFile),
		"JetStream": in("jetstream"), "Media": in("media"), "Registrations": registrations,
	})
	if err != nil {
		return "", err
	}
	return secret, os.WriteFile(in(configFile), []byte(config.String()), 0o600)
}

// keep returns the file's content, and makes the file first if there is none.
func keep(file string, content func() string) (string, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		data = []byte(content())
		err = os.WriteFile(file, data, 0o600)
	}
	return string(data), err
}

// newSigningKey is a homeserver's signing key as Dendrite reads it: a PEM block
// that holds the seed and names the key.
func newSigningKey() string {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // never fails: crypto/rand ends the program instead
	return string(pem.EncodeToMemory(&pem.Block{
		Type:    "MATRIX PRIVATE KEY",
		Headers: map[string]string{"Key-ID": "ed25519:" + hex.EncodeToString(seed[:3])},
		Bytes:   seed,
	}))
}
