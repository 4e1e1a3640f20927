package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"zhenni"
	"zhenni/engine/accuracy"
)

const twoFactorServices = `{"version":"test","services":[{
  "id": "both", "zh": "全", "en": "Both", "category": "test", "purposes": ["enter"],
  "level": "lite", "factors": [["face"], ["voice"]], "without_face": [["voice"], ["card"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-6
},{
  "id": "either", "zh": "任", "en": "Either", "category": "test", "purposes": ["enter"],
  "level": "lite", "factors": [["face", "voice"]], "without_face": [["voice"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-5
}]}`

// A server of a face's profile and a voice's decides by both in one verification: both have to match, or either is enough, as the
// service has it; it is one attempt, over a restart by kill too; and what is signed holds up by the log, with both profiles.
//
// FAULTS: B1 Z8
func TestFaceAndVoiceInOneVerification(t *testing.T) {
	t.Parallel()
	const first = "profiles/synthetic-512.json"
	m := newMigrationTo(t, zhenni.FactorVoice)
	m.serve(first)
	m.key = strings.TrimSpace(mustRun(t, "rp", "add", "desk", "--store", m.store, "--tenant", "1", "--role", "issuer"))
	m.enrol(0, firstModel)
	m.enrol(1, firstModel)
	m.server.kill(t)
	mustRun(t, "models", "add", "--store", m.store, "--profile", m.second)
	services := filepath.Join(t.TempDir(), "services.json")
	write(t, services, twoFactorServices)
	serve := func() {
		if m.server != nil {
			m.server.kill(t)
		}
		m.server = startServe(t, m.store, "--profile", first, "--profile", m.second, "--catalogue", services)
	}
	serve()
	m.put(0)
	m.key = strings.TrimSpace(mustRun(t, "rp", "add", "gate", "--store", m.store, "--tenant", "1", "--role", "verifier", "--service", "both", "--service", "either"))
	asked := 0
	ask := func(service string, person, face, voice int) map[string]any {
		t.Helper()
		asked++
		return m.must(200, "POST", "/v1/verifications", fmt.Sprintf(
			`{"transaction":"t-%d","service":%q,"purpose":"enter","credential":%q,"probe_float32":%q,"also_model":%q,"also_probe_float32":%q}`,
			asked, service, m.ids[person], captured(firstModel, face, 1), secondModel, captured(secondModel, voice, 1)))
	}
	for _, c := range []struct {
		service             string
		person, face, voice int
		want                string
	}{
		{"both", 0, 0, 0, "match"}, {"both", 0, 0, 5, "no_match"}, {"both", 0, 5, 0, "no_match"},
		{"either", 0, 0, 5, "match"}, {"either", 0, 5, 0, "match"}, {"either", 0, 5, 6, "no_match"},
		{"both", 1, 1, 1, "no_match"}, {"either", 1, 1, 1, "match"}, // who has no template of the voice
	} {
		answer := ask(c.service, c.person, c.face, c.voice)
		if answer["outcome"] != c.want || len(answer["profile"].(string)) != 64 {
			t.Errorf("%+v: %v", c, answer)
		}
		if factors := []any{"face", "voice"}; c.want == "match" && !reflect.DeepEqual(answer["factors"], factors) {
			t.Errorf("%+v: %v", c, answer)
		}
	}
	proof := filepath.Join(filepath.Dir(services), "proof.json")
	fetchProof(t, asker{m.server.url, m.key}, "/v1/verifications/t-1/proof", proof)
	if shown, err := os.ReadFile(proof); err != nil || !strings.Contains(string(shown), m.must(200, "GET", "/v1/profiles", "")["profiles"].([]any)[1].(map[string]any)["id"].(string)) {
		t.Errorf("the proof does not name the second profile: %s, %v", shown, err)
	}
	for range 3 { // a match of either ended the streak before
		ask("both", 0, 0, 5)
	}
	serve()
	for range 2 {
		ask("both", 0, 5, 0)
	}
	if answer := ask("both", 0, 0, 0); answer["outcome"] != "no_match" {
		t.Errorf("after more failures in a row than are free: %v", answer)
	}
}

// pairFiles writes folders of faces and of voices, in which the i-th probes are of the persons that they name and claim to be claims(i).
func pairFiles(t *testing.T, dir string, ids []string, pairs []pairProbe) (faces, voices string) {
	t.Helper()
	faces, voices = filepath.Join(dir, "faces"), filepath.Join(dir, "voices")
	for _, side := range []struct {
		dir, model string
		person     func(pairProbe) int
	}{{faces, firstModel, func(p pairProbe) int { return p.face }}, {voices, secondModel, func(p pairProbe) int { return p.voice }}} {
		labels, values := []accuracy.Label{}, make([]float32, len(pairs)*people.Dim)
		for i, p := range pairs {
			claims := "nobody"
			if p.claims >= 0 {
				claims = ids[p.claims]
			}
			labels = append(labels, accuracy.Label{ImageID: fmt.Sprintf("%s-%02d", filepath.Base(side.dir), i), Person: claims})
			extractors[side.model].Probe(side.person(p), p.sample, values[i*people.Dim:(i+1)*people.Dim])
		}
		writeRows(t, side.dir, labels, values)
	}
	return faces, voices
}

type pairProbe struct{ claims, face, voice, sample int }

// writeRows writes a folder in the order of its labels, where [labelled.Write] sorts them.
func writeRows(t *testing.T, dir string, labels []accuracy.Label, values []float32) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	text, raw := "image_id,identity\n", make([]byte, 0, 4*len(values))
	for _, l := range labels {
		text += l.ImageID + "," + l.Person + "\n"
	}
	for _, x := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	write(t, filepath.Join(dir, "labels.csv"), text)
	write(t, filepath.Join(dir, "embeddings.f32"), string(raw))
	write(t, filepath.Join(dir, "meta.json"), fmt.Sprintf(`{"N":%d,"D":%d}`, len(labels), people.Dim))
}

// zhenni verify asks by two files side by side: each line of the answers is of both probes, an attempt is spent once however often the
// command is taken up again, and files that do not belong together cost none.
//
// FAULTS: B1
func TestVerifyBySecondFile(t *testing.T) {
	t.Parallel()
	const first = "profiles/synthetic-512.json"
	m := newMigrationTo(t, zhenni.FactorVoice)
	m.serve(first)
	m.key = strings.TrimSpace(mustRun(t, "rp", "add", "desk", "--store", m.store, "--tenant", "1", "--role", "issuer"))
	for person := range 3 {
		m.enrol(person, firstModel)
	}
	m.server.kill(t)
	mustRun(t, "models", "add", "--store", m.store, "--profile", m.second)
	dir := t.TempDir()
	services, key := filepath.Join(dir, "services.json"), filepath.Join(dir, "gate.key")
	write(t, services, twoFactorServices)
	m.server = startServe(t, m.store, "--profile", first, "--profile", m.second, "--catalogue", services)
	for person := range 3 {
		m.put(person)
	}
	write(t, key, mustRun(t, "rp", "add", "gate", "--store", m.store, "--tenant", "1", "--role", "verifier", "--service", "both", "--service", "either"))
	faces, voices := pairFiles(t, dir, m.ids, []pairProbe{{0, 0, 0, 1}, {1, 1, 2, 1}, {-1, 1, 1, 1}, {2, 0, 2, 1}, {1, 1, 1, 1}})
	verify := func(out string, flags ...string) (int, string, string) {
		t.Helper()
		out = filepath.Join(dir, out)
		code, _, notes := runCommand(t, append([]string{"verify", faces, "--out", out, "--url", m.server.url, "--api-key-file", key}, flags...)...)
		text, err := os.ReadFile(out)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return code, notes, string(text)
	}
	pair := func(service string) []string {
		return []string{"--also", voices, "--also-model", secondModel, "--service", service, "--purpose", "enter"}
	}

	code, notes, both := verify("both.csv", pair("both")...)
	if want := []string{"match,", "no_match,", "refused,unknown_claim", "no_match,", "match,"}; code != exitNotSo || !slices.Equal(outcomesIn(both), want) {
		t.Fatalf("exit code %d, %s\n%s, want %v", code, notes, both, want)
	}
	if code, notes, either := verify("either.csv", pair("either")...); code != exitNotSo || !slices.Equal(outcomesIn(either), []string{"match,", "match,", "refused,unknown_claim", "match,", "match,"}) {
		t.Fatalf("exit code %d, %s\n%s", code, notes, either)
	}
	head := both[:strings.Index(both, "faces-01")]
	write(t, filepath.Join(dir, "cut.csv"), head)
	if _, notes, cut := verify("cut.csv", pair("both")...); cut != both {
		t.Errorf("taken up again: %s\n%s, want\n%s", notes, cut, both)
	}

	// What was answered before a connection was cut is in the file, and so is no second attempt.
	through := "http://" + cutAfter(t, strings.TrimPrefix(m.server.url, "http://"), 9_000)
	if code, notes, some := verify("through.csv", append(pair("both"), "--url", through)...); code != exitEnvironment || !strings.HasPrefix(both, some) || len(outcomesIn(some)) != 1 {
		t.Errorf("cut: exit code %d, %s\n%s", code, notes, some)
	}
	refusesPairs(t, m.ids, voices, verify)
}

// refusesPairs has files that do not belong together, and flags, refused before anybody is asked about.
func refusesPairs(t *testing.T, ids []string, voices string, verify func(out string, flags ...string) (int, string, string)) {
	t.Helper()
	other := t.TempDir()
	_, turned := pairFiles(t, other, ids, []pairProbe{{0, 0, 0, 1}, {2, 1, 2, 1}, {-1, 1, 1, 1}, {2, 0, 2, 1}, {1, 1, 1, 1}})
	_, short := pairFiles(t, t.TempDir(), ids, []pairProbe{{0, 0, 0, 1}, {1, 1, 2, 1}})
	_, long := pairFiles(t, t.TempDir(), ids, []pairProbe{{0, 0, 0, 1}, {1, 1, 2, 1}, {-1, 1, 1, 1}, {2, 0, 2, 1}, {1, 1, 1, 1}, {0, 0, 0, 2}})
	for _, c := range []struct {
		name  string
		flags []string
		code  int
		says  string
	}{
		{"another person", []string{"--also", turned, "--also-model", secondModel, "--service", "both", "--purpose", "enter"}, exitUsage, `probe 2, "voices-01"`},
		{"fewer", []string{"--also", short, "--also-model", secondModel, "--service", "both", "--purpose", "enter"}, exitUsage, "it has 2 probes"},
		{"more", []string{"--also", long, "--also-model", secondModel, "--service", "both", "--purpose", "enter"}, exitUsage, "more than the 5"},
		{"no model", []string{"--also", voices, "--service", "both", "--purpose", "enter"}, exitUsage, "--also takes --also-model"},
		{"no service", []string{"--also", voices, "--also-model", secondModel, "--purpose", "enter"}, exitUsage, "--also takes --service"},
		{"no purpose", []string{"--also", voices, "--also-model", secondModel, "--service", "both"}, exitUsage, "--also takes --purpose"},
		{"no second file", []string{"--also-model", secondModel}, exitUsage, "add --also"},
		{"a model of the same factor", []string{"--also", voices, "--also-model", firstModel, "--service", "both", "--purpose", "enter"}, exitUsage, "two of one factor"},
		{"a model not served", []string{"--also", voices, "--also-model", "other", "--service", "both", "--purpose", "enter"}, exitUsage, "does not serve other"},
		{"a service not granted", []string{"--also", voices, "--also-model", secondModel, "--service", "third", "--purpose", "enter"}, exitNotSo, "faces-00"},
	} {
		if code, notes, answers := verify("bad.csv", c.flags...); code != c.code || !strings.Contains(notes, c.says) || len(outcomesIn(answers)) > 0 {
			t.Errorf("%s: exit code %d, %s, want %d and %q, and nobody asked about\n%s", c.name, code, notes, c.code, c.says, answers)
		}
	}
}

// outcomesIn are the last two columns of a file of answers.
func outcomesIn(text string) (outcomes []string) {
	for _, line := range strings.Split(strings.TrimSpace(text), "\n")[1:] {
		outcomes = append(outcomes, strings.Join(strings.Split(line, ",")[2:], ","))
	}
	return outcomes
}
