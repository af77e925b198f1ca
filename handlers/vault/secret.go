package vault

import (
	"fmt"
	"io"
)

const hidden = "[secret]"

// Secret is a value that is not to be shown: whatever verb or encoder prints
// it, it prints as "[secret]". A []byte can be assigned to it and it to a
// []byte; do so only where the value goes out.
type Secret []byte

// String hides the value.
func (Secret) String() string { return hidden }

// Format hides the value from every verb of fmt, %x and %#v included.
func (Secret) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, hidden) }

// MarshalText hides the value from encoders of text, JSON keys and YAML.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalJSON hides the value from JSON encoders and so from structured logs.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// Reveal is the value as a string.
func (s Secret) Reveal() string { return string(s) }
