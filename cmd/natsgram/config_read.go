package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// configReader collects the values of a config.yaml, and what is wrong in it.
type configReader struct {
	dir      string
	settings []setting
	sections map[string]int        // line of each section that is there
	values   map[string]*yaml.Node // each value that is there
	problems []Problem
}

// readConfig reads as much as it can. The error is for a file that cannot be
// read or is no YAML at all; problems are everything else.
func readConfig(path string) (Config, []Problem, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, nil, fmt.Errorf("%s does not exist: run natsgram init to make one", path)
	}
	if err != nil {
		return Config{}, nil, err
	}
	return parseConfig(path, data)
}

// parseConfig reads the text of a config.yaml that lies, or is to lie, at path.
func parseConfig(path string, data []byte) (Config, []Problem, error) {
	root, err := parseYAML(path, data)
	if err != nil {
		return Config{}, nil, err
	}
	dir := filepath.Dir(path)
	config := defaults(dir)
	config.File = path
	r := newConfigReader(&config, dir)
	r.walk(root, "", &config)
	for _, s := range r.settings {
		r.take(s)
	}
	r.problems = append(r.problems, r.relations(config)...)
	return config, r.problems, nil
}

// newConfigReader reads values into a config. Paths are relative to dir.
func newConfigReader(c *Config, dir string) *configReader {
	return &configReader{dir: dir, settings: settings(c, dir), sections: map[string]int{}, values: map[string]*yaml.Node{}}
}

func parseYAML(path string, data []byte) (*yaml.Node, error) {
	var document yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		return nil, &ConfigError{File: path, Problems: []Problem{{Text: "the file is empty"}}}
	}
	if err == nil && decoder.Decode(new(yaml.Node)) == nil {
		err = errors.New("yaml: it holds more than one document")
	}
	if err != nil && !errors.Is(err, io.EOF) {
		text, line := strings.TrimPrefix(err.Error(), "yaml: "), 0
		if _, scan := fmt.Sscanf(text, "line %d:", &line); scan == nil {
			_, text, _ = strings.Cut(text, ": ")
		}
		if strings.Contains(text, "cannot start any token") {
			text += "; what begins with @, * or ! wants quotes"
		}
		return nil, &ConfigError{File: path, Problems: []Problem{{Line: line, Text: "this is not valid YAML: " + text}}}
	}
	return document.Content[0], nil
}

// walk goes through a section and keeps its values. It finds what is not known,
// what stands there twice, and sections that are none.
func (r *configReader) walk(node *yaml.Node, section string, config *Config) {
	if isNull(node) {
		return
	}
	if node.Kind != yaml.MappingNode {
		r.add(node.Line, strings.TrimSuffix(section, "."), "this must be a section with settings: %s", r.allowed(section))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], resolve(node.Content[i+1])
		path := section + key.Value
		if first, twice := seen[key.Value]; twice {
			r.add(key.Line, path, "it stands in line %d already", first)
			continue
		}
		seen[key.Value] = key.Line
		switch {
		case path == "permissions":
			r.sections[path] = key.Line
			config.Permissions = r.permissions(value)
		case r.isSection(path):
			r.sections[path] = key.Line
			r.walk(value, path+".", config)
		case !r.isKnown(path):
			r.add(key.Line, path, "there is no such setting; allowed here: %s", r.allowed(section))
		case value.Kind != yaml.ScalarNode:
			r.add(value.Line, path, "this must be a single value")
		case !isNull(value):
			r.values[path] = value
		}
	}
}

func (r *configReader) permissions(node *yaml.Node) Permissions {
	all := Permissions{}
	if node.Kind != yaml.MappingNode {
		r.add(node.Line, "permissions", "this must be a section with lines such as \"@admin:example.org\": admin")
		return all
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], resolve(node.Content[i+1])
		if _, twice := all[key.Value]; twice {
			r.add(key.Line, "permissions", "%q stands there twice", key.Value)
		}
		level, err := parsePermission(key.Value, value.Value)
		if err != nil {
			r.add(key.Line, "permissions", "%s", err)
			continue
		}
		all[key.Value] = level
	}
	return all
}

// take reads one setting. An empty value is as good as none.
func (r *configReader) take(s setting) {
	text := ""
	if node, ok := r.values[s.path]; ok {
		text = node.Value
	}
	if s.env != "" {
		text = r.secret(s, text)
	}
	if text != "" {
		if err := s.read(text); err != nil {
			r.add(r.line(s.path), s.path, "%s", err)
		}
	} else if s.needed != "" && !r.blamed(s.path) {
		r.add(r.line(s.path), s.path, "it is missing: %s%s", s.needed, otherPlaces(s))
	}
}

// secret finds a secret in one of three places: the environment, which wins,
// the config itself, or a file of its own that the config names.
func (r *configReader) secret(s setting, text string) string {
	if value := os.Getenv(s.env); value != "" {
		return value
	}
	if name := os.Getenv(s.env + "_FILE"); name != "" {
		return r.secretFile(r.line(s.path), s.path, name)
	}
	file, ok := r.values[s.path+"_file"]
	if !ok || file.Value == "" {
		return text
	}
	if text != "" {
		r.add(file.Line, s.path+"_file", "%s is given too; one of them is enough", s.path)
	}
	return r.secretFile(file.Line, s.path+"_file", file.Value)
}

func (r *configReader) secretFile(line int, path, name string) string {
	if !filepath.IsAbs(name) {
		name = filepath.Join(r.dir, name)
	}
	data, err := os.ReadFile(name)
	text := strings.TrimSpace(string(data))
	switch {
	case err != nil:
		r.add(line, path, "the file cannot be read: %s", err)
	case text == "":
		r.add(line, path, "the file %s is empty", name)
	}
	return text
}

func otherPlaces(s setting) string {
	if s.env == "" {
		return ""
	}
	_, name, _ := strings.Cut(s.path, ".")
	return fmt.Sprintf(" (or in a file that %s_file names, or in $%s)", name, s.env)
}

func (r *configReader) add(line int, path, format string, args ...any) {
	r.problems = append(r.problems, Problem{Line: line, Setting: path, Text: fmt.Sprintf(format, args...)})
}

// blamed reports whether a problem names the setting, or its file, already.
func (r *configReader) blamed(path string) bool {
	return slices.ContainsFunc(r.problems, func(p Problem) bool { return p.Setting == path || p.Setting == path+"_file" })
}

// line is where a setting stands, or else its section.
func (r *configReader) line(path string) int {
	if node, ok := r.values[path]; ok {
		return node.Line
	}
	for i := strings.LastIndexByte(path, '.'); i > 0; i = strings.LastIndexByte(path[:i], '.') {
		if line, ok := r.sections[path[:i]]; ok {
			return line
		}
	}
	return 0
}

func (r *configReader) isKnown(path string) bool {
	return slices.ContainsFunc(r.settings, func(s setting) bool {
		return s.path == path || s.env != "" && s.path+"_file" == path
	})
}

func (r *configReader) isSection(path string) bool {
	return slices.ContainsFunc(r.settings, func(s setting) bool { return strings.HasPrefix(s.path, path+".") })
}

// allowed lists what may stand in a section ("" is the file itself).
func (r *configReader) allowed(section string) string {
	names := map[string]bool{}
	if section == "" {
		names["permissions"] = true
	}
	for _, s := range r.settings {
		rest, ok := strings.CutPrefix(s.path, section)
		if !ok {
			continue
		}
		name, _, nested := strings.Cut(rest, ".")
		names[name] = true
		if s.env != "" && !nested {
			names[name+"_file"] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

func resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}
