package main

import (
	"encoding/json"
	"strings"
	"text/template"
)

// configTemplate is the config.yaml that init writes. It names every setting.
const configTemplate = `# The configuration of natsgram. An unknown or misspelt setting is an error.
#
# Paths are relative to the folder of this file. A secret may also stand in a
# file of its own (api_hash_file: /run/secrets/api_hash) or in the environment
# (NATSGRAM_API_HASH, or NATSGRAM_API_HASH_FILE for a file), which wins.

homeserver:
    # Where the bridge reaches the homeserver's client-server API.
    url: {{.HomeserverURL}}
    # The part of your Matrix IDs after the colon.
    server_name: {{.ServerName}}

# What stands here and in registration.yaml must agree; natsgram check compares.
appservice:
    # Where the bridge listens for the homeserver.
    listen: {{.Listen}}
    # The URL at which the homeserver reaches that: another one if it runs on
    # another machine or in a container.
    address: {{.Address}}
    # A name for the bridge among the homeserver's application services.
    id: natsgram
    # The bot is @telegrambot:server; people talk to it to log in.
    bot: telegrambot
    bot_name: Telegram bridge
    # Telegram users appear as @telegram_…:server.
    ghost_prefix: telegram_
    # How bridge and homeserver know each other.
    as_token: {{.ASToken}}
    hs_token: {{.HSToken}}
    registration: registration.yaml

telegram:
    # The bridge's own credentials: get them at https://my.telegram.org/apps
    api_id: {{.APIID}}
    api_hash: {{.APIHash}}
    # How the bridge is called in Telegram under Settings, Devices.
    device_model: natsgram
    # A Telegram server other than Telegram's own, such as the simulated one of
    # the demo, with its RSA public key. Leave it empty for Telegram.
    test_server:
        address: {{.TestServer}} # host:port
        public_key_file: {{.TestServerKey}}
        dc: 2 # the data centre that this server is

# Who may do what. A line is for "*" (everybody), a server or a Matrix ID; the
# most specific one counts.
#   none   nothing
#   user   log in and bridge their own chats
#   admin  command the bridge, too
permissions:{{range .Permissions}}
    {{.Who}}: {{.Level}}{{end}}

portals:
    # How many members of a chat join its room as ghosts when it is made. The
    # others come when they speak.
    member_limit: 50

login:
    # How long a login may take from its first to its last step.
    attempt_timeout: 10m
    # Whether people may log in by what they send in their private chat with the
    # bot. It is deleted at once, but the homeserver may keep it in its database.
    in_room:
        enabled: true
        # Whether two-factor passwords and bot tokens may be sent there, too.
        secrets: true
    # How often a phone number, code or password may be wrong.
    max_tries: 5
    # How many Telegram accounts a Matrix user may be logged in to at once.
    max_per_user: 5
    # What becomes of the logins of somebody who leaves the private chat with the
    # bot, or whose Matrix account is deactivated.
    #   suspend  their Telegram sessions end; rooms stay, relogin takes them up
    #   keep     they go on, and nobody is told
    on_leave: suspend

# The page on which people log in in a browser, so that no number, code or
# password passes through a room. It is off until public_url is given.
web:
    # Where browsers reach the page: a reverse proxy with TLS, which passes it on to
    # listen, the path unchanged. Links are made of this alone.
    public_url: {{.WebURL}} # https://bridge.example.org, or with a path
    listen: {{.WebListen}}
    # The proxies whose X-Forwarded-For is believed: addresses or networks, with
    # commas between them.
    trusted_proxies: "127.0.0.0/8, ::1"
    # Whether the page shows a code in the end that has to be sent to the bot before
    # the login takes effect: whoever was sent another's link can't be tricked then.
    pairing: false
    # How many forms one address may send in ten minutes; a login takes about five.
    posts_per_address: 30

commands:
    # How a command begins in a room that others are in too.
    prefix: "!tg"

# The provisioning API, by which clients and admin panels made for mautrix bridges
# log people in and out, at appservice.listen under /_matrix/provision. Who has the
# secret acts for every user: 16 characters at least, such as openssl rand -hex 32
# prints. Leave it empty to turn the API off.
provisioning:
    shared_secret: ""

# The log: everything that the bridge remembers.
nats:
    # The server that natsgram run brings along, and where it keeps the log.
    config: {{.NATSConf}}
    store: ./nats
    # Where it listens for the operator commands while the bridge runs. It is
    # for this machine: put TLS into nats.conf before you open it to others.
    # "none" opens no port.
    listen: {{.NATSListen}}
    # An outside NATS server or cluster instead: nats://host:port, several with
    # commas between them. Then bridge_password is the password of user.
    url: ""
    user: ""
    # The bridge writes the log, the auditor (the operator commands) reads it.
    bridge_password: {{.BridgePassword}}
    auditor_password: {{.AuditorPassword}}
    # The key that encrypts the store. Without it the log is lost: back it up.
    store_key: {{.StoreKey}}
    # How many parts of the work go on side by side. It is fixed when the log is
    # made.
    partitions: 8
    # How many servers of a cluster keep a copy of the log: 1, 3 or 5.
    replicas: 1
    # How long messages stay in the log. Logins and rooms stay for ever.
    chat_retention: 720h

# The keys to all that is sealed: sessions, and personal data in the log. Who
# has this file and the store reads everything; who loses it loses all of it.
# Back it up apart from the store.
keyset: keyset.json

logging:
    level: info # debug, info, warn, error
    format: console # console, json
`

// configValues is what init fills into the template.
type configValues struct {
	HomeserverURL, ServerName                 quoted
	Listen, Address                           quoted
	ASToken, HSToken                          quoted
	APIID                                     string // a number, or nothing yet
	APIHash                                   quoted
	TestServer, TestServerKey                 quoted
	WebURL, WebListen                         quoted
	Permissions                               []permissionLine
	NATSConf, NATSListen                      quoted
	BridgePassword, AuditorPassword, StoreKey quoted
}

type permissionLine struct {
	Who   quoted
	Level string
}

// quoted is a string that the template writes in quotes: what JSON takes for a
// string, YAML does too.
type quoted string

func (q quoted) String() string {
	data, _ := json.Marshal(string(q)) // a string always encodes
	return string(data)
}

// renderConfig is the text of a config.yaml.
func renderConfig(values configValues) (string, error) {
	t, err := template.New("config.yaml").Parse(configTemplate)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	err = t.Execute(&text, values)
	return text.String(), err
}
