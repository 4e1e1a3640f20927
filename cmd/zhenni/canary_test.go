package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"io"
	"io/fs"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"zhenni"
	"zhenni/bench"
	"zhenni/engine"
	"zhenni/simd"
)

// canaries are what must never be found outside of the memory of the process, by a name that may be shown.
type canaries map[string][]byte

// text adds a text as it is, in UTF-16, in hexadecimal and in base64.
func (c canaries) text(name, text string) {
	c.bytes(name, []byte(text))
	var wide []byte
	for _, r := range text {
		wide = binary.LittleEndian.AppendUint16(wide, uint16(r))
	}
	c[name+" in UTF-16"] = wide
}

// bytes adds bytes as they are, in hexadecimal and in base64 at each of its three alignments.
func (c canaries) bytes(name string, b []byte) {
	c[name] = b
	c[name+" in hexadecimal"] = []byte(hex.EncodeToString(b))
	for shift := range 3 {
		encoded := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), b...))
		c[name+" in base64, shifted by "+strconv.Itoa(shift)] = []byte(encoded[(8*shift+5)/6 : len(encoded)-1])
	}
}

// vector adds pieces of an embedding in both of its forms, from its beginning, middle and end: none is as short as to
// occur by chance.
func (c canaries) vector(name string, v []float32) {
	row, floats := make([]int8, len(v)), make([]byte, 0, 4*len(v))
	if _, err := engine.Prepare(row, slices.Clone(v)); err != nil {
		panic(err)
	}
	for _, x := range v {
		floats = binary.LittleEndian.AppendUint32(floats, math.Float32bits(x))
	}
	quantised := make([]byte, len(row))
	for i, q := range row {
		quantised[i] = byte(q)
	}
	const piece = 12
	for _, at := range []int{0, len(v) / 2, len(v) - piece} {
		c.bytes(name+", quantised, from "+strconv.Itoa(at), quantised[at:at+piece])
		c.bytes(name+", from "+strconv.Itoa(at), floats[4*at:4*at+4*piece])
	}
}

// score adds what a comparison came to, as the integer and as the decimal fraction that it may be printed as.
func (c canaries) score(probe, reference []float32) {
	p, r := make([]int8, len(probe)), make([]int8, len(reference))
	np, errP := engine.Prepare(p, slices.Clone(probe))
	nr, errR := engine.Prepare(r, slices.Clone(reference))
	if errP != nil || errR != nil {
		panic("not an embedding")
	}
	dot := simd.Dot(p, r)
	c["a dot product"] = strconv.AppendInt(nil, int64(dot), 10)
	cosine := float64(dot) / math.Sqrt(float64(np)*float64(nr))
	c["a score"] = []byte(strconv.FormatFloat(cosine, 'f', 9, 64)[:7])
}

// scan reports every canary in the data.
func (c canaries) scan(t *testing.T, where string, data []byte) {
	t.Helper()
	for name, needle := range c {
		if at := find(data, needle); at >= 0 {
			t.Errorf("%s, at byte %d: %s", where, at, name)
		}
	}
}

// find returns where the needle is, or -1. A number inside a longer one is not it: times are printed to the nanosecond.
func find(data, needle []byte) int {
	number := len(bytes.Trim(needle, "0123456789")) == 0
	isDigit := func(at int) bool { return at >= 0 && at < len(data) && '0' <= data[at] && data[at] <= '9' }
	for from := 0; ; {
		at := bytes.Index(data[from:], needle)
		if at < 0 {
			return -1
		}
		at += from
		if !number || !isDigit(at-1) && !isDigit(at+len(needle)) {
			return at
		}
		from = at + 1
	}
}

// scanFolder scans every file of a folder and returns how many there were. A file that goes meanwhile is left out.
func (c canaries) scanFolder(t *testing.T, dir string) (files int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(name)
		if err == nil {
			files++
			for _, written := range writtenParts(data) {
				c.scan(t, name, written)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// writtenParts are the parts of a file that are not room taken beforehand: without blocks of zeros that lie between such blocks.
func writtenParts(data []byte) (parts [][]byte) {
	const block = 4096
	blank := func(at int) bool {
		return at < 0 || at >= len(data) || len(bytes.Trim(data[at:min(at+block, len(data))], "\x00")) == 0
	}
	from := -1
	for at := 0; at < len(data); at += block {
		switch skipped := blank(at-block) && blank(at) && blank(at+block); {
		case skipped && from >= 0:
			parts, from = append(parts, data[from:at]), -1
		case !skipped && from < 0:
			from = at
		}
	}
	if from >= 0 {
		parts = append(parts, data[from:])
	}
	return parts
}

// The scan finds what it looks for, in whatever form, so that an empty result means something.
func TestCanariesAreFound(t *testing.T) {
	c := canaries{}
	one := references(1).Float32
	c.vector("template", one)
	c.text("name", "张小明")
	row := make([]int8, len(one))
	if _, err := engine.Prepare(row, slices.Clone(one)); err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, len(row))
	for i, q := range row {
		raw[i] = byte(q)
	}
	for where, text := range map[string][]byte{
		"as it is": raw, "in base64": []byte(base64.StdEncoding.EncodeToString(raw)),
		"in base64, shifted": []byte(base64.StdEncoding.EncodeToString(append([]byte("x"), raw...))),
		"in hexadecimal":     []byte(hex.EncodeToString(raw)), "a name": []byte("log: 张小明"),
	} {
		found := false
		for _, needle := range c {
			found = found || find(text, needle) >= 0
		}
		if !found {
			t.Errorf("%s: not found", where)
		}
	}
}

// After a full run nothing that leaves the process holds a template, a probe, a score or a key: no answer, no line of the
// log, no metric, no file of the store or of a backup, before and after it stopped, and no core file.
//
// FAULTS: B2
func TestNothingLeavesTheProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := filepath.Join(dir, "store")
	server := startProcess(t, store, "--create-key", "--log-json", "--log-level", "debug")
	key := strings.TrimSpace(mustRun(t, "rp", "add", "desk", "--store", store, "--tenant", "1", "--role", "issuer,verifier"))
	client := newTestClient(t, server.url, key)
	var answers bytes.Buffer
	client.Observe(func(answer []byte) { answers.Write(answer) })

	const n = 40
	found := canaries{}
	all := references(n)
	probe := make([]float32, people.Dim)
	people.Probe(3, 1, probe)
	found.vector("a reference", all.Slice(3, 4).Float32)
	found.vector("another reference", all.Slice(n-1, n).Float32)
	found.vector("a probe", probe)
	found.score(probe, all.Slice(3, 4).Float32)
	found.score(probe, all.Slice(4, 5).Float32)
	found.text("an API key", key[len("zk_desk_"):])

	ids := enrolPeople(t, client, n)
	asked := bench.Vectors{Dim: people.Dim, Float32: probe}
	for _, i := range []int{3, 4} {
		if outcome, err := client.Verify(ids[i], asked); err != nil || (outcome == zhenni.Match) != (i == 3) {
			t.Fatalf("%v, %v", outcome, err)
		}
	}
	if _, err := client.VerifyLines(ids, all, nil); err != nil {
		t.Fatal(err)
	}
	if err := client.Revoke(ids[5]); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Verify(ids[5], asked); err != nil {
		t.Fatal(err)
	}
	_, _ = client.Post("/v1/verifications", "application/json", []byte(`{"credential":"`+ids[3].String()+`","probe_float32":"AAAA"}`))
	found.scan(t, "the answers", answers.Bytes())
	for _, path := range []string{"/log/checkpoint", "/openapi.json", "/readyz"} {
		found.scan(t, path, get(t, server.url+path))
	}
	mustRun(t, "backup", filepath.Join(dir, "backup"), "--store", store, "--keys-copy", filepath.Join(dir, "keys"))
	if files := found.scanFolder(t, dir); files < 10 {
		t.Errorf("only %d files were read", files)
	}
	// A process that is asked for a core file while it works leaves none; its stacks go to the log.
	if err := server.cmd.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	server.ended <- <-server.ended
	if server.notes.Len() < 1000 {
		t.Errorf("the log has %d bytes", server.notes.Len())
	}
	found.scan(t, "the log", server.notes.Bytes())
	if cores, _ := filepath.Glob("core*"); cores != nil {
		t.Errorf("core files: %v", cores)
	}
	found.scanFolder(t, dir)
}

// get returns the body of a page.
func get(t *testing.T, url string) []byte {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// What is left out of a file is blank, whatever lies beside it.
func TestWrittenPartsAreWhole(t *testing.T) {
	for _, at := range []int{0, 4095, 4096, 9 * 4096, 20*4096 - 6} {
		data := make([]byte, 20*4096)
		copy(data[at:], "canary")
		parts := bytes.Join(writtenParts(data), nil)
		if !bytes.Contains(parts, []byte("canary")) || len(parts) > 4*4096 {
			t.Errorf("at %d: %d bytes are left", at, len(parts))
		}
	}
}
