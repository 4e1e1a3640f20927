package sandbox_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"zhenni"
	"zhenni/gateway"
	"zhenni/sandbox"
)

var rewrite = flag.Bool("rewrite", false, "write the tables of docs/sandbox.md")

const document = "../docs/sandbox.md"

func problems() (all []sandbox.Problem) {
	for _, p := range gateway.ProblemCodes() {
		all = append(all, sandbox.Problem{Code: p.Code, Title: p.Title, Action: p.Action, Status: p.Status})
	}
	return all
}

// docs/sandbox.md lists every subject, and every problem without one.
func TestDocumentListsEverySubject(t *testing.T) {
	var subjects, apart strings.Builder
	subjects.WriteString("| name | credential | what happens |\n|---|---|---|\n")
	for _, s := range sandbox.Subjects(problems()) {
		fmt.Fprintf(&subjects, "| `%s` | `%s` | %s |\n", s.Name, s.Credential, s.Happens)
	}
	for _, code := range slices.Sorted(maps.Keys(sandbox.Apart)) {
		fmt.Fprintf(&apart, "- `%s`: %s.\n", code, sandbox.Apart[code])
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	want := between(t, string(text), "subjects", subjects.String())
	want = between(t, want, "apart", apart.String())
	if *rewrite {
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Errorf("%s is not of this build: go test ./sandbox -rewrite", document)
	}
}

// between is a text with something else between a mark and the next end.
func between(t *testing.T, text, mark, what string) string {
	t.Helper()
	mark = "<!-- " + mark + " -->\n"
	head, rest, found := strings.Cut(text, mark)
	_, tail, ended := strings.Cut(rest, "<!-- end -->")
	if !found || !ended {
		t.Fatalf("%s has no %s", document, mark)
	}
	return head + mark + what + "<!-- end -->" + tail
}

// A name is of one subject, and so is a credential; every end of a session has one, and every subject of that kind is an end.
func TestSubjects(t *testing.T) {
	names, ids, kinds := map[string]bool{}, map[zhenni.CredentialID]bool{}, map[string]int{}
	for _, s := range sandbox.Subjects(problems()) {
		if names[s.Name] || ids[s.Credential] || s.HasPhone() != (s.Kind() != "problem") {
			t.Errorf("%+v", s)
		}
		names[s.Name], ids[s.Credential] = true, true
		kinds[s.Kind()]++
	}
	ends := 0
	for end := zhenni.SessionCompleted; ; end++ {
		name, err := end.MarshalText()
		if err != nil {
			break
		}
		if ends++; !names[string(name)] {
			t.Errorf("no subject for %s", name)
		}
	}
	if kinds["session"] != ends || kinds["plain"] != 2 || kinds["problem"]+len(sandbox.Apart) != len(problems()) {
		t.Errorf("%d ends: %v", ends, kinds)
	}
}

// Names of files and addresses are made of the names.
func TestNamesArePlain(t *testing.T) {
	for _, s := range sandbox.Subjects(problems()) {
		if !zhenni.ValidName(s.Name) || strings.Contains(s.Name, "..") {
			t.Errorf("%q", s.Name)
		}
	}
}
