package main

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// longest is how long an example may be, in lines: it is there to be read and copied.
const longest = 120

// beside are the files of this folder that are no flow's own.
var beside = []string{"main", "wire", "key", "flows_test"}

// No flow lacks one of the three languages, its row in the table or its run, and no script is of a flow that there is not.
func TestFlowsAreInEachLanguage(t *testing.T) {
	table, runner := fileOf(t, "../README.md"), fileOf(t, "../../.ci/examples")
	for name := range flows {
		for _, of := range []string{"curl/" + name + ".sh", "go/" + name + ".go", "python/" + name + ".py"} {
			text := fileOf(t, "../"+of)
			if lines := bytes.Count(text, []byte("\n")); lines < 10 || lines > longest {
				t.Errorf("%s has %d lines, want 10–%d", of, lines, longest)
			}
			if !bytes.Contains(table, []byte("]("+of+")")) {
				t.Errorf("README.md does not lead to %s", of)
			}
		}
		if !bytes.Contains(runner, []byte(`    "`+name+`": `)) && !bytes.Contains(runner, []byte(`, "`+name+`": `)) {
			t.Errorf(".ci/examples does not run %s", name)
		}
	}
	for _, pattern := range []string{"../curl/*", "*.go", "../python/*.py"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) < len(flows) {
			t.Errorf("%s: %d files, %v", pattern, len(found), err)
		}
		for _, path := range found {
			name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
			if _, known := flows[name]; !known && (pattern != "*.go" || !strings.Contains(strings.Join(beside, " "), name)) {
				t.Errorf("%s is of no flow", path)
			}
		}
	}
}

func fileOf(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return text
}

// The examples show the wire: they lean on the standard library alone, and on nothing of ours.
func TestExamplesImportTheStandardLibrary(t *testing.T) {
	packages, err := filepath.Glob("*.go")
	if err != nil || len(packages) == 0 {
		t.Fatal(packages, err)
	}
	for _, path := range packages {
		syntax, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			first, _, _ := strings.Cut(imported, "/")
			if err != nil || strings.Contains(first, ".") || first == "zhenni" {
				t.Errorf("%s imports %s", path, spec.Path.Value)
			}
		}
	}
}
