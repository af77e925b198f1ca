package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"strings"
)

// relations checks what no value shows by itself. It says nothing of settings
// that are wrong or missing anyway.
func (r *configReader) relations(c Config) []Problem {
	var problems []Problem
	add := func(path, text string) {
		if !r.blamed(path) {
			problems = append(problems, Problem{Line: r.line(path), Setting: path, Text: text})
		}
	}
	if strings.HasPrefix(c.Appservice.Bot, c.Appservice.GhostPrefix) {
		add("appservice.bot", "the bot would be taken for a ghost: its name begins with appservice.ghost_prefix")
	}
	if len(c.Appservice.ASToken) > 0 && c.Appservice.ASToken.Reveal() == c.Appservice.HSToken.Reveal() {
		add("appservice.hs_token", "it must differ from appservice.as_token")
	}
	if !c.Permissions.any() && !r.blamed("permissions") {
		problems = append(problems, Problem{Line: r.sections["permissions"], Setting: "permissions",
			Text: "nobody may use the bridge: give a Matrix ID, a server or \"*\" the level user or admin"})
	}
	if c.Telegram.TestServer.Address != "" || c.Telegram.TestServer.PublicKeyFile != "" {
		testServer(c.Telegram.TestServer, add)
	}
	if c.NATS.URL == "" {
		embedded(c, add)
	}
	if c.Web.PublicURL != nil && (c.Web.Listen == c.Appservice.Listen || c.NATS.URL == "" && c.Web.Listen == c.NATS.Listen) {
		add("web.listen", "appservice.listen or nats.listen takes this port already")
	}
	provisioningRelations(c, add)
	return problems
}

func testServer(c TestServerConfig, add func(path, text string)) {
	if c.Address == "" {
		add("telegram.test_server.address", "it is missing: public_key_file is of use only with an address")
	}
	if c.PublicKeyFile == "" {
		add("telegram.test_server.public_key_file", "it is missing: the server at this address proves itself by its key")
		return
	}
	data, err := os.ReadFile(c.PublicKeyFile)
	if err != nil {
		add("telegram.test_server.public_key_file", "the file cannot be read: "+err.Error())
		return
	}
	if !isPublicKey(data) {
		add("telegram.test_server.public_key_file", c.PublicKeyFile+" holds no RSA public key in PEM form")
	}
}

func isPublicKey(data []byte) bool {
	block, _ := pem.Decode(data)
	if block == nil {
		return false
	}
	_, pkcs := x509.ParsePKCS1PublicKey(block.Bytes)
	_, pkix := x509.ParsePKIXPublicKey(block.Bytes)
	return pkcs == nil || pkix == nil
}

// embedded checks what only an embedded server needs.
func embedded(c Config, add func(path, text string)) {
	if _, err := os.Stat(c.NATS.Config); errors.Is(err, fs.ErrNotExist) {
		add("nats.config", c.NATS.Config+" does not exist: copy nats.conf from the release to there, or name the file you have")
	} else if err != nil {
		add("nats.config", "the file cannot be read: "+err.Error())
	}
	if c.NATS.Listen == c.Appservice.Listen {
		add("nats.listen", "appservice.listen takes this port already")
	}
	const missing = "it is missing: any long random string will do"
	if len(c.NATS.BridgePassword) == 0 {
		add("nats.bridge_password", missing)
	}
	if len(c.NATS.AuditorPassword) == 0 {
		add("nats.auditor_password", missing)
	}
	if len(c.NATS.BridgePassword) > 0 && c.NATS.BridgePassword.Reveal() == c.NATS.AuditorPassword.Reveal() {
		add("nats.auditor_password", "it must differ from nats.bridge_password: the auditor may only read")
	}
}
