package storage

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"zhenni"
)

func otherRoot(t testing.TB) RootKey {
	t.Helper()
	root, err := NewRootKey([32]byte{9}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// edit replaces text in a file of the store.
func edit(t *testing.T, path, old, new string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s does not contain %q", path, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// closedStore makes a store with one credential and closes it.
func closedStore(t *testing.T) Options {
	t.Helper()
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return opts
}

// A sandbox's store is nobody's real one, and a real one no sandbox's, with the right key too; the mark is under the header's MAC. Who only
// looks may look at both.
func TestSandboxAndRealStoresAreKeptApart(t *testing.T) {
	t.Parallel()
	fake := testOptions(t)
	fake.Sandbox = true
	s := openStore(t, fake)
	mustApply(t, s, testEnrol(1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{"a real store": closedStore(t), "a sandbox's": fake} {
		for _, c := range []struct {
			way    string
			change func(*Options)
			want   error
		}{
			{"as it is", func(*Options) {}, nil},
			{"as the other", func(o *Options) { o.Sandbox = !o.Sandbox }, ErrSandbox},
			{"as the other, for verification", func(o *Options) { o.Sandbox, o.VerifyOnly = !o.Sandbox, true }, ErrSandbox},
			{"to be looked at", func(o *Options) { o.Sandbox, o.ReadOnly = false, true }, nil},
		} {
			with := o
			with.Dir = crashClone(t, o.Dir)
			c.change(&with)
			s, err := Open(with)
			if err == nil {
				err = s.Close()
			}
			if !errors.Is(err, c.want) {
				t.Errorf("%s opened %s: %v, want %v", name, c.way, err, c.want)
			}
		}
	}
	edit(t, filepath.Join(fake.Dir, headerFile), `"sandbox": true`, `"sandbox": false`)
	fake.Sandbox = false
	if _, err := Open(fake); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("the mark taken off by hand: %v", err)
	}
}

// FAULTS: S5 S6
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	otherModel := testModel
	otherModel.Dim = 64
	tests := []struct {
		name   string
		change func(t *testing.T, o *Options)
		want   error
	}{
		{"wrong root key", func(t *testing.T, o *Options) { o.Root = otherRoot(t) }, zhenni.ErrWrongKey},
		{"another model", func(t *testing.T, o *Options) { o.Model = otherModel }, zhenni.ErrBadValue},
		{"model out of range", func(t *testing.T, o *Options) { o.Model.Dim = 0 }, zhenni.ErrBadValue},
		{"no folder", func(t *testing.T, o *Options) { o.Dir = "" }, zhenni.ErrBadValue},
		{"no root key", func(t *testing.T, o *Options) { o.Root = nil }, zhenni.ErrBadValue},
		{"negative reserve", func(t *testing.T, o *Options) { o.Reserve = -1 }, zhenni.ErrBadValue},
		{"tiny memtable", func(t *testing.T, o *Options) { o.MemTable = 1 }, zhenni.ErrBadValue},
		{"new store, no model", func(t *testing.T, o *Options) { o.Dir, o.Model = t.TempDir(), zhenni.Model{} }, zhenni.ErrBadValue},
		{"new store, no entropy", func(t *testing.T, o *Options) { o.Dir, o.Entropy = t.TempDir(), dry{} }, zhenni.ErrUnavailable},
		{"no store, read-only", func(t *testing.T, o *Options) { o.Dir, o.ReadOnly = t.TempDir(), true }, zhenni.ErrNotFound},
		{"newer format", func(t *testing.T, o *Options) {
			edit(t, filepath.Join(o.Dir, headerFile), `"format": 4`, `"format": 6`)
		}, zhenni.ErrFormat},
		{"header changed", func(t *testing.T, o *Options) {
			edit(t, filepath.Join(o.Dir, headerFile), `"dim": 32`, `"dim": 33`)
			o.Model = zhenni.Model{}
		}, zhenni.ErrCorrupt},
		{"header garbled", func(t *testing.T, o *Options) {
			edit(t, filepath.Join(o.Dir, headerFile), `{`, `[`)
		}, zhenni.ErrCorrupt},
		{"header lost", func(t *testing.T, o *Options) { remove(t, o.Dir, headerFile) }, zhenni.ErrCorrupt},
		{"mark lost", func(t *testing.T, o *Options) { remove(t, o.Dir, markFile) }, zhenni.ErrCorrupt},
		{"mark cut", func(t *testing.T, o *Options) { truncate(t, filepath.Join(o.Dir, markFile), markSlot) }, zhenni.ErrCorrupt},
		{"mark forged", func(t *testing.T, o *Options) {
			if err := createMark(o.Dir, []byte("another key")); err != nil {
				t.Fatal(err)
			}
		}, zhenni.ErrCorrupt},
		{"key file lost", func(t *testing.T, o *Options) { remove(t, o.Dir, keysFile) }, zhenni.ErrCorrupt},
		{"key file cut", func(t *testing.T, o *Options) { truncate(t, filepath.Join(o.Dir, keysFile), 8192) }, zhenni.ErrCorrupt},
		{"key file cut in its header", func(t *testing.T, o *Options) { truncate(t, filepath.Join(o.Dir, keysFile), 20) }, zhenni.ErrCorrupt},
		{"key file of another store", func(t *testing.T, o *Options) { o.Keys = closedStore(t).KeysPath() }, zhenni.ErrCorrupt},
		{"log lost", func(t *testing.T, o *Options) { remove(t, o.Dir, logDir) }, zhenni.ErrCorrupt},
		{"view and log lost", func(t *testing.T, o *Options) {
			remove(t, o.Dir, viewDir)
			remove(t, o.Dir, logDir)
		}, zhenni.ErrCorrupt},
		{"view, log and tallies lost", func(t *testing.T, o *Options) {
			remove(t, o.Dir, viewDir)
			remove(t, o.Dir, logDir)
			remove(t, o.Dir, slotsFile)
		}, zhenni.ErrCorrupt},
	}
	whole := closedStore(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			opts := whole
			opts.Dir = crashClone(t, whole.Dir)
			tt.change(t, &opts)
			s, err := Open(opts)
			if !errors.Is(err, tt.want) {
				t.Errorf("Open: %v, want %v", err, tt.want)
			}
			if s != nil {
				s.Close()
			}
		})
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

func TestOpenTakesTheModelTheStoreHolds(t *testing.T) {
	opts := closedStore(t)
	opts.Model = zhenni.Model{}
	if s := openStore(t, opts); s.Model() != testModel || s.Count() != 1 {
		t.Errorf("model %+v, %d credentials", s.Model(), s.Count())
	}
}

// FAULTS: S13
func TestSecondOpenIsRefused(t *testing.T) {
	opts := testOptions(t)
	openStore(t, opts)
	if _, err := Open(opts); !errors.Is(err, zhenni.ErrLocked) {
		t.Errorf("second Open: %v, want ErrLocked", err)
	}
	opts.ReadOnly = true
	if _, err := Open(opts); !errors.Is(err, zhenni.ErrLocked) {
		t.Errorf("second Open, read-only: %v, want ErrLocked", err)
	}
}

// Badger's own lock is met when its folder is opened by something else. Its error says so by text only.
func TestBadgersLockIsTranslated(t *testing.T) {
	opts := closedStore(t)
	db, err := badger.Open(badger.DefaultOptions(filepath.Join(opts.Dir, viewDir)).WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := Open(opts); !errors.Is(err, zhenni.ErrLocked) {
		t.Errorf("Open: %v, want ErrLocked", err)
	}
}

func TestReadOnly(t *testing.T) {
	opts := closedStore(t)
	opts.ReadOnly = true
	s := openStore(t, opts)
	if _, err := s.Reference(testID(1), make([]int8, testModel.Dim)); err != nil {
		t.Error(err)
	}
	if _, err := s.Apply(t.Context(), []zhenni.Command{testEnrol(2)}); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("Apply: %v, want ErrUnavailable", err)
	}
	if _, err := s.NewImport(t.Context(), ImportOptions{}); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("NewImport: %v, want ErrUnavailable", err)
	}
	second := openStore(t, opts)
	if report, err := second.Check(t.Context(), nil); err != nil || !report.OK() {
		t.Errorf("Check: %+v, %v", report, err)
	}
}

// What an operator is told of a store that was killed is what to do, and nothing of how it is kept.
func TestReadOnlyAfterAKill(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1))
	opts := s.opts
	opts.Dir, opts.ReadOnly = crashClone(t, opts.Dir), true
	_, err := Open(opts)
	if !errors.Is(err, zhenni.ErrUnavailable) || !strings.HasSuffix(err.Error(), "open it for writing once, as a start of the server does") {
		t.Errorf("%v, want ErrUnavailable and what to do", err)
	}
	opts.ReadOnly = false
	if s := openStore(t, opts); s.Count() != 1 {
		t.Errorf("%d credentials, want 1", s.Count())
	}
}

func TestClosedStoreRefuses(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1))
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	_, errCredential := s.Credential(testID(1))
	_, errReference := s.Reference(testID(1), make([]int8, testModel.Dim))
	_, errApply := s.Apply(t.Context(), []zhenni.Command{testEnrol(2)})
	_, errCheck := s.Check(t.Context(), nil)
	_, errImport := s.NewImport(t.Context(), ImportOptions{})
	errReferences := s.References(0, zhenni.Slots-1, nil)
	for i, err := range []error{errCredential, errReference, errApply, errCheck, errImport, errReferences} {
		if !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("call %d: %v, want ErrUnavailable", i, err)
		}
	}
}

// A process killed while it created the store leaves any part of these behind, in this order.
func TestCreationIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	for _, left := range [][]string{
		{markFile}, {markFile, keysFile}, {markFile, keysFile, headerFile},
		{markFile, keysFile, headerFile, filepath.Join(viewDir, "LOCK")},
	} {
		whole := testOptions(t)
		if err := openStore(t, whole).Close(); err != nil {
			t.Fatal(err)
		}
		opts := whole
		opts.Dir = t.TempDir()
		for _, name := range left {
			b, err := os.ReadFile(filepath.Join(whole.Dir, name))
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Dir(filepath.Join(opts.Dir, name)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(opts.Dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s := openStore(t, opts)
		mustApply(t, s, testEnrol(1))
	}
}

func TestCreatedIsKept(t *testing.T) {
	opts := testOptions(t)
	opts.Created = testTime
	if err := openStore(t, opts).Close(); err != nil {
		t.Fatal(err)
	}
	if s := openStore(t, opts); !s.label.Created.Equal(testTime) {
		t.Errorf("created %v", s.label.Created)
	}
}
