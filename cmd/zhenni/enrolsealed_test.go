package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/identity"
	"zhenni/storage"
)

// numberOf is the ID number of a person of the registry.
func idNumberOf(person int) string {
	digits := fmt.Sprintf("110105%d1231%03d", 1949+person/1000, person%1000)
	sum := 0
	for i, weight := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += weight * int(digits[i]-'0')
	}
	return digits + string("10X98765432"[sum%11])
}

// registry is the issuer of references, with a folder of photographs and the file of whose they are.
type registry struct {
	issueWorld
	folder, jwk, people string
}

func newRegistry(t *testing.T, w issueWorld) registry {
	t.Helper()
	dir := t.TempDir()
	r := registry{w, filepath.Join(dir, "photographs"), filepath.Join(dir, "identity.jwk"), filepath.Join(dir, "people.csv")}
	write(t, r.jwk, mustRun(t, "keys", "identity", "--identity-root", w.root, "--identity-key", w.key))
	return r
}

// photographs fills the folder with those of n people, and seals who they are.
func (r registry) photographs(t *testing.T, n int) {
	t.Helper()
	writeSet(t, r.folder, n, enrolment, subjectName)
	text := new(strings.Builder)
	told := csv.NewWriter(text)
	_ = told.Write(peopleColumns)
	for i := range n {
		_ = told.Write([]string{imageOf(i), canaryName, idNumberOf(i)})
	}
	told.Flush()
	write(t, r.people, text.String())
	mustRun(t, "seal", r.people, "--to", r.jwk, "--out", filepath.Join(r.folder, sealedFile))
}

func imageOf(i int) string { return fmt.Sprintf("image-%05d", i) }

// enrol is the command line of an import.
func (r registry) enrol(more ...string) []string {
	return append([]string{
		"enrol", r.folder, "--sealed", "--store", r.store, "--tenant", referenceTenant, "--profile", "profiles/synthetic-512.json",
		"--identity-root", r.root, "--identity-key", r.key, "--map", filepath.Join(filepath.Dir(r.people), "references.csv"), "--json", "--create-key",
	}, more...)
}

// imports runs an import, and holds what it prints to what it has to be.
func (r registry) imports(t *testing.T, want importedReferences, more ...string) (notes string) {
	t.Helper()
	code, results, notes := runCommand(t, r.enrol(more...)...)
	var got importedReferences
	if err := json.Unmarshal([]byte(results), &got); err != nil {
		t.Fatalf("exit code %d, %q: %v\n%s", code, results, err, notes)
	}
	want.Map = got.Map
	if wantCode := min(want.Duplicates+want.Refused, exitNotSo); got != want || code != wantCode {
		t.Fatalf("exit code %d, %+v, want %d, %+v\n%s", code, got, wantCode, want, notes)
	}
	for _, secret := range []string{canaryName, idNumberOf(0)[:17], "photo-of"} {
		if strings.Contains(notes+results, secret) {
			t.Errorf("%q is told in %s%s", secret, results, notes)
		}
	}
	return notes
}

// An issuer seals who its people are, and the operator imports their references into the store of a server, which then
// issues to whom the face proves to be the person: to nobody else, and not to somebody whom the registry does not have, who
// is refused by the same bytes. Neither name nor number is in the store, in the mapping or in what is said on the way.
//
// FAULTS: B2 B9
func TestSealedReferencesAreIssuedAgainst(t *testing.T) {
	t.Parallel()
	w := startLife(t)
	if err := w.server.terminate(t); err != nil {
		t.Fatal(err)
	}
	r := newRegistry(t, w.issueWorld)
	const registered = 20
	r.photographs(t, registered)
	r.imports(t, importedReferences{Enrolled: registered})
	r.imports(t, importedReferences{LeftOut: registered})
	w.restart()
	capture := 0
	asks := func(number string, person, want int, says string) string {
		t.Helper()
		capture++ // one capture is of one person
		q := w.next("app", "POST", "/v1/credentials")
		q.body = w.sealed(q, number, `"probe_float32":"`+face(person, capture)+`"`)
		status, text, err := w.try(q, func() {})
		if err != nil || status != want || !strings.Contains(text, says) {
			t.Fatalf("person %d: %d %s, %v, want %d", person, status, text, err, want)
		}
		return strings.ReplaceAll(text, q.transaction, "t")
	}
	asks(idNumberOf(holder), holder, 201, `"lite"`)
	another := asks(idNumberOf(stranger), holder, 403, `"not_proved"`)
	if nobody := asks(idNumberOf(registered), holder, 403, `"not_proved"`); nobody != another {
		t.Errorf("nobody's number: %s, another's: %s", nobody, another)
	}
	w.restart()
	asks(idNumberOf(registered-1), registered-1, 201, `"lite"`)
	w.server.kill(t)
	w.scan(t)
	references, err := readMapping(filepath.Join(filepath.Dir(r.people), "references.csv"))
	if err != nil || len(references.byImage) != registered {
		t.Errorf("the mapping has %d references, %v", len(references.byImage), err)
	}
	text, err := os.ReadFile(filepath.Join(r.folder, sealedFile))
	if err != nil || strings.Contains(string(text), canaryName) || strings.Contains(string(text), idNumberOf(holder)) {
		t.Errorf("the sealed file tells who the people are: %v", err)
	}
}

// edit changes the sealed identities of a folder.
func (r registry) edit(t *testing.T, change func(rows [][]string)) {
	t.Helper()
	path := filepath.Join(r.folder, sealedFile)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	change(rows[1:])
	text := new(strings.Builder)
	if err := csv.NewWriter(text).WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	write(t, path, text.String())
}

// seals is the sealed identity of a person for an image.
func (r registry) seals(t *testing.T, image, number string) string {
	t.Helper()
	sealed, err := identity.Seal(r.to, canaryName, number, sealedFor(image))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// A person has one live reference: a second one is refused, within a file and against the store, or takes the place of the
// first. Rows that can not be read are told by number and field. Run again, an import finds what it made, and it never brings
// back what was ended since.
//
// FAULTS: B9 L7
func TestAPersonHasOneReference(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, newIssueWorld(t))
	r.photographs(t, 6)
	r.edit(t, func(rows [][]string) {
		rows[2] = []string{imageOf(2), r.seals(t, imageOf(2), idNumberOf(0))}                 // the first person again
		rows[3] = []string{imageOf(3), r.seals(t, imageOf(3), "photo-of "+idNumberOf(3)[:9])} // no number
		rows[4] = []string{imageOf(4), rows[5][1]}                                            // what was sealed for another image
		rows[5] = []string{strings.Repeat("photo-of", 100), r.seals(t, "x", idNumberOf(5))}   // an endless name
	})
	notes := r.imports(t, importedReferences{Enrolled: 2, Duplicates: 1, Refused: 3})
	for _, want := range []string{
		"row 3: refused: the person has a live reference already", "row 4: refused: ID number: ", "row 5: refused: sealed text: of another", "row 6: refused: image_id: ",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q is missing in %s", want, notes)
		}
	}
	r.imports(t, importedReferences{LeftOut: 2, Duplicates: 1, Refused: 3})
	r.imports(t, importedReferences{LeftOut: 2, Replaced: 1, Refused: 3}, "--replace")
	r.imports(t, importedReferences{LeftOut: 3, Refused: 3}, "--replace")

	references, err := readMapping(filepath.Join(filepath.Dir(r.people), "references.csv"))
	if err != nil {
		t.Fatal(err)
	}
	second, third := references.byImage[imageOf(1)], references.byImage[imageOf(2)]
	r.apply(t, zhenni.ChangeStatus{ID: second, Tenant: 9, To: zhenni.StatusRevoked, At: time.Now()}, zhenni.Erase{ID: third, Tenant: 9, At: time.Now()})
	notes = r.imports(t, importedReferences{LeftOut: 1, Refused: 5}, "--replace")
	for _, want := range []string{"row 2: refused: this reference was ended", "row 3: refused: this reference was erased"} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q is missing in %s", want, notes)
		}
	}
	mustRun(t, "check", "--store", r.store)
}

// apply changes the store that nobody serves.
func (r registry) apply(t *testing.T, commands ...zhenni.Command) {
	t.Helper()
	root, err := keyFlags{}.root(r.store, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	store, err := openRecorded(storage.Options{Dir: r.store, Root: root}, auditOptions{dir: auditFlags{}.dir(r.store)})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	results, err := store.Apply(t.Context(), commands)
	if err != nil {
		t.Fatal(err)
	}
	for i, result := range results {
		if result.Err != nil {
			t.Errorf("command %d: %v", i, result.Err)
		}
	}
}

// What an import needs is asked for before anything is opened, and a root that is not the store's ends it.
func TestSealedImportRefusesItsFlags(t *testing.T) {
	r := newRegistry(t, newIssueWorld(t))
	r.photographs(t, 2)
	r.imports(t, importedReferences{Enrolled: 2})
	other := newIssueWorld(t)
	for name, tt := range map[string]struct {
		args []string
		want int
		says string
	}{
		"no tenant":      {[]string{"enrol", r.folder, "--sealed", "--store", r.store, "--map", r.people + ".map", "--identity-root", r.root, "--identity-key", r.key}, exitUsage, "--tenant"},
		"no key":         {[]string{"enrol", r.folder, "--sealed", "--store", r.store, "--map", r.people + ".map", "--tenant", "9"}, exitUsage, "--identity-key"},
		"a base":         {r.enrol("--base"), exitUsage, "--base"},
		"another root":   {r.enrol("--identity-root", other.root), exitEnvironment, "another root"},
		"no such folder": {append([]string{"enrol", r.folder + "x"}, r.enrol()[2:]...), exitEnvironment, "no such file"},
	} {
		if code, _, notes := runCommand(t, tt.args...); code != tt.want || !strings.Contains(notes, tt.says) {
			t.Errorf("%s: exit code %d, want %d and %q: %s", name, code, tt.want, tt.says, notes)
		}
	}
}

// Where the names are, a bad one is told by row and field; its row stays, empty, beside its embedding.
func TestSealTellsRowAndField(t *testing.T) {
	r := newRegistry(t, newIssueWorld(t))
	out := filepath.Join(t.TempDir(), "sealed.csv")
	write(t, r.people, "image_id,name,number\na,"+canaryName+","+idNumberOf(1)+"\nb,"+canaryName+",110105194912310021\nc,M4x,"+idNumberOf(2)+"\n")
	code, _, notes := runCommand(t, "seal", r.people, "--to", r.jwk, "--out", out)
	text, err := os.ReadFile(out)
	if err != nil || code != exitNotSo {
		t.Fatalf("exit code %d, %v: %s", code, err, notes)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) != 5 || !strings.HasPrefix(lines[1], "a,ey") || lines[2] != "b," || lines[3] != "c," {
		t.Errorf("%q", lines)
	}
	for _, want := range []string{"row 2: refused: ID number: the check digit", "row 3: refused: name: a digit"} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q is missing in %s", want, notes)
		}
	}
	for _, bad := range []string{"", "image_id,name\n", "image_id,name,number\na,b\n", "image_id,name,number\na,b,\"" + strings.Repeat("1", maxLabelBytes)} {
		write(t, r.people, bad)
		if code, _, notes := runCommand(t, "seal", r.people, "--to", r.jwk, "--out", out); code != exitUsage {
			t.Errorf("%.40q: exit code %d: %s", bad, code, notes)
		}
	}
}
