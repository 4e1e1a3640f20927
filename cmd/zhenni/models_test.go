package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/engine/accuracy"
)

// migration is a server on its way from one model to the next, and those who ask it.
type migration struct {
	t      *testing.T
	store  string
	second string // file of the second profile
	server *process
	key    string
	ids    []string
}

const (
	firstModel  = "synthetic-512"
	secondModel = "second-512"
)

// extractors are what each model makes of the same people.
var extractors = map[string]accuracy.Population{firstModel: people, secondModel: {Seed: 8, Dim: people.Dim}}

func newMigration(t *testing.T) *migration { return newMigrationTo(t, zhenni.FactorFace) }

// newMigrationTo is one to a model of a factor.
func newMigrationTo(t *testing.T, factor zhenni.Factor) *migration {
	t.Helper()
	dir := t.TempDir()
	m := &migration{t: t, store: filepath.Join(dir, "store")}
	m.second = m.profileOf(secondModel, factor)
	return m
}

// profileOf writes a profile of a further model.
func (m *migration) profileOf(model string, factor zhenni.Factor) (path string) {
	m.t.Helper()
	profile, err := readProfile("profiles/synthetic-512.json")
	if err != nil {
		m.t.Fatal(err)
	}
	profile.Model.ID, profile.Model.Factor = model, factor
	if profile, err = profile.Seal(); err != nil {
		m.t.Fatal(err)
	}
	path = filepath.Join(filepath.Dir(m.store), model+".json")
	f, err := os.Create(path)
	if err != nil {
		m.t.Fatal(err)
	}
	if err := errors.Join(profile.Write(f), f.Close()); err != nil {
		m.t.Fatal(err)
	}
	return path
}

// serve kills the server where there is one, and starts another.
func (m *migration) serve(profiles ...string) {
	m.t.Helper()
	if m.server != nil {
		m.server.kill(m.t)
	}
	var flags []string
	for _, path := range profiles {
		flags = append(flags, "--profile", path)
	}
	m.server = startServe(m.t, m.store, append(flags, "--create-key")...)
}

// ask sends a document and returns what is answered.
func (m *migration) ask(method, path, body string) (status int, answer map[string]any) {
	m.t.Helper()
	request, err := http.NewRequestWithContext(m.t.Context(), method, m.server.url+path, strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+m.key)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil {
		m.t.Fatalf("%v: %s", err, text)
	}
	return response.StatusCode, answer
}

// must is ask of what has a status.
func (m *migration) must(want int, method, path, body string) map[string]any {
	m.t.Helper()
	status, answer := m.ask(method, path, body)
	if status != want {
		m.t.Fatalf("%s %s: %d %v, want %d", method, path, status, answer, want)
	}
	return answer
}

// captured is what a model makes of a person, sample −1 for the reference.
func captured(model string, person, sample int) string {
	extractor := extractors[model]
	embedding := make([]float32, extractor.Dim)
	if sample < 0 {
		extractor.Reference(person, embedding)
	} else {
		extractor.Probe(person, sample, embedding)
	}
	raw := make([]byte, 0, 4*len(embedding))
	for _, x := range embedding {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func (m *migration) enrol(person int, model string) {
	m.t.Helper()
	answer := m.must(201, "POST", "/v1/enrolments", fmt.Sprintf(`{"model":%q,"reference_float32":%q}`, model, captured(model, person, -1)))
	m.ids = append(m.ids, answer["credential"].(string))
}

// put gives a person's credential a template of the second model.
func (m *migration) put(person int) {
	m.t.Helper()
	m.must(200, "POST", "/v1/credentials/"+m.ids[person]+"/templates", fmt.Sprintf(`{"model":%q,"reference_float32":%q}`, secondModel, captured(secondModel, person, -1)))
}

// verified asks whether a person is a credential's, by a capture of one model under a name, "" for none.
func (m *migration) verified(person int, made, named, want string) {
	m.t.Helper()
	name := fmt.Sprintf(`"model":%q,`, named)
	if named == "" {
		name = ""
	}
	answer := m.must(200, "POST", "/v1/verifications", fmt.Sprintf(`{%s"credential":%q,"probe_float32":%q}`, name, m.ids[person], captured(made, person, 1)))
	if answer["outcome"] != want {
		m.t.Errorf("person %d, captured by %s, as %q: %v, want %s", person, made, named, answer["outcome"], want)
	}
}

// progress holds what the issuer reads to what is to be.
func (m *migration) progress(total, done int) {
	m.t.Helper()
	var answer map[string]any
	for range 1000 { // a count that began before the last change may be under way
		_, answer = m.ask("GET", "/v1/models/"+secondModel+"/migration", "")
		if answer["total"] == float64(total) && answer["done"] == float64(done) && answer["pending"] == float64(total-done) {
			return
		}
	}
	m.t.Errorf("%v, want %d of %d done", answer, done, total)
}

// An operator goes from one model to the next on a store that is in use, as the commands and the API have it, and the server
// is killed between the steps: the second model is added, who comes gets a template of it, each is verified by either, never
// by the row of the other; the first is not retired before nobody has nothing else, and then is, for good.
//
// FAULTS: L9 C6
func TestMigrationToAnotherModel(t *testing.T) {
	t.Parallel()
	const first = "profiles/synthetic-512.json"
	m := newMigration(t)
	m.serve(first)
	m.key = strings.TrimSpace(mustRun(t, "rp", "add", "trial", "--store", m.store, "--tenant", "1", "--role", "issuer,verifier"))
	for person := range 4 {
		m.enrol(person, firstModel)
	}
	m.server.kill(t)
	if code, _, notes := runCommand(t, "serve", "--store", m.store, "--profile", first, "--profile", m.second, "--listen", "127.0.0.1:0"); code != exitUsage || !strings.Contains(notes, "models add") {
		t.Errorf("a model that the store has not: %d %s", code, notes)
	}
	mustRun(t, "models", "add", "--store", m.store, "--profile", m.second)

	m.serve(first, m.second)
	m.progress(4, 0)
	m.put(0)
	m.serve(first, m.second)
	m.put(1)
	m.serve(first, m.second)
	m.progress(4, 2)
	for person := range 4 {
		m.verified(person, firstModel, "", "match")
		m.verified(person, firstModel, secondModel, "no_match") // the dimension is the same
		m.verified(person, secondModel, firstModel, "no_match")
		m.verified(person, secondModel, secondModel, map[bool]string{true: "match", false: "no_match"}[person < 2])
	}
	m.server.kill(t)
	if code, _, notes := runCommand(t, "models", "retire", firstModel, "--store", m.store); code != exitNotSo || !strings.Contains(notes, "2 live credentials") {
		t.Errorf("retired while somebody has nothing else: %d %s", code, notes)
	}

	m.serve(m.second, first) // the second is the one that is used without a name from here on
	for _, id := range m.must(200, "GET", "/v1/models/"+secondModel+"/pending", "")["pending"].([]any) {
		for person, known := range m.ids {
			if known == id {
				m.put(person)
			}
		}
	}
	m.progress(4, 4)
	m.verified(3, secondModel, "", "match")
	m.enrol(4, secondModel)
	m.verified(4, firstModel, firstModel, "no_match")
	m.server.kill(t)
	if shown := mustRun(t, "models", "retire", firstModel, "--store", m.store); !strings.Contains(shown, "4 templates were dropped") {
		t.Error(shown)
	}

	m.serve(m.second)
	if status, answer := m.ask("POST", "/v1/verifications", fmt.Sprintf(`{"model":%q,"credential":%q,"probe_float32":%q}`, firstModel, m.ids[0], captured(firstModel, 0, 1))); status != 400 || answer["code"] != "model_mismatch" {
		t.Errorf("by the model that was retired: %d %v", status, answer)
	}
	for person := range 5 {
		m.verified(person, secondModel, "", "match")
	}
	m.must(200, "POST", "/v1/credentials/"+m.ids[2]+"/revoke", "")
	m.verified(2, secondModel, "", "no_match")
	m.must(200, "POST", "/v1/credentials/"+m.ids[3]+"/erase", "")
	m.serve(m.second)
	m.verified(1, secondModel, "", "match")
	m.verified(2, secondModel, "", "no_match")
	m.verified(3, secondModel, "", "no_match")
	if err := m.server.terminate(t); err != nil {
		t.Fatal(err)
	}
	m.check()
}

// check has the stopped store checked, and its models shown.
func (m *migration) check() {
	m.t.Helper()
	mustRun(m.t, "check", "--store", m.store)
	shown := m.listed()
	if len(shown.Models) != 2 || !shown.Models[0].Retired || *shown.Models[1].Migration != (zhenni.Migration{Model: secondModel, Total: 3, Done: 3, Only: 3}) {
		m.t.Errorf("%+v", shown.Models)
	}
}

// listed is what models list says.
func (m *migration) listed() (shown modelList) {
	m.t.Helper()
	if err := json.Unmarshal([]byte(mustRun(m.t, "models", "list", "--store", m.store, "--json")), &shown); err != nil {
		m.t.Fatal(err)
	}
	return shown
}

// has reports whether a list has a model, and has it once.
func (m *migration) has(list modelList, model string) bool {
	m.t.Helper()
	found := 0
	for _, listed := range list.Models {
		if listed.ID == model {
			found++
		}
	}
	if found > 1 {
		m.t.Errorf("%s is listed %d times", model, found)
	}
	return found == 1
}

// addModel has the store take a model by a command in a process of its own, and meanwhile asks the server, so often at least, or until the
// command has ended where that is 0. It returns the exit code.
func (m *migration) addModel(profile string, asked int) (ended <-chan int) {
	m.t.Helper()
	code := make(chan int, 1)
	go func() {
		exit, _, _ := runApart(m.t, "models", "add", "--store", m.store, "--profile", profile)
		code <- exit
	}()
	for n := 0; asked == 0 && len(code) == 0 || n < asked; n++ {
		m.verified(0, firstModel, "", "match")
	}
	return code
}

// A further model comes to a server that verifies: the command asks the server, and whatever is asked meanwhile is answered as before. The server is
// killed around the command, at whatever step that is, and between the steps after it: a model whose command said so is there, one of
// which nothing was heard is there once or not, and the same command mends that. What stops is the server, once, to be started with
// the profile too.
//
// FAULTS: L9 C6 C11
func TestAModelIsAddedToARunningServer(t *testing.T) {
	t.Parallel()
	const first = "profiles/synthetic-512.json"
	m := newMigration(t)
	m.serve(first)
	m.key = strings.TrimSpace(mustRun(t, "rp", "add", "trial", "--store", m.store, "--tenant", "1", "--role", "issuer,verifier"))
	m.enrol(0, firstModel)
	m.enrol(1, firstModel)
	for cut := range 4 {
		model := fmt.Sprintf("trial-%d", cut)
		profile := m.profileOf(model, zhenni.FactorFace)
		ended := m.addModel(profile, 1+cut*40)
		m.server.kill(t)
		heard := <-ended == 0
		m.serve(first)
		if heard && !m.has(m.listed(), model) {
			t.Errorf("%s was added and is gone", model)
		}
		m.verified(0, firstModel, "", "match")
		mustRun(t, "models", "add", "--store", m.store, "--profile", profile)
		if !m.has(m.listed(), model) {
			t.Errorf("%s was added again and is not there", model)
		}
	}

	if code := <-m.addModel(m.second, 0); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	for _, listed := range m.listed().Models {
		if p := listed.Migration; listed.Served != (listed.ID == firstModel) || p.Total != 2 || p.Done != map[bool]int64{true: 2}[listed.Served] {
			t.Errorf("%+v, %+v", listed, p)
		}
	}
	if status, answer := m.ask("POST", "/v1/verifications", fmt.Sprintf(`{"model":%q,"credential":%q,"probe_float32":%q}`, secondModel, m.ids[0], captured(secondModel, 0, 1))); status != 400 || answer["code"] != "model_mismatch" {
		t.Errorf("by the model before its profile is there: %d %v", status, answer)
	}
	other := m.profileOf(firstModel, zhenni.FactorVoice)
	if code, _, notes := runApart(t, "models", "add", "--store", m.store, "--profile", other); code != exitNotSo || !strings.Contains(notes, firstModel) {
		t.Errorf("another model of the same id: %d %s", code, notes)
	}

	stopped := time.Now()
	if err := m.server.terminate(t); err != nil {
		t.Fatal(err)
	}
	m.serve(first, m.second)
	m.verified(0, firstModel, "", "match")
	t.Logf("nobody was answered for %v", time.Since(stopped).Round(time.Millisecond))
	m.serve(first, m.second) // over a kill
	m.verified(1, firstModel, "", "match")
	m.put(0)
	m.serve(first, m.second)
	m.verified(0, secondModel, secondModel, "match")
	m.verified(1, secondModel, secondModel, "no_match")
	m.verified(0, secondModel, firstModel, "no_match")
	m.progress(2, 1)
	if err := m.server.terminate(t); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "check", "--store", m.store)
}
