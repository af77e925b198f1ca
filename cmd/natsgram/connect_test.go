package main

import (
	"bytes"
	"regexp"
	"testing"
)

// TestLogLines: a journal gets plain text, and when it was to the millisecond.
func TestLogLines(t *testing.T) {
	for format, want := range map[string]string{
		"console": `^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INF all is well n=1\n$`,
		"json":    `^{"level":"info","n":1,"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[^"]+","message":"all is well"}\n$`,
	} {
		var out bytes.Buffer
		log, err := Config{Logging: LoggingConfig{Level: "info", Format: format}}.logger(&out)
		check(t, err)
		log.Debug().Msg("unheard")
		log.Info().Int("n", 1).Msg("all is well")
		if !regexp.MustCompile(want).Match(out.Bytes()) {
			t.Errorf("%s: %q", format, out.String())
		}
	}
}
