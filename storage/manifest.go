package storage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"zhenni"
)

// Every file of a backup, in its folder. The manifest is what makes it a backup: it is replaced whole, last, and names
// every other file with its size and digest.
const (
	manifestFile = "manifest.json"
	basePattern  = "base-%020d"      // a snapshot, by the entry it reaches
	tailPattern  = "log-%020d-%020d" // entries of the log, by the first and the last
	tablePrefix  = "table-"          // files of the store's base, by its id and their own names
)

const (
	backupFormat = 1
	// maxBackupParts bounds the files of a backup; the next one begins anew.
	maxBackupParts   = 4096
	maxManifestBytes = 8 << 20
)

// manifest is the content of the file. Its MAC is over the JSON of the other fields, under a key derived from the store
// key, which the header holds wrapped by the root key: a backup opens with the root key and with nothing else.
type backupManifest struct {
	Format int       `json:"format"`
	Made   time.Time `json:"made,omitzero"`
	Header label     `json:"header"`
	// Tables are the files of the store's base, which snapshot and log lie over; none where it has none.
	Tables []backupPart `json:"tables,omitempty"`
	// Base is nil where the log held all entries from the first.
	Base *backupPart  `json:"base,omitempty"`
	Tail []backupPart `json:"log"`
	End  backupEnd    `json:"end"`
	MAC  []byte       `json:"mac,omitempty"`
}

// backupPart is one file of a backup.
type backupPart struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 []byte `json:"sha256"`
	// First and Last are the entries it holds, First 0 for a snapshot; Term is that of the last. All are 0 for a table.
	First uint64 `json:"first,omitempty"`
	Last  uint64 `json:"last"`
	Term  uint64 `json:"term"`
}

// backupEnd is what a backup reaches: its last entry with its digest, and the commit and number of credentials that
// the state has then.
type backupEnd struct {
	Index       uint64 `json:"index"`
	Term        uint64 `json:"term"`
	Sequence    uint64 `json:"commit"`
	Credentials int64  `json:"credentials"`
	SHA256      []byte `json:"sha256,omitempty"`
}

func (m backupManifest) mac(key []byte) ([]byte, error) {
	m.MAC = nil
	return formMAC(m, key)
}

// parts is every file but the manifest, in order.
func (m backupManifest) parts() []backupPart {
	parts := slices.Clone(m.Tables)
	if m.Base != nil {
		parts = append(parts, *m.Base)
	}
	return append(parts, m.Tail...)
}

// tablePart names the file of a backup that a file of a base is copied to, baseName turns it back: "" for another file.
func tablePart(id, name string) string { return tablePrefix + id + "-" + name }

func (p backupPart) baseName() string {
	_, name, _ := strings.Cut(strings.TrimPrefix(p.Name, tablePrefix), "-")
	if !strings.HasPrefix(p.Name, tablePrefix) || !isBaseTable(name) && name != baseSealFile {
		return ""
	}
	return name
}

func (m backupManifest) bytes() (total int64) {
	for _, p := range m.parts() {
		total += p.Bytes
	}
	return total
}

// write seals the manifest and puts it in place.
func (m backupManifest) write(dir string, keys storeKeys) (err error) {
	if m.MAC, err = m.mac(keys.backup); err != nil {
		return err
	}
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	return writeFile(filepath.Join(dir, manifestFile), append(text, '\n'))
}

// readBackupManifest reads the manifest of the backup in dir, without believing it: [zhenni.ErrNotFound] where there is none.
func readBackupManifest(dir string) (backupManifest, error) {
	var m backupManifest
	info, err := os.Stat(filepath.Join(dir, manifestFile))
	if errors.Is(err, os.ErrNotExist) {
		return m, fmt.Errorf("%w: no backup in %s: %s is missing", zhenni.ErrNotFound, dir, manifestFile)
	}
	if err != nil {
		return m, fmt.Errorf("storage: %w", err)
	}
	if info.Size() > maxManifestBytes {
		return m, fmt.Errorf("%w: %s of %d bytes", zhenni.ErrCorrupt, manifestFile, info.Size())
	}
	text, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil {
		return m, fmt.Errorf("storage: %w", err)
	}
	return parseBackupManifest(text)
}

func parseBackupManifest(text []byte) (backupManifest, error) {
	var m backupManifest
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("%w: %s does not read; use another backup", zhenni.ErrCorrupt, manifestFile)
	}
	if m.Format != backupFormat {
		return m, fmt.Errorf("%w: %s has format %d, this build reads %d", zhenni.ErrFormat, manifestFile, m.Format, backupFormat)
	}
	header, err := json.Marshal(m.Header)
	if err != nil {
		return m, fmt.Errorf("storage: %w", err)
	}
	if _, err := parseLabel(header); err != nil {
		return m, fmt.Errorf("%s: %w", manifestFile, err)
	}
	for _, p := range m.parts() {
		if !isBackupPart(p.Name) {
			return m, fmt.Errorf("%w: %s names a file that is none of a backup", zhenni.ErrCorrupt, manifestFile)
		}
	}
	return m, nil
}

// check holds the manifest against its MAC.
func (m backupManifest) check(keys storeKeys) error {
	mac, err := m.mac(keys.backup)
	if err != nil {
		return err
	}
	if !hmac.Equal(mac, m.MAC) || len(m.MAC) != sha256.Size {
		return fmt.Errorf("%w: %s was changed; use another backup", zhenni.ErrCorrupt, manifestFile)
	}
	return nil
}

// isBackupPart reports whether a file of that name is a backup's to write and to remove.
func isBackupPart(name string) bool {
	name = strings.TrimSuffix(name, ".new")
	if name == manifestFile {
		return true
	}
	if (backupPart{Name: name}).baseName() != "" {
		return filepath.Base(name) == name
	}
	var first, last uint64
	if n, _ := fmt.Sscanf(name, tailPattern, &first, &last); n == 2 {
		return name == fmt.Sprintf(tailPattern, first, last)
	}
	n, _ := fmt.Sscanf(name, basePattern, &last)
	return n == 1 && name == fmt.Sprintf(basePattern, last)
}
