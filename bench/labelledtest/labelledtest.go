// Package labelledtest finds the published embeddings that tests compare their figures with.
package labelledtest

import (
	"os"
	"path/filepath"
	"testing"

	"zhenni/bench/labelled"
)

// beside is the folder that lies beside a checkout of the repository, from the folder of a package two levels deep, where a test
// of the packages that use this one runs.
var beside = filepath.Join("..", "..", "..", "shared", "data")

// Folder is where the published embeddings lie: ZHENNI_DATA, or the folder beside the repository. Where it is absent the test is
// skipped; with ZHENNI_REQUIRE_DATA=1 it fails.
func Folder(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("ZHENNI_DATA")
	if dir == "" {
		dir = beside
	}
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("ZHENNI_REQUIRE_DATA") == "1" {
			t.Fatalf("the published embeddings are required: %v", err)
		}
		t.Skipf("no published embeddings: %v (name their folder in ZHENNI_DATA)", err)
	}
	return dir
}

// Read reads one set of them, but for what is excluded.
func Read(t testing.TB, name string, excluded labelled.Exclusions) *labelled.Set {
	t.Helper()
	set, err := labelled.Read(t.Context(), filepath.Join(Folder(t), name), excluded)
	if err != nil {
		t.Fatal(err)
	}
	return set
}
