package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"zhenni"
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
