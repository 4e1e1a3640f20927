package storage

import (
	"bytes"
	"testing"

	"zhenni/storage/commandlog"
)

// FuzzBackupEntries feeds runs of entries to their reader, and what it reads to a rebuild: neither fails badly, and none
// is believed.
func FuzzBackupEntries(f *testing.F) {
	f.Add([]byte(tailMagic))
	f.Add(appendTailEntry([]byte(tailMagic), commandlog.Entry{Index: 1, Term: 1, Kind: 0, Data: []byte("entry")}))
	f.Add(appendTailEntry([]byte(tailMagic), commandlog.Entry{Index: 1, Term: 1, Kind: 2}))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := &recount{keys: storeKeys{log: make([]byte, keySize)}}
		commands := 0
		_ = readTail(bytes.NewReader(b), func(e commandlog.Entry) error {
			if err := c.entry(e); err != nil {
				return err
			}
			if e.Command() {
				commands++
			}
			return nil
		})
		if commands > 0 {
			t.Error("an entry without a seal is believed")
		}
	})
}

// FuzzBackupManifest feeds manifests to their parser: it only names files that a backup may have.
func FuzzBackupManifest(f *testing.F) {
	f.Add([]byte(`{"format":1,"header":{"format":2},"log":[{"name":"log-00000000000000000001-00000000000000000002"}]}`))
	f.Add([]byte(`{"format":1,"header":{"format":2},"log":[{"name":"../mark"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseBackupManifest(b)
		if err != nil {
			return
		}
		for _, p := range m.parts() {
			if !isBackupPart(p.Name) {
				t.Errorf("it names %q", p.Name)
			}
		}
	})
}
