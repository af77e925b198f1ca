package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// The readers of values. Each error says what is allowed.

func httpURL(to *string) reader {
	return func(text string) error {
		u, err := url.Parse(text)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || !goodPort(u.Port()) {
			return fmt.Errorf("%q is no URL of the form http://host:port or https://host", text)
		}
		*to = strings.TrimRight(text, "/")
		return nil
	}
}

// goodPort takes the port of a URL, which may have none.
func goodPort(port string) bool {
	n, err := strconv.Atoi(port)
	return port == "" || err == nil && n >= 1 && n <= 65535
}

func natsURL(to *string) reader {
	return func(text string) error {
		for part := range strings.SplitSeq(text, ",") {
			u, err := url.Parse(strings.TrimSpace(part))
			if err != nil || u.Hostname() == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) || !goodPort(u.Port()) {
				return errors.New("it must be nats://host:port (or tls, ws, wss), several with commas between them; \"\" embeds the server")
			}
			if u.User != nil {
				return errors.New("user and password do not belong in the URL: use nats.user and nats.bridge_password")
			}
		}
		*to = text
		return nil
	}
}

func hostPort(to *string) reader {
	return func(text string) error {
		host, port, err := net.SplitHostPort(text)
		if err != nil || port == "" || !goodPort(port) || strings.ContainsFunc(host, unicode.IsSpace) {
			return fmt.Errorf("%q is not of the form host:port, with a port of 1 to 65535", text)
		}
		*to = text
		return nil
	}
}

// natsListen takes a free port (-1) too, which the server then writes down.
func natsListen(to *string) reader {
	return func(text string) error {
		if host, port, err := net.SplitHostPort(text); text == "none" || err == nil && host != "" && port == "-1" {
			*to = text
			return nil
		}
		if err := hostPort(to)(text); err != nil {
			return fmt.Errorf("%w; \"none\" opens no port, host:-1 any free one", err)
		}
		return nil
	}
}

func serverName(to *string) reader {
	return func(text string) error {
		if !isServerName(text) {
			return fmt.Errorf("%q is no Matrix server name such as example.org", text)
		}
		*to = text
		return nil
	}
}

// isServerName accepts host or host:port as the Matrix specification has it.
func isServerName(text string) bool {
	host := text
	if i := strings.LastIndexByte(text, ':'); i >= 0 && !strings.HasSuffix(text, "]") {
		host = text[:i]
		if port := text[i+1:]; port == "" || !goodPort(port) {
			return false
		}
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		return strings.HasSuffix(inner, "]") && net.ParseIP(strings.TrimSuffix(inner, "]")) != nil
	}
	return host != "" && len(text) <= 230 && only(host, "-.")
}

// isMatrixID accepts @local:server, with the historical localparts too.
func isMatrixID(text string) bool {
	local, server, ok := strings.Cut(text, ":")
	return ok && len(text) <= 255 && len(local) > 1 && local[0] == '@' && isServerName(server) &&
		!strings.ContainsFunc(local, func(r rune) bool { return r <= ' ' || r > '~' })
}

func localpart(to *string) reader {
	return func(text string) error {
		if text == "" || text != strings.ToLower(text) || !only(text, "._=-/+") {
			return fmt.Errorf("%q may hold only a–z, 0–9 and . _ = - / +", text)
		}
		*to = text
		return nil
	}
}

// only reports whether text holds nothing but ASCII letters, digits and these.
func only(text, these string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(these, r)
	})
}

func word(to *string) reader {
	return func(text string) error {
		if text == "" || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
			return fmt.Errorf("%q must be one word without spaces", text)
		}
		*to = text
		return nil
	}
}

func line(to *string) reader {
	return func(text string) error {
		if strings.TrimSpace(text) == "" || strings.ContainsFunc(text, unicode.IsControl) {
			return fmt.Errorf("%q must be one line of text", text)
		}
		*to = text
		return nil
	}
}

func filePath(to *string, dir string) reader {
	return func(text string) error {
		if !filepath.IsAbs(text) {
			text = filepath.Join(dir, text)
		}
		*to = text
		return nil
	}
}

func number(to *int, low, high int) reader {
	return func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < low || n > high {
			return fmt.Errorf("%q is not a whole number from %d to %d", text, low, high)
		}
		*to = n
		return nil
	}
}

func duration(to *time.Duration, low, high time.Duration) reader {
	return func(text string) error {
		d, err := time.ParseDuration(text)
		switch {
		case err != nil:
			return fmt.Errorf("%q is no duration such as 90s, 10m or 720h", text)
		case d < low || d > high:
			return fmt.Errorf("%s is not between %s and %s", text, low, high)
		}
		*to = d
		return nil
	}
}

func boolean(to *bool) reader {
	return func(text string) error {
		switch text {
		case "true", "false":
			*to = text == "true"
			return nil
		default:
			return fmt.Errorf("%q is neither true nor false", text)
		}
	}
}

func oneOf(to *string, allowed ...string) reader {
	return func(text string) error {
		if !slices.Contains(allowed, text) {
			return fmt.Errorf("%q is not one of %s", text, strings.Join(allowed, ", "))
		}
		*to = text
		return nil
	}
}
