package nonce

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzFile puts any content into a file of a folder in use. Open does not fail badly, and what was remembered elsewhere is
// known or refused, never taken.
func FuzzFile(f *testing.F) {
	whole := header{number: 4, floor: 0, after: noSegment}.append(nil, [16]byte{1})
	var b entryBuffer
	f.Add(append(whole, b.entry(digestOf(7), 4)...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		s, err := Open(testOptions(dir))
		if err != nil {
			t.Fatal(err)
		}
		if err := remember(s, 1, testNow); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		other := (testNow.Unix() + 60 + span) / span % held
		if err := os.WriteFile(filepath.Join(dir, string('0'+byte(other))), content, 0o600); err != nil {
			t.Fatal(err)
		}
		o := testOptions(dir)
		o.Fresh = false
		again, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = again.Close() }()
		if err := remember(again, 1, testNow); err == nil {
			t.Error("taken again")
		}
	})
}
