package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestTheFrame(t *testing.T) {
	for _, c := range []struct {
		args     string
		code     int
		out, err string // part of what is printed
	}{
		{"", exitUsage, "", "natsgram init"},
		{"help", exitOK, "natsgram init", ""},
		{"--help", exitOK, "natsgram init", ""},
		{"help init", exitOK, "", "--dir DIR"},
		{"init -h", exitOK, "", "--dir DIR"},
		{"version", exitOK, "natsgram ", ""},
		{"version now", exitUsage, "", "natsgram help version"},
		{"statr", exitUsage, "", `no command "statr"`},
		{"init --bad", exitUsage, "", "-bad"},
	} {
		var out, errOut bytes.Buffer
		code := dispatch(t.Context(), strings.Fields(c.args), &out, &errOut)
		if code != c.code || !strings.Contains(out.String(), c.out) || !strings.Contains(errOut.String(), c.err) {
			t.Errorf("natsgram %s: exit code %d\nout: %s\nerr: %s", c.args, code, &out, &errOut)
		}
	}
}

func TestFlagsStandAnywhere(t *testing.T) {
	flags, config := newFlags("state", "", &bytes.Buffer{})
	at := flags.String("at", "", "")
	check(t, parseFlags(flags, []string{"user", "--at", "5", "@a:example.org", "--config=x.yaml"}, 2))
	if flags.Arg(0) != "user" || flags.Arg(1) != "@a:example.org" || *at != "5" || *config != "x.yaml" {
		t.Errorf("got %v, --at %s, --config %s", flags.Args(), *at, *config)
	}
}
