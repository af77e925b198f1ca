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
		{"help init", exitOK, "--dir DIR", ""},
		{"init -h", exitOK, "--dir DIR", ""},
		{"events --help", exitOK, "-follow", ""},
		{"version", exitOK, "natsgram ", ""},
		{"--version", exitOK, "natsgram ", ""},
		{"version now", exitUsage, "", "natsgram help version"},
		{"statr", exitUsage, "", `no command "statr"`},
		{"init --bad", exitUsage, "", "-bad"},
		{"events --type login_faild", exitUsage, "", "no event is called login_faild"},
		{"events --since never", exitUsage, "", "is no time"},
	} {
		var out, errOut bytes.Buffer
		code := dispatch(t.Context(), strings.Fields(c.args), &out, &errOut)
		if code == exitUsage && strings.Contains(errOut.String(), "-config") {
			t.Errorf("natsgram %s: what is wrong is lost among the flags:\n%s", c.args, &errOut)
		}
		if code != c.code || !strings.Contains(out.String(), c.out) || !strings.Contains(errOut.String(), c.err) {
			t.Errorf("natsgram %s: exit code %d\nout: %s\nerr: %s", c.args, code, &out, &errOut)
		}
	}
}

func TestFlagsStandAnywhere(t *testing.T) {
	flags, config := newFlags("state", "")
	at := flags.String("at", "", "")
	check(t, parseFlags(flags, []string{"user", "--at", "5", "@a:example.org", "--config=x.yaml"}, 2))
	if flags.Arg(0) != "user" || flags.Arg(1) != "@a:example.org" || *at != "5" || *config != "x.yaml" {
		t.Errorf("got %v, --at %s, --config %s", flags.Args(), *at, *config)
	}
}
