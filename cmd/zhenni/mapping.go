package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"zhenni"
	"zhenni/engine/accuracy"
)

// A mapping is the file that says which credential stands for which image: a CSV of image_id, identity, credential.
// It is appended to as enrolments are acknowledged, so that an interrupted run can be taken up again.
type mapping struct {
	file *os.File
	csv  *csv.Writer
	// credentials of each image, and of each identity; an identity may have several.
	byImage    map[string]zhenni.CredentialID
	byIdentity map[string][]zhenni.CredentialID
}

var mappingColumns = []string{"image_id", "identity", "credential"}

// openMapping opens path for appending, creating it where it does not exist. What a crash left of a last line is cut
// off: its credential is not known, and its image is enrolled again.
func openMapping(path string) (*mapping, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, environment("--map: %w", err)
	}
	torn := text
	if text = wholeLines(torn); len(text) == 0 && !strings.HasPrefix(strings.Join(mappingColumns, ","), string(torn)) {
		return nil, usage("--map: %s exists and is no mapping of zhenni enrol", path)
	}
	m, err := parseMapping(path, text)
	if err != nil {
		return nil, err
	}
	if m.file, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600); err != nil {
		return nil, environment("--map: %w", err)
	}
	if err := m.file.Truncate(int64(len(text))); err != nil {
		return nil, errors.Join(environment("--map: %w", err), m.file.Close())
	}
	m.csv = csv.NewWriter(m.file)
	if len(text) == 0 {
		return m, m.csv.Write(mappingColumns)
	}
	return m, nil
}

// readMapping reads the file at path.
func readMapping(path string) (*mapping, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, environment("--map: %w", err)
	}
	if text = wholeLines(text); len(text) == 0 {
		return nil, usage("--map: %s holds no mapping of zhenni enrol", path)
	}
	return parseMapping(path, text)
}

func wholeLines(text []byte) []byte { return text[:bytes.LastIndexByte(text, '\n')+1] }

func parseMapping(path string, text []byte) (*mapping, error) {
	m := &mapping{byImage: map[string]zhenni.CredentialID{}, byIdentity: map[string][]zhenni.CredentialID{}}
	r := csv.NewReader(bytes.NewReader(text))
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return m, nil
	}
	if err != nil || !slices.Equal(header, mappingColumns) {
		return nil, usage("--map %s: heading %q, want %q", path, header, mappingColumns)
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return nil, usage("--map %s: %w", path, err)
		}
		id, err := zhenni.ParseCredentialID(record[2])
		if err != nil {
			line, _ := r.FieldPos(2)
			return nil, usage("--map %s:%d: %w", path, line, err)
		}
		m.note(accuracy.Label{ImageID: record[0], Person: record[1]}, id)
	}
}

func (m *mapping) note(label accuracy.Label, id zhenni.CredentialID) {
	m.byImage[label.ImageID] = id
	m.byIdentity[label.Person] = append(m.byIdentity[label.Person], id)
}

// add writes one line.
func (m *mapping) add(label accuracy.Label, id zhenni.CredentialID) error {
	m.note(label, id)
	return m.csv.Write([]string{label.ImageID, label.Person, id.String()})
}

// sync makes the lines written so far durable.
func (m *mapping) sync() error {
	m.csv.Flush()
	return errors.Join(m.csv.Error(), m.file.Sync())
}

func (m *mapping) close() error { return errors.Join(m.sync(), m.file.Close()) }

// claim returns the credential that a name stands for: an image, an identity with one credential, or a credential id.
func (m *mapping) claim(name string) (zhenni.CredentialID, error) {
	if id, err := zhenni.ParseCredentialID(name); err == nil {
		return id, nil
	}
	if m == nil {
		return zhenni.CredentialID{}, fmt.Errorf("%w: %q: name the mapping of zhenni enrol with --map", zhenni.ErrBadCredentialID, name)
	}
	if id, ok := m.byImage[name]; ok {
		return id, nil
	}
	switch ids := m.byIdentity[name]; len(ids) {
	case 0:
		return zhenni.CredentialID{}, fmt.Errorf("%w: %q is not in the mapping", zhenni.ErrNotFound, name)
	case 1:
		return ids[0], nil
	default:
		return zhenni.CredentialID{}, fmt.Errorf("%w: %q has %d credentials: enrol with --one-per-person, or claim an image", zhenni.ErrBadValue, name, len(ids))
	}
}
