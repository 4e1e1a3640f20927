package defects

import (
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the folder of the module as tests of this package see it.
const root = "../.."

const document = "docs/defects.md"

// defect is one edit of the source that a test must catch.
type defect struct {
	name string
	// file is the file edited; old occurs in it exactly once and new takes its place.
	file, old, new string
	// does says what would go wrong, for people.
	does string
	// caught is the test that fails; in is its package where that is not the package of the file.
	caught, in string
	// tags are build tags beside those of the machine.
	tags string
	// slow leaves the defect out of samples.
	slow bool
}

// pkg is the folder of the package whose tests are run.
func (d defect) pkg() string {
	if d.in != "" {
		return d.in
	}
	return path.Dir(d.file)
}

// table is every defect, part by part.
var table = slices.Concat(
	rootDefects, simdDefects, engineDefects, actorsDefects, gatewayDefects, receiptDefects, hotelDefects, policyDefects, pinDefects, lifeDefects, toldDefects,
	signedDefects, tenancyDefects, attemptDefects, storageDefects, tallyDefects, baseDefects, keysDefects, recordDefects, keyfileDefects, ledgerDefects,
	historyDefects, commandlogDefects, auditDefects, cmdDefects, personDefects, proofDefects, modelDefects, operatorDefects, webhookDefects, askingDefects,
	pagesDefects, flowDefects, factorDefects, cibaDefects, sessionDefects, sandboxDefects,
)

var rewrite = flag.Bool("rewrite", false, "write "+document+" anew from the table")

// source reads a file of the module.
func source(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// spoil returns the file with the edit.
func (d defect) spoil(t *testing.T) string {
	t.Helper()
	text := source(t, d.file)
	if n := strings.Count(text, d.old); n != 1 || d.old == d.new {
		t.Errorf("%s: %s has the text to be replaced %d times, want once, and another in its place:\n%s", d.name, d.file, n, d.old)
	}
	return strings.Replace(text, d.old, d.new, 1)
}

// Every entry still fits the source: its text is there once, and the test that is to catch it exists.
func TestTableFitsTheSource(t *testing.T) {
	tests := map[string]string{}
	seen := map[string]bool{}
	for _, d := range table {
		if seen[d.name] || !regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(d.name) {
			t.Errorf("%q: want a name of its own of small letters, digits and dashes", d.name)
		}
		seen[d.name] = true
		d.spoil(t)
		if tests[d.pkg()] == "" {
			tests[d.pkg()] = testsOf(t, d.pkg())
		}
		if !strings.Contains(tests[d.pkg()], "func "+d.caught+"(") {
			t.Errorf("%s: %s has no test %q", d.name, d.pkg(), d.caught)
		}
	}
}

// testsOf is the text of every test file of a package.
func testsOf(t *testing.T, pkg string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// The document is of this table. go test ./fault/defects -rewrite writes it.
func TestDocumentIsOfTheTable(t *testing.T) {
	var text strings.Builder
	fmt.Fprintf(&text, documentHead, len(table))
	part := ""
	for _, d := range table {
		if p := path.Dir(d.file); p != part {
			part = p
			title := strings.TrimPrefix(p, "./")
			if p == "." {
				title = "zhenni, the root package"
			}
			fmt.Fprintf(&text, "\n## %s\n\n| defect | what it would do | caught by |\n|---|---|---|\n", title)
		}
		caught := d.caught
		if d.in != "" {
			caught += " of " + d.in
		}
		fmt.Fprintf(&text, "| %s | %s | %s |\n", d.name, d.does, caught)
	}
	if *rewrite {
		if err := os.WriteFile(filepath.Join(root, document), []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if source(t, document) != text.String() {
		t.Errorf("%s is not of this table: go test ./fault/defects -rewrite", document)
	}
}

const documentHead = `# Seeded defects

%d deliberate defects, each of which a test catches. ` + "`make defects`" + ` builds them one after the other from a changed copy of
one file and wants the test named here to pass on the true source and to fail on the changed one;
` + "`make defects ONLY=name`" + ` runs one, ` + "`make defects SAMPLE=12`" + ` an even sample of those that are not slow, another for each
TURN, and ` + "`make defects RESUME=1`" + ` what an earlier run has not caught on this source. Written from the table in
` + "`fault/defects`" + `, whose package documentation says how to add one.
`
