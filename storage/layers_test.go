package storage

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/ristretto/v2/z"
	"pgregory.net/rapid"
)

// sortedTables writes records as an import does and opens the tables that came of it.
func sortedTables(t *rapid.T, dir string, records map[string]string) tables {
	opts := Options{Dir: dir, MemTable: minMemTable}.withDefaults()
	db, err := badger.Open(viewOptions(opts, &badgerLog{logger: opts.Logger}))
	if err != nil {
		t.Fatal(err)
	}
	w := db.NewStreamWriter()
	out := z.NewBuffer(1<<10, "test")
	defer func() { _ = out.Release() }()
	for _, key := range slices.Sorted(maps.Keys(records)) {
		stage(out, streamCredentials, record{[]byte(key), []byte(records[key])})
	}
	for _, step := range []func() error{w.Prepare, func() error { return w.Write(out) }, w.Flush, db.Close} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	paths, err := filepath.Glob(filepath.Join(dir, viewDir, "*.sst"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range paths {
		names = append(names, filepath.Base(path))
	}
	opened, err := openTables(filepath.Join(dir, viewDir), names)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// Two layers read as the one map that they make together.
func TestLayersReadAsOneMap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	over, err := badger.Open(badger.DefaultOptions("").WithInMemory(true).WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer over.Close()
	layer := func(value string) *rapid.Generator[map[string]string] { // four keys of six, so that two layers share some
		return rapid.MapOfN(rapid.StringMatching(`[ab]{1,2}`), rapid.StringMatching(value), 4, 6)
	}
	rapid.Check(t, func(rt *rapid.T) {
		if err := os.RemoveAll(filepath.Join(dir, viewDir)); err != nil {
			rt.Fatal(err)
		}
		below, above := layer("b{0,3}").Draw(rt, "base"), layer("o{1,3}").Draw(rt, "over")
		base := sortedTables(rt, dir, below)
		defer func() { _ = base.close() }()
		txn := over.NewTransaction(true)
		for key, value := range above {
			if err := txn.Set([]byte(key), []byte(value)); err != nil {
				rt.Fatal(err)
			}
		}
		all := maps.Clone(below)
		maps.Copy(all, above)
		r := reading{txn, base}
		defer r.Discard()
		checkReading(rt, r, all)
	})
}

func checkReading(t *rapid.T, r reading, all map[string]string) {
	for _, key := range append(slices.Collect(maps.Keys(all)), "aab", "bb", "c") {
		sc := scratch{key: []byte(key)}
		want, there := all[key]
		if err := get(r, &sc); (err == nil) != there || there && string(sc.value) != want {
			t.Fatalf("%s is %q, %v, want %q", key, sc.value, err, want)
		}
	}
	for _, prefix := range []string{"", "a", "ba"} {
		want := slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(key string) bool { return !strings.HasPrefix(key, prefix) })
		var got []string
		err := scan(r, []byte(prefix), func(key, value []byte) error {
			if string(value) != all[string(key)] {
				t.Fatalf("%s is %q, want %q", key, value, all[string(key)])
			}
			got = append(got, string(key))
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("under %q: %q, %v, want %q", prefix, got, err, want)
		}
	}
	it := r.NewIterator(badger.DefaultIteratorOptions)
	defer it.Close()
	for _, from := range []string{"a", "aab", "b", "bbb", "c"} {
		want := ""
		for key := range all {
			if key >= from && (want == "" || key < want) {
				want = key
			}
		}
		it.Seek([]byte(from))
		if it.Valid() != (want != "") || want != "" && string(it.Item().Key()) != want {
			t.Fatalf("from %q: want %q", from, want)
		}
	}
}
