package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong in a config.yaml.
type Problem struct {
	Line    int    // 0 if no line of the file is to blame
	Setting string // "telegram.api_id"; "" for the file as a whole
	Text    string // what is wrong, and what is allowed
}

// ConfigError lists all that is wrong in a config.yaml, by line.
type ConfigError struct {
	File     string
	Problems []Problem
}

// Error has one line "config.yaml:12: telegram.api_id: …" for each problem.
func (e *ConfigError) Error() string {
	problems := slices.Clone(e.Problems)
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = e.File
		if p.Line > 0 {
			lines[i] += fmt.Sprintf(":%d", p.Line)
		}
		if p.Setting != "" {
			lines[i] += ": " + p.Setting
		}
		lines[i] += ": " + p.Text
	}
	return strings.Join(lines, "\n")
}
