package receipt

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/results.golden anew; what was signed before is then no result any more")

const golden = "testdata/results.golden"

// The form of a result is frozen, down to the nonces: what was signed by an earlier build is signed again with the same
// bytes, and is checked by a later one.
func TestResultsAreFrozen(t *testing.T) {
	var text strings.Builder
	for _, a := range every {
		s := testSigner(t, a, 1)
		all := forms()
		for _, name := range slices.Sorted(maps.Keys(all)) {
			fmt.Fprintf(&text, "%s %s %s\n", a, name, mustSign(t, s, all[name]))
		}
	}
	if *rewrite {
		if err := os.WriteFile(golden, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if text.String() != string(want) {
		t.Errorf("%s\nwant\n%s", &text, want)
	}
}
