package main

import (
	"crypto/rand"
	"fmt"
	"net"
	"path/filepath"
	"strings"
)

// isToDo reports whether a problem is one that init leaves to the operator.
func isToDo(p Problem) bool {
	switch p.Setting {
	case "telegram.api_id", "telegram.api_hash":
		return strings.HasPrefix(p.Text, "it is missing")
	case "nats.config":
		return true
	default:
		return false
	}
}

func configFor(o initOptions) (configValues, error) {
	natsConf, err := fromHere(o.natsConf)
	if err != nil {
		return configValues{}, err
	}
	testKey, err := fromHere(o.testServerKey)
	if err != nil {
		return configValues{}, err
	}
	if natsConf == "" {
		natsConf = "nats.conf"
	}
	if o.address == "" {
		o.address = "http://" + reachable(o.listen)
	}
	for _, admin := range o.admins {
		if !isMatrixID(admin) {
			return configValues{}, usageError{fmt.Sprintf("--admin %q is no Matrix ID such as @admin:%s", admin, o.serverName)}
		}
	}
	if o.apiID != "" { // the one value that the template does not quote
		if err := number(new(int), 1, 1<<31-1)(o.apiID); err != nil {
			return configValues{}, usageError{"--api-id: " + err.Error()}
		}
	}
	return configValues{
		HomeserverURL: quoted(o.homeserver), ServerName: quoted(o.serverName),
		Listen: quoted(o.listen), Address: quoted(o.address),
		ASToken: token(), HSToken: token(),
		APIID: o.apiID, APIHash: quoted(o.apiHash),
		TestServer: quoted(o.testServer), TestServerKey: quoted(testKey),
		WebURL: quoted(o.webURL), WebListen: quoted(o.webListen),
		Permissions: permissionLines(o),
		NATSConf:    quoted(natsConf), NATSListen: quoted(o.natsListen),
		BridgePassword: token(), AuditorPassword: token(), StoreKey: token(),
	}, nil
}

// fromHere makes a path of the command line absolute: those in config.yaml are
// relative to its folder. "" stays.
func fromHere(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	return filepath.Abs(path)
}

func permissionLines(o initOptions) []permissionLine {
	users := o.users
	if len(users) == 0 {
		users = []string{o.serverName}
	}
	levels := Permissions{"*": LevelNone}
	order := []string{"*"}
	grant := func(names []string, level Level) {
		for _, name := range names {
			if _, ok := levels[name]; !ok {
				order = append(order, name)
			}
			levels[name] = level
		}
	}
	grant(users, LevelUser)
	grant(o.admins, LevelAdmin)
	lines := make([]permissionLine, len(order))
	for i, name := range order {
		lines[i] = permissionLine{quoted(name), levels[name].String()}
	}
	return lines
}

// reachable turns an address to listen on into one of this machine to call.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err == nil && (host == "" || net.ParseIP(host).IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return listen
}

// token is 260 random bits.
func token() quoted { return quoted(rand.Text() + rand.Text()) }
