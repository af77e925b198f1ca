package main

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// WebConfig says where the login page is. Without PublicURL there is none.
type WebConfig struct {
	PublicURL       *url.URL
	Listen          string         // host:port
	TrustedProxies  []netip.Prefix // whose word on a client's address is taken
	Pairing         bool
	PostsPerAddress int // forms that an address may send in ten minutes
}

// publicURL takes an address for browsers: over TLS, unless they are on this machine.
func publicURL(to **url.URL) reader {
	return func(text string) error {
		u, err := url.Parse(text)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" ||
			u.User != nil || !goodPort(u.Port()) || strings.ContainsAny(u.Path, "{}%") {
			return fmt.Errorf("%q is no URL of the form https://host or https://host/path", text)
		}
		if u.Scheme == "http" && !isLoopback(u.Hostname()) {
			return errors.New("it must begin with https://: what people type there is secret (http:// is for this machine alone, such as http://127.0.0.1:29331)")
		}
		u.Path = strings.TrimRight(u.Path, "/")
		*to = u
		return nil
	}
}

func isLoopback(host string) bool {
	at, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && at.IsLoopback()
}

// networks takes addresses and networks with blanks or commas between them.
func networks(to *[]netip.Prefix) reader {
	return func(text string) error {
		var list []netip.Prefix
		for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
			p, err := netip.ParsePrefix(part)
			if at, alone := netip.ParseAddr(part); alone == nil {
				p, err = at.Prefix(at.BitLen())
			}
			if err != nil {
				return fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", part)
			}
			list = append(list, p.Masked())
		}
		*to = list
		return nil
	}
}
