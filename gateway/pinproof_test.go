package gateway

import (
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/evidence"
)

// setting is a PIN that a terminal sets on the card, good until a test changes it.
type setting struct {
	sealed, transaction string
	saw                 evidence.Claims
	by                  crypto.Signer // nil: no token
}

func (b *booth) setting(transaction string) *setting {
	sealed := b.seal("71940285", "terminal/"+transaction)
	return &setting{sealed, transaction, evidence.Claims{
		Kind: evidence.Card, Terminal: "kiosk", Subject: testID(1), Capture: sha256.Sum256([]byte(sealed)), Transaction: transaction, Party: "terminal",
		IssuedAt: testNow().Unix() - 10,
	}, b.terminal}
}

func (b *booth) settle(set *setting) answer {
	b.t.Helper()
	more := ""
	if set.by != nil {
		token, err := evidence.Sign(set.saw, set.by)
		if err != nil {
			b.t.Fatal(err)
		}
		list, err := json.Marshal([]string{string(token)})
		if err != nil {
			b.t.Fatal(err)
		}
		more = `,"evidence":` + string(list)
	}
	return b.set(testID(1), "terminal", set.transaction, set.sealed, more)
}

// A terminal that has to prove what it brings sets a PIN on the card or the document of the person, by a token about this credential,
// this PIN, transaction and party. Without, nothing is set: whoever had any PIN set would be asked for it in the person's place.
//
// FAULTS: B10 B11 C8
func TestPINOfATerminalAsksForTheCard(t *testing.T) {
	b := startBooth(t, 1, nil)
	b.server.config.Catalogue, b.server.config.TerminalIssueService = catalogueOf(t, issueServices), "desk"
	doc := loadDescription(t)
	for name, c := range map[string]struct {
		change func(*setting)
		status int
		says   string
	}{
		"on the card":             {func(*setting) {}, 200, `"level":"full"`},
		"on the document":         {func(s *setting) { s.saw.Kind = evidence.Document }, 200, `"level":"full"`},
		"on nothing":              {func(s *setting) { s.by = nil }, 422, "on card or document"},
		"on a living person":      {func(s *setting) { s.saw.Kind, s.saw.Level = evidence.Liveness, zhenni.LivenessActive }, 422, "on card or document"},
		"of another credential":   {func(s *setting) { s.saw.Subject = testID(2) }, 422, "evidence[0]"},
		"of another PIN":          {func(s *setting) { s.saw.Capture = sha256.Sum256([]byte("another")) }, 422, "evidence[0]"},
		"for another transaction": {func(s *setting) { s.saw.Transaction = "other" }, 422, "evidence[0]"},
		"for another party":       {func(s *setting) { s.saw.Party = "hotel" }, 422, "evidence[0]"},
		"an hour old":             {func(s *setting) { s.saw.IssuedAt -= int64(time.Hour / time.Second) }, 422, "evidence[0]"},
		"by another key":          {func(s *setting) { s.by = b.other }, 422, "not signed by a terminal"},
		"by the device":           {func(s *setting) { s.saw.Kind, s.saw.Terminal, s.by = evidence.Possession, "", b.device }, 422, "a device signs nothing for it"},
	} {
		before := b.node.pins[testID(1)]
		set := b.setting("proof-" + strings.ToLower(strings.ReplaceAll(name, " ", "-")))
		c.change(set)
		a := b.settle(set)
		checkDescribed(t, doc, http.MethodPost, "/v1/credentials/{id}/pin", a)
		if a.status != c.status || !strings.Contains(string(a.body), c.says) {
			t.Errorf("%s: %d %s, want %d, %s", name, a.status, a.body, c.status, c.says)
		}
		if was := string(before.Verifier) != string(b.node.pins[testID(1)].Verifier); was != (c.status == 200) {
			t.Errorf("%s: a PIN was set: %v", name, was)
		}
	}
}

// A terminal that has nothing to prove is believed: what it shows is not looked at, as with an issue.
func TestPINOnEvidenceThatWasNotAskedFor(t *testing.T) {
	b := startBooth(t, 1, nil)
	unknown := b.setting("shown")
	unknown.by = b.other
	if a := b.settle(unknown); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}
