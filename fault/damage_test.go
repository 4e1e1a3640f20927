package fault

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

func TestClassOf(t *testing.T) {
	for name, want := range map[string]string{
		"log/00000000000000000005-0000000000000001.wal": "log segment",
		"log/snapshots/2-4-1795302401475/state.bin":     "snapshot",
		"log/snapshots/2-4-1795302401475/meta.json":     "snapshot meta",
		"view/000002.sst":    "view table",
		"view/00001.mem":     "view memtable",
		"view/MANIFEST":      "view/MANIFEST",
		"zhenni.json":        "zhenni.json",
		"keys/0012.slots":    "keys/#.slots",
		"audit/tile/0/x001":  "audit/tile/#/x#",
		"ledger/segment.123": "ledger/segment.#",
	} {
		if got := classOf(name); got != want {
			t.Errorf("%s is of class %q, want %q", name, got, want)
		}
	}
}

// madeStore makes a folder with two files of a class, alike in no page.
func madeStore(t *testing.T, fill byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "view"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"view/1.sst", "view/2.sst"} {
		content := make([]byte, 3*pageBytes)
		for at := range content {
			content[at] = fill + byte(i) + byte(at/100) | 1
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func content(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return b
}

// Every damage changes the store, and a file apart from the one meant only where it says so.
func TestWoundDamages(t *testing.T) {
	const name, other = "view/1.sst", "view/2.sst"
	for damage := range damages {
		dir, earlier := madeStore(t, 10), madeStore(t, 90)
		before, beside := content(t, dir, name), content(t, dir, other)
		did, err := wound(damage, dir, earlier, name, []string{other}, rand.New(rand.NewPCG(1, uint64(damage))))
		if err != nil || did == "" {
			t.Errorf("%s: %q, %v", damage, did, err)
		}
		after := content(t, dir, name)
		if bytes.Equal(before, after) {
			t.Errorf("%s: %s, and nothing changed", damage, did)
		}
		if damage == FlipBit || damage == ZeroPage || damage == TornPage {
			if len(after) != len(before) || !withinOnePage(before, after) {
				t.Errorf("%s: %s, and more changed", damage, did)
			}
		}
		if changed := !bytes.Equal(beside, content(t, dir, other)); changed != (damage == Swap || damage == RollBackFolder) {
			t.Errorf("%s: the other file changed: %t", damage, changed)
		}
	}
}

func withinOnePage(a, b []byte) bool {
	changed := map[int]bool{}
	for i := range a {
		if a[i] != b[i] {
			changed[i/pageBytes] = true
		}
	}
	return len(changed) == 1
}

// What can not be done is said so, and leaves the store as it was.
func TestWoundThatIsNotApplicable(t *testing.T) {
	dir := madeStore(t, 10)
	same := t.TempDir()
	if err := copyFolder(dir, same); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	for damage, earlier := range map[Damage]string{Swap: same, RollBackFile: same, RollBackFolder: filepath.Join(same, "none")} {
		before := content(t, dir, "view/1.sst")
		if _, err := wound(damage, dir, earlier, "view/1.sst", []string{"view/1.sst"}, random); !errors.Is(err, errNotHere) {
			t.Errorf("%s: %v", damage, err)
		}
		if !bytes.Equal(before, content(t, dir, "view/1.sst")) {
			t.Errorf("%s changed the file", damage)
		}
	}
}

// A copy is the same content, and a hole takes no space in it.
func TestCopyKeepsHoles(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	f, err := os.Create(from)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte("end"), 64<<20)
	if err := errors.Join(err, f.Close(), copyFile(from, to)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(content(t, dir, "from"), content(t, dir, "to")) {
		t.Error("the copy differs")
	}
	if taken := diskBytes(dir); taken > 2<<20 {
		t.Errorf("two files of one page each take %d bytes", taken)
	}
}
