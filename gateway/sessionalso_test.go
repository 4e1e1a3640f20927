package gateway

import (
	"encoding/base64"
	"strings"
	"testing"
)

// In a session a face and a voice are shown together, for the service that the session is for; a second probe that is none costs
// no try.
func TestTwoProbesInASession(t *testing.T) {
	o := startOffice(t, func(c *Config) { withVoice(t, c) })
	o.compareBoth()
	b := o.begin(`{"kind":"payment","service":"any","purpose":"enter","payee":"水务局","amount":1230,"currency":"CNY","reference":"2026-11"}`)
	wantStatus(t, o.open(b.id, b.token), 200)
	shown := func(voice string) answer {
		return o.at("POST", b.id, "/seats/0/answer", phoneToken.String(),
			`{"probe_int8":"`+int8Probe(testDim, false)+`","also_model":"voice-1","also_probe_int8":"`+voice+`"}`)
	}
	for name, voice := range map[string]string{"none": base64.StdEncoding.EncodeToString(make([]byte, testDim)), "cut": "AAAA"} {
		if a := shown(voice); a.status != 422 || !strings.Contains(string(a.body), "also_probe_int8") || len(o.node.verified) != 0 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	a := wantStatus(t, shown(voiceProbe(true)), 200)
	if !member[bool](t, a, "confirmed") || len(o.node.verified) != 1 {
		t.Errorf("%s", a.body)
	}
	o.described("POST", "/v1/sessions/{id}/seats/{seat}/answer", a)
}
