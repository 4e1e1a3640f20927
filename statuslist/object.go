package statuslist

import (
	"bytes"
	"encoding/json"
	"io"
	"unicode/utf8"
)

// object reads one JSON object and nothing behind it. Members are known by their exact names; one that is there twice is
// refused, which encoding/json would not.
func object(text []byte, member func(name string, value json.RawMessage) error) error {
	if !utf8.Valid(text) {
		return bad("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return bad("not a JSON object")
	}
	seen := make(map[string]bool)
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		var value json.RawMessage
		if err != nil || !ok || d.Decode(&value) != nil {
			return bad("not a JSON object")
		}
		if seen[name] {
			return bad("a member that is there twice")
		}
		seen[name] = true
		if err := member(name, value); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return bad("not a JSON object")
	}
	if _, err := d.Token(); err != io.EOF {
		return bad("more than a JSON object")
	}
	return nil
}

// exactly reads a string or a number into what it is, and nothing else: null is no value.
func exactly[T string | int | int64](value json.RawMessage, to *T) error {
	if string(value) == "null" || json.Unmarshal(value, to) != nil {
		return bad("a member of another type")
	}
	return nil
}
