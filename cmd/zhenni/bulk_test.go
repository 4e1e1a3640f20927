package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"zhenni/bench/labelled"
	"zhenni/engine/accuracy"
)

// bulk is a server with an enrolled population, and files to verify.
type bulk struct {
	dir, url, keyFile, mapping string
}

// enrolment is the sample that is the reference itself.
const enrolment = -1

// writeSet writes a folder of n captures, the i-th of subject i claiming to be claims(i).
func writeSet(t *testing.T, dir string, n, sample int, claims func(i int) string) {
	t.Helper()
	labels := make([]accuracy.Label, n)
	values := make([]float32, n*people.Dim)
	for i := range labels {
		labels[i] = accuracy.Label{ImageID: fmt.Sprintf("%s-%d", subjectName(i), sample+1), Person: claims(i)}
		if row := values[i*people.Dim : (i+1)*people.Dim]; sample == enrolment {
			people.Reference(i, row)
		} else {
			people.Probe(i, sample, row)
		}
	}
	set, err := accuracy.NewSet(people.Dim, labels, values)
	if err != nil {
		t.Fatal(err)
	}
	if err := labelled.Write(dir, &labelled.Set{Set: set}); err != nil {
		t.Fatal(err)
	}
}

func subjectName(i int) string { return "subject-" + string(rune('a'+i/26)) + string(rune('a'+i%26)) }

const bulkPeople = 60

// newBulk starts a server and enrols bulkPeople people through the command line.
func newBulk(t *testing.T) bulk {
	t.Helper()
	b := bulk{dir: t.TempDir()}
	store := filepath.Join(b.dir, "store")
	server := startProcess(t, store, "--create-key")
	b.url, b.keyFile, b.mapping = server.url, filepath.Join(b.dir, "party.key"), filepath.Join(b.dir, "map.csv")
	key := mustRun(t, "rp", "add", "bulk", "--store", store, "--tenant", "1", "--role", "issuer,verifier")
	if err := os.WriteFile(b.keyFile, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	writeSet(t, b.path("enrol"), bulkPeople, enrolment, subjectName)
	done := mustRun(t, "enrol", b.path("enrol"), "--map", b.mapping, "--url", b.url, "--api-key-file", b.keyFile, "--json")
	var report enrolled
	if err := json.Unmarshal([]byte(done), &report); err != nil || report.Enrolled != bulkPeople {
		t.Fatalf("enrolled %d, %v, want %d", report.Enrolled, err, bulkPeople)
	}
	return b
}

func (b bulk) path(name string) string { return filepath.Join(b.dir, name) }

func (b bulk) verify(t *testing.T, in, out string) (code int, notes string) {
	t.Helper()
	code, _, notes = runCommand(t, "verify", b.path(in), "--out", b.path(out), "--part", "7", "--map", b.mapping, "--url", b.url, "--api-key-file", b.keyFile)
	return code, notes
}

func (b bulk) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(b.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Everybody is matched as themselves, nobody as their neighbour; a claim that names nobody is refused alone. A file of
// answers cut anywhere, as by a lost connection or a kill, is completed to the very same file: no answer twice, none
// missing.
//
// FAULTS: L7 L8
func TestBulkVerificationIsCompleteOrderedAndResumable(t *testing.T) {
	t.Parallel()
	b := newBulk(t)
	writeSet(t, b.path("probes"), bulkPeople, 1, func(i int) string {
		switch {
		case i%10 == 9:
			return "nobody-" + subjectName(i)
		case i%2 == 0:
			return subjectName(i)
		}
		return subjectName((i + 1) % bulkPeople)
	})
	if code, notes := b.verify(t, "probes", "answers.csv"); code != exitNotSo || !strings.Contains(notes, "refused") {
		t.Fatalf("exit code %d, %s: want %d for the refused claims", code, notes, exitNotSo)
	}
	whole := b.read(t, "answers.csv")
	checkAnswers(t, whole)
	for cut := 0; cut < len(whole); cut += 97 {
		if err := os.WriteFile(b.path("cut.csv"), []byte(whole[:cut]), 0o600); err != nil {
			t.Fatal(err)
		}
		_, notes := b.verify(t, "probes", "cut.csv")
		if got := b.read(t, "cut.csv"); got != whole {
			t.Fatalf("cut at byte %d: %s\n%s", cut, notes, got)
		}
	}
}

// A connection that is cut in the middle of a part ends the run with whole lines only; the same command then
// completes the file.
//
// FAULTS: L8
func TestBulkVerificationGoesOnAfterACutConnection(t *testing.T) {
	b := newBulk(t)
	if code, notes := b.verify(t, "enrol", "whole.csv"); code != 0 {
		t.Fatal(notes)
	}
	through := b
	through.url = "http://" + cutAfter(t, strings.TrimPrefix(b.url, "http://"), 60_000)
	if code, notes := through.verify(t, "enrol", "answers.csv"); code != exitEnvironment || !strings.Contains(notes, "goes on") {
		t.Fatalf("exit code %d, %s: want %d", code, notes, exitEnvironment)
	}
	whole, part := b.read(t, "whole.csv"), b.read(t, "answers.csv")
	if !strings.HasPrefix(whole, part) || !strings.HasSuffix(part, "\n") || part == resultHeading || part == whole {
		t.Errorf("the cut left\n%s", part)
	}
	if code, notes := b.verify(t, "enrol", "answers.csv"); code != 0 || b.read(t, "answers.csv") != whole {
		t.Errorf("exit code %d, %s: the file is not completed", code, notes)
	}
}

// cutAfter forwards one connection to addr and cuts it after so many bytes of questions.
func cutAfter(t *testing.T, addr string, questions int64) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		client, err := ln.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		server, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		defer server.Close()
		go func() { _, _ = io.Copy(client, server) }()
		_, _ = io.CopyN(server, client, questions)
	}()
	return ln.Addr().String()
}

// checkAnswers holds the answers against how the probes were made: in order of the set, which is by claim.
func checkAnswers(t *testing.T, text string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")[1:]
	if len(lines) != bulkPeople {
		t.Fatalf("%d answers, want %d", len(lines), bulkPeople)
	}
	for _, line := range lines {
		fields := strings.Split(line, ",")
		i := int(fields[0][len("subject-")]-'a')*26 + int(fields[0][len("subject-")+1]-'a')
		want := []string{"match", ""}
		switch {
		case i%10 == 9:
			want = []string{"refused", "unknown_claim"}
		case i%2 == 1:
			want[0] = "no_match"
		}
		if fields[2] != want[0] || fields[3] != want[1] {
			t.Errorf("%s: want %v", line, want)
		}
	}
}

func TestBulkRefusesResultsOfOtherProbes(t *testing.T) {
	b := newBulk(t)
	if code, notes := b.verify(t, "enrol", "answers.csv"); code != 0 {
		t.Fatal(notes)
	}
	writeSet(t, b.path("others"), bulkPeople, 3, subjectName)
	if code, notes := b.verify(t, "others", "answers.csv"); code != exitUsage || !strings.Contains(notes, "other probes") {
		t.Errorf("exit code %d, %s: want %d", code, notes, exitUsage)
	}
	for _, other := range []string{"not results\n", "not results", resultHeading[:5] + "\n"} {
		if err := os.WriteFile(b.path("notes.txt"), []byte(other), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, notes := b.verify(t, "enrol", "notes.txt"); code != exitUsage || b.read(t, "notes.txt") != other {
			t.Errorf("%q: exit code %d, %s: want %d and the file as it was", other, code, notes, exitUsage)
		}
	}
}

// Probes of a Parquet file, which is decoded by a process of its own, are answered as those of a folder.
func TestBulkReadsParquet(t *testing.T) {
	b := newBulk(t)
	type probe struct {
		ImageID   string    `parquet:"image_id"`
		Identity  string    `parquet:"identity"`
		Embedding []float32 `parquet:"embedding,list"`
	}
	probes := make([]probe, bulkPeople)
	for i := range probes {
		probes[i] = probe{subjectName(i), subjectName(i), make([]float32, people.Dim)}
		people.Probe(i, 2, probes[i].Embedding)
	}
	probes[7].Embedding = probes[7].Embedding[:100]
	if err := parquet.WriteFile(b.path("probes.parquet"), probes); err != nil {
		t.Fatal(err)
	}
	if code, notes := b.verify(t, "probes.parquet", "answers.csv"); code != exitNotSo {
		t.Fatalf("exit code %d, %s: want %d for the short probe", code, notes, exitNotSo)
	}
	lines := strings.Split(strings.TrimSpace(b.read(t, "answers.csv")), "\n")[1:]
	for i, line := range lines {
		want := ",match,"
		if i == 7 {
			want = ",refused,bad_probe"
		}
		if !strings.HasPrefix(line, subjectName(i)+",") || !strings.HasSuffix(line, want) {
			t.Errorf("line %d is %s, want %s", i, line, want)
		}
	}
}

// An enrolment is taken up again after the images that the mapping has.
func TestEnrolLeavesOutWhatTheMappingHas(t *testing.T) {
	b := newBulk(t)
	before := b.read(t, "map.csv")
	half := before[:strings.LastIndexByte(before[:len(before)/2], '\n')+1]
	if err := os.WriteFile(b.mapping, []byte(half+"subject-zz-0,subj"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "enrol", b.path("enrol"), "--map", b.mapping, "--url", b.url, "--api-key-file", b.keyFile)
	after := b.read(t, "map.csv")
	if !strings.HasPrefix(after, half) || strings.Count(after, "\n") != bulkPeople+1 {
		t.Errorf("%d lines, want %d after the first half", strings.Count(after, "\n"), bulkPeople+1)
	}
}

func TestEnrolRefusesAFileThatIsNoMapping(t *testing.T) {
	b := bulk{dir: t.TempDir()}
	writeSet(t, b.path("enrol"), 2, enrolment, subjectName)
	for _, other := range []string{"no mapping", "no,mapping\n", "image_id,identity\n"} {
		if err := os.WriteFile(b.path("map.csv"), []byte(other), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, notes := runCommand(t, "enrol", b.path("enrol"), "--map", b.path("map.csv")); code != exitUsage || b.read(t, "map.csv") != other {
			t.Errorf("%q: exit code %d, %s: want %d and the file as it was", other, code, notes, exitUsage)
		}
	}
}

// Enrolling into the store of a stopped server gives what a server then verifies.
func TestEnrolIntoAStore(t *testing.T) {
	b := bulk{dir: t.TempDir()}
	writeSet(t, b.path("enrol"), bulkPeople, enrolment, subjectName)
	writeSet(t, b.path("more"), bulkPeople, 1, subjectName)
	store := b.path("store")
	offline := []string{"--store", store, "--profile", "profiles/synthetic-512.json"}
	b.mapping, b.keyFile = b.path("map.csv"), b.path("party.key")
	mustRun(t, append([]string{"enrol", b.path("enrol"), "--map", b.mapping, "--create-key"}, offline...)...)
	mustRun(t, append([]string{"enrol", b.path("more"), "--map", b.path("more.csv")}, offline...)...)
	key := mustRun(t, "rp", "add", "bulk", "--store", store, "--tenant", "1", "--role", "verifier")
	if err := os.WriteFile(b.keyFile, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	var report struct {
		Credentials int  `json:"credentials"`
		OK          bool `json:"ok"`
	}
	if err := json.Unmarshal([]byte(mustRun(t, "check", "--store", store, "--json")), &report); err != nil || !report.OK || report.Credentials != 2*bulkPeople {
		t.Fatalf("%+v, %v", report, err)
	}
	b.url = startProcess(t, store).url
	writeSet(t, b.path("probes"), bulkPeople, 2, subjectName)
	if code, notes := b.verify(t, "probes", "answers.csv"); code != 0 || bytes.Count([]byte(b.read(t, "answers.csv")), []byte(",match,")) < bulkPeople {
		t.Errorf("exit code %d, %s\n%s", code, notes, b.read(t, "answers.csv"))
	}
}
