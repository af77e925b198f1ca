package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// column is how wide the conversation is; the log stands to its right.
const column = 70

// screen tells the story: the conversation on the left, the log on the right.
type screen struct {
	mu  sync.Mutex
	out io.Writer
}

func (s *screen) say(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(s.out, line)
}

// step says that something long begins and returns how to say that it is done.
func (s *screen) step(what string) (done func()) {
	start := time.Now()
	s.say("  … " + what)
	return func() {
		if took := time.Since(start); took > 300*time.Millisecond {
			s.say(fmt.Sprintf("    done in %.1f s", took.Seconds()))
		}
	}
}

func (s *screen) title(text string) {
	s.say("\n── " + text + " " + strings.Repeat("─", max(0, 100-len(text))))
}

// user and bot are the two sides of the conversation.
func (s *screen) user(text string) { s.left("alice  ▸ ", text) }
func (s *screen) bot(text string)  { s.left("   bot ◂ ", text) }

// telegram is what happens on the other network.
func (s *screen) telegram(text string) { s.left("  tg   ● ", text) }

func (s *screen) left(who, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, line := range wrap(text, column-utf8.RuneCountInString(who)) {
		if i > 0 {
			who = strings.Repeat(" ", utf8.RuneCountInString(who))
		}
		fmt.Fprintln(s.out, who+line)
	}
}

// event is a line of the log.
func (s *screen) event(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "%*s│ %s\n", column, "", text)
}

func wrap(text string, width int) []string {
	var lines []string
	for _, paragraph := range strings.Split(text, "\n") {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
				lines, line = append(lines, line), ""
			}
			if line != "" {
				line += " "
			}
			line += word
		}
		lines = append(lines, line)
	}
	return lines
}
