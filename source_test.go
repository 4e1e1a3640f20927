package zhenni_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "zhenni"

// allowed lists, for each part of the house, the parts it may import, or single packages of them. It is the picture in
// ARCHITECTURE.md.
var allowed = map[string][]string{
	".":        {},
	"simd":     {},
	"identity": {".", "identity"},
	"evidence": {"."},
	"receipt":  {"."},
	"engine":   {".", "simd", "engine"},
	"storage":  {".", "simd", "storage"},
	"actors":   {".", "engine", "identity"},
	"gateway":  {".", "simd", "engine", "actors", "identity", "evidence", "gateway"},
	"bench":    {".", "simd", "engine", "storage", "actors", "gateway", "identity", "evidence", "receipt", "bench"},
	"fault":    {".", "simd", "engine", "storage", "actors", "gateway", "identity", "evidence", "receipt", "bench", "fault"},
	"cmd":      {".", "simd", "engine", "storage", "actors", "gateway", "identity", "evidence", "receipt", "statuslist", "holder", "sandbox", "bench", "cmd"},

	// Who plays the phones of a sandbox is a holder and no part of a server: cmd alone wires it into one.
	"sandbox": {".", "engine/accuracy", "simd", "holder", "storage/disk"},

	"statuslist": {"."},
	"examples":   {}, // they show the wire

	// Of the parts of a server the holder's side has what it shares with it to the bit, and no more.
	"holder": {".", "engine/rotation", "gateway/httpsig", "gateway/pages", "storage/disk", "identity", "evidence", "receipt", "holder"},
}

// owners lists the outside modules that belong to one package, and who else may lean on them: the load generator of
// bench is a client of the same protocols.
var owners = map[string][]string{
	"github.com/asynkron/protoactor-go": {"actors"},
	"github.com/anishathalye/porcupine": {"fault"},
	"github.com/panjf2000/ants/v2":      {"actors"},
	"github.com/dgraph-io/badger/v4":    {"storage"},
	"github.com/dgraph-io/ristretto/v2": {"storage"},
	"github.com/hashicorp/go-hclog":     {"storage/commandlog"},
	"github.com/hashicorp/raft":         {"storage/commandlog"},
	"github.com/hashicorp/raft-wal":     {"storage/commandlog"},
	"github.com/valyala/fasthttp":       {"gateway", "bench"},
	"github.com/fasthttp/router":        {"gateway"},
	"github.com/valyala/fastjson":       {"bench"},
	"github.com/apache/arrow-go/v18":    {"gateway", "bench"},
	"github.com/google/flatbuffers":     {"bench"},
	"github.com/prometheus":             {"gateway"},
	"gorgonia.org/tensor":               {"engine/accuracy"},
	"github.com/klauspost/cpuid/v2":     {"simd"},
	"github.com/parquet-go/parquet-go":  {"bench", "cmd"},
	"github.com/alecthomas/kong":        {"cmd"},
	"github.com/vbauerster/mpb/v8":      {"cmd"},
	"golang.org/x/perf":                 {"bench/result"},
	"github.com/aclements/go-moremath":  {"bench/result"},
	"golang.org/x/mod/sumdb":            {"storage/audit", "cmd"},
	"github.com/zeebo/xxh3":             {"storage/ledger"},
	"filippo.io/edwards25519":           {"gateway/eddsa"},
	"github.com/hanwen/go-fuse/v2":      {"fault"},
	"github.com/go-jose/go-jose/v4":     {"identity", "receipt"},
	"github.com/emmansun/gmsm":          {"receipt"},
	"golang.org/x/text":                 {"identity"},
	"golang.org/x/crypto/argon2":        {"identity/pin", "storage", "holder"},
	"golang.org/x/image":                {"holder/capture"},
	"github.com/gomlx":                  {"holder/capture/onnx"},
	"github.com/yalue/onnxruntime_go":   {"holder/capture/onnx"},
}

// sourceFile is one parsed Go file of the module. dir is "." for the root package.
type sourceFile struct {
	dir, name string
	test      bool
	lines     int
	set       *token.FileSet
	syntax    *ast.File
}

func (f sourceFile) part() string {
	part, _, _ := strings.Cut(f.dir, "/")
	return part
}

// readSource parses every Go file of the module. Folders that start with '_' or '.' are other modules or tools.
func readSource(t *testing.T) []sourceFile {
	t.Helper()
	var files []sourceFile
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		f := sourceFile{dir: path.Dir(name), name: name, test: strings.HasSuffix(name, "_test.go"), set: token.NewFileSet()}
		f.lines = strings.Count(string(text), "\n")
		f.syntax, err = parser.ParseFile(f.set, name, text, parser.ParseComments)
		files = append(files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("only %d files found", len(files))
	}
	return files
}

func (f sourceFile) imports(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, spec := range f.syntax.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	return paths
}

func TestImportsGoOneWay(t *testing.T) {
	for _, f := range readSource(t) {
		if f.test {
			continue
		}
		may, known := allowed[f.part()]
		if !known {
			t.Errorf("%s: %q is not a part of the house", f.name, f.part())
		}
		for _, p := range f.imports(t) {
			target, ours := strings.CutPrefix(p, module)
			if !ours || target != "" && target[0] != '/' {
				continue
			}
			part, _, _ := strings.Cut(strings.TrimPrefix(target, "/"), "/")
			if part == "" {
				part = "."
			}
			if !slices.Contains(may, part) && !slices.Contains(may, strings.TrimPrefix(target, "/")) {
				t.Errorf("%s imports %s", f.name, p)
			}
		}
	}
}

func TestOutsideModulesHaveOneOwner(t *testing.T) {
	used := make(map[string]bool)
	for _, f := range readSource(t) {
		for _, p := range f.imports(t) {
			for outside, owned := range owners {
				if p != outside && !strings.HasPrefix(p, outside+"/") {
					continue
				}
				used[outside] = used[outside] || !f.test
				if !slices.Contains(owned, f.dir) && !slices.Contains(owned, f.part()) {
					t.Errorf("%s imports %s, which belongs to %v", f.name, p, owned)
				}
			}
			if f.dir == "." && !f.test && strings.Contains(p, ".") {
				t.Errorf("%s: the root package imports %s", f.name, p)
			}
		}
	}
	for outside := range owners {
		if !used[outside] {
			t.Errorf("%s has owners but no use", outside)
		}
	}
}

// The shape STYLE asks for: files of at most 500 lines, functions of at most 70, nine in ten of at most 40.
func TestSourceKeepsItsShape(t *testing.T) {
	var lengths []int
	for _, f := range readSource(t) {
		if f.lines > 500 {
			t.Errorf("%s has %d lines", f.name, f.lines)
		}
		for _, decl := range f.syntax.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			n := f.set.Position(fn.End()).Line - f.set.Position(fn.Pos()).Line + 1
			if n > 70 {
				t.Errorf("%s: %s has %d lines", f.name, fn.Name.Name, n)
			}
			if !f.test {
				lengths = append(lengths, n)
			}
		}
	}
	slices.Sort(lengths)
	median, ninth := lengths[len(lengths)/2], lengths[len(lengths)*9/10]
	t.Logf("%d functions: median %d lines, 90 %% at most %d", len(lengths), median, ninth)
	if median > 10 || ninth > 40 {
		t.Errorf("median %d lines, want ≤ 10; nine in ten ≤ %d, want ≤ 40", median, ninth)
	}
}
