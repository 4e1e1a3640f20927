package history

import (
	"os"
	"path/filepath"
	"testing"
)

// A history that was closed, or killed, is in order, and the check leaves every file as it is; damage to any of them is found,
// except where it is what a crash may leave.
//
// FAULTS: S3 S4 S5
func TestCheckFindsDamage(t *testing.T) {
	dir := t.TempDir()
	o := someHistory(t, dir)
	sound := mustCheck(t, dir, o)
	if !sound.OK() || sound.Entries != 300 || sound.Files < 3 || sound.Bytes == 0 || sound.Since.IsZero() {
		t.Fatalf("%+v", sound)
	}
	for _, name := range allFiles(t, dir) {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := filepath.Rel(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		for what, damaged := range map[string][]byte{
			"head": flipped(content, saltAt), "middle": flipped(content, len(content)/2), "end": flipped(content, len(content)-1), "cut": content[:len(content)-3], "gone": nil,
		} {
			change(t, name, damaged)
			r, mayBeTorn := mustCheck(t, dir, o), filepath.Dir(file) == columnsDir && isNewest(t, dir, name)
			if r.OK() && r.Torn == 0 && !(mayBeTorn && damaged == nil) || !r.OK() && mayBeTorn || r.Torn > 0 && !mayBeTorn && damaged != nil {
				t.Errorf("%s, %s: %+v", file, what, r)
			}
			change(t, name, content)
		}
	}
	if again := mustCheck(t, dir, o); again.Entries != sound.Entries || !again.OK() {
		t.Errorf("the check has changed something: %+v", again)
	}
}

func TestCheckOfAKilledHistory(t *testing.T) {
	dir := t.TempDir()
	o := someHistory(t, dir)
	h := mustOpen(t, o)
	h.settle(t)
	kill(h)
	if r := mustCheck(t, dir, o); !r.OK() || len(r.Gaps) == 0 || r.Entries != 300 {
		t.Errorf("%+v", r)
	}
}

func mustCheck(t *testing.T, dir string, o Options) Report {
	t.Helper()
	r, err := Check(dir, o.Key)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// isNewest reports whether a segment is the last of its folder.
func isNewest(t *testing.T, dir, name string) bool {
	t.Helper()
	later, err := filepath.Glob(filepath.Join(dir, columnsDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(later) == 0 || later[len(later)-1] <= name
}

func flipped(content []byte, at int) []byte {
	b := append([]byte(nil), content...)
	b[at] ^= 4
	return b
}

// change writes the content of a file, or removes it.
func change(t *testing.T, name string, content []byte) {
	t.Helper()
	if content == nil {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
