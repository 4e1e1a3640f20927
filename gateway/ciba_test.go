package gateway

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
	"zhenni/receipt"
)

// A request goes its way: pending, opened, confirmed, collected once.
//
// FAULTS: C11
func TestCIBA(t *testing.T) {
	for _, client := range []string{"hotel", "bank"} {
		p := startProvider(t, nil)
		request := p.ask(client, map[string]string{"client_notification_token": "notify-1"})
		p.wantError(p.collect(client, request), 400, "authorization_pending")
		p.wantError(p.collect(client, request), 400, "slow_down")
		p.wait(pollPause)
		p.wantError(p.collect(client, request), 400, "authorization_pending")
		p.answer(request, true)
		tokens := wantStatus(t, p.collect(client, request), 200)
		claims := openIDToken(t, member[string](t, tokens, "id_token"))
		if claims["aud"] != client || claims["iss"] != testProvider || claims["acr"] != "lite" || claims["urn:openid:params:jwt:claim:auth_req_id"] != request {
			t.Errorf("%v", claims)
		}
		if amr, _ := claims["amr"].([]any); len(amr) != 1 || amr[0] != "face" {
			t.Errorf("amr %v", claims["amr"])
		}
		if member[string](t, tokens, "token_type") != "Bearer" || len(member[string](t, tokens, "access_token")) != 43 {
			t.Errorf("%s", tokens.body)
		}
		p.wantError(p.collect(client, request), 400, "invalid_grant")
	}
}

// openIDToken reads the claims of a token; its signature is held by the tests of package receipt and by the stock client.
func openIDToken(t *testing.T, token string) (claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q", token)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &claims) != nil {
		t.Fatalf("%q", text)
	}
	return claims
}

// Every no is one no: refused, not confirmed, unusable, and a credential that is not there ends like one whose holder does not answer.
//
// FAULTS: C11 C12 Z2
func TestCIBAEndsWithoutAYes(t *testing.T) {
	p := startProvider(t, nil)
	refused, noMatch, unusable := p.ask("hotel", nil), p.ask("hotel", nil), p.ask("hotel", map[string]string{"scope": "openid service:full purpose:enter"})
	id := p.seat(refused)
	wantStatus(t, p.at("POST", id.String(), "/seats/0/decline", phoneToken.String(), ""), 200)
	p.answer(noMatch, false)
	p.enrol(testID(1), 1, zhenni.LevelLite, zhenni.StatusActive)
	p.answer(unusable, false)
	for _, request := range []string{refused, noMatch, unusable} {
		p.wantError(p.collect("hotel", request), 400, "access_denied")
	}
	unknown, unanswered := p.ask("hotel", map[string]string{"login_hint": testID(77).String()}), p.ask("hotel", nil)
	for _, request := range []string{unknown, unanswered} {
		p.wantError(p.collect("hotel", request), 400, "authorization_pending")
	}
	p.wait(usualExpiry*time.Second - pickupTime)
	for _, request := range []string{unknown, unanswered} {
		p.wantError(p.collect("hotel", request), 400, "expired_token")
	}
}

// A yes that is not collected in time is over, and no other client can have it.
func TestCIBARequestsAreTheirClients(t *testing.T) {
	p := startProvider(t, nil)
	request := p.ask("hotel", nil)
	p.answer(request, true)
	for _, id := range []string{"", "x", request[:32], request[:33], request[:33] + zhenni.SessionToken{1}.String(), strings.Repeat("0", 32) + request[32:]} {
		p.wantError(p.collect("hotel", id), 400, "invalid_grant")
	}
	p.wantError(p.collect("bank", request), 400, "invalid_grant")
	p.wait(usualExpiry * time.Second)
	p.wantError(p.collect("hotel", request), 400, "expired_token")
}

// Of many that collect at once one gets the tokens.
//
// FAULTS: C11
func TestTokensAreCollectedOnce(t *testing.T) {
	p := startProvider(t, nil)
	request := p.ask("hotel", nil)
	p.answer(request, true)
	var forms []url.Values
	for range 8 {
		forms = append(forms, p.form("hotel", map[string]string{"grant_type": grantCIBA, "auth_req_id": request}))
	}
	answers := make([]answer, len(forms))
	var wg sync.WaitGroup
	for i := range forms {
		wg.Go(func() { answers[i] = p.call("POST", pathToken, "", mediaForm, []byte(forms[i].Encode())) })
	}
	wg.Wait()
	given := 0
	for _, a := range answers {
		if a.status == 200 {
			given++
		} else {
			p.wantError(a, 400, "invalid_grant")
		}
	}
	if given != 1 {
		t.Errorf("%d got the tokens", given)
	}
}

// staleSessions shows a session as it was.
type staleSessions struct {
	Sessions
	stale atomic.Pointer[zhenni.Session]
}

func (s *staleSessions) Session(id zhenni.SessionID) (zhenni.Session, error) {
	if old := s.stale.Load(); old != nil && old.ID == id {
		return *old, nil
	}
	return s.Sessions.Session(id)
}

// Of two that saw that nobody had collected yet, one gets the tokens.
//
// FAULTS: C11
func TestTokensAreCollectedByOne(t *testing.T) {
	sessions := &staleSessions{}
	p := startProvider(t, func(c *Config) { sessions.Sessions, c.Sessions = c.Sessions, sessions })
	request := p.ask("hotel", nil)
	p.answer(request, true)
	id, err := zhenni.ParseSessionID(request[:32])
	if err != nil {
		t.Fatal(err)
	}
	seen, _ := p.book.Session(id)
	sessions.stale.Store(&seen)
	wantStatus(t, p.collect("hotel", request), 200)
	p.wantError(p.collect("hotel", request), 400, "invalid_grant")
}

// What a client asks for wrongly is told in the words of the specifications.
func TestCIBARefusals(t *testing.T) {
	p := startProvider(t, nil)
	for name, c := range map[string]struct {
		change map[string]string
		code   string
	}{
		"no scope":           {map[string]string{"scope": ""}, "invalid_scope"},
		"no openid":          {map[string]string{"scope": "service:open purpose:enter"}, "invalid_scope"},
		"no purpose":         {map[string]string{"scope": "openid service:open"}, "invalid_scope"},
		"another word":       {map[string]string{"scope": "openid service:open purpose:enter email"}, "invalid_scope"},
		"two services":       {map[string]string{"scope": "openid service:open service:full purpose:enter"}, "invalid_scope"},
		"service not had":    {map[string]string{"scope": "openid service:none purpose:enter"}, "invalid_scope"},
		"purpose not had":    {map[string]string{"scope": "openid service:open purpose:none"}, "invalid_scope"},
		"no hint":            {map[string]string{"login_hint": ""}, "invalid_request"},
		"a name for a hint":  {map[string]string{"login_hint": "zhang@example.com"}, "invalid_request"},
		"another hint":       {map[string]string{"login_hint_token": "x"}, "invalid_request"},
		"an ID token":        {map[string]string{"id_token_hint": "x"}, "invalid_request"},
		"a signed request":   {map[string]string{"request": "x"}, "invalid_request"},
		"a long message":     {map[string]string{"binding_message": strings.Repeat("真", 65)}, "invalid_binding_message"},
		"a turned message":   {map[string]string{"binding_message": "a\u202eb"}, "invalid_binding_message"},
		"no time":            {map[string]string{"requested_expiry": "0"}, "invalid_request"},
		"a word for a time":  {map[string]string{"requested_expiry": "soon"}, "invalid_request"},
		"a time beyond time": {map[string]string{"requested_expiry": "99999999999999999999"}, "invalid_request"},
	} {
		a := p.send(pathAuthorize, p.form("hotel", wanted(c.change)))
		if a.status != 400 || member[string](t, a, "error") != c.code {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	p.wantError(p.send(pathAuthorize, p.form("bank", wanted(nil))), 400, "invalid_request") // is pinged, and names no token
	p.wantError(p.send(pathToken, p.form("hotel", map[string]string{"grant_type": "client_credentials"})), 400, "unsupported_grant_type")
	if a := p.call("POST", pathToken, "", mediaJSON, []byte(`{}`)); a.status != 415 {
		t.Errorf("a document: %d %s", a.status, a.body)
	}
	if a := p.call("POST", pathToken, "", mediaForm, []byte(strings.Repeat("a", maxForm+1))); a.status != 413 {
		t.Errorf("a long form: %d %s", a.status, a.body)
	}
}

// How long a request is good for is what was asked for, within bounds.
func TestCIBAExpiry(t *testing.T) {
	p := startProvider(t, nil)
	for i, c := range []struct {
		wanted string
		want   int
	}{{"", 300}, {"1", 30}, {"120", 120}, {"86400", 600}} {
		hint := map[string]string{"requested_expiry": c.wanted, "login_hint": testID(50 + i).String()}
		a := wantStatus(t, p.send(pathAuthorize, p.form("hotel", wanted(hint))), 200)
		if got := member[int](t, a, "expires_in"); got != c.want || member[int](t, a, "interval") != 5 {
			t.Errorf("%q: %s", c.wanted, a.body)
		}
	}
}

// So many requests of a client wait for one person, there or not; another client's, and those that have ended, do not count.
func TestCIBADoesNotPester(t *testing.T) {
	p := startProvider(t, nil)
	for _, who := range []int{1, 77} {
		hint := map[string]string{"login_hint": testID(who).String()}
		for range maxRequests - 1 {
			p.ask("hotel", hint)
		}
		last, again := p.form("hotel", wanted(hint)), p.form("hotel", wanted(hint))
		once := string(wantStatus(t, p.call("POST", pathAuthorize, "", mediaForm, []byte(last.Encode()), "Transaction-Id: last"+strconv.Itoa(who)), 200).body)
		if a := p.call("POST", pathAuthorize, "", mediaForm, []byte(again.Encode()), "Transaction-Id: last"+strconv.Itoa(who)); a.status != 200 || string(a.body) != once {
			t.Errorf("the last one, sent again: %d %s, want %s", a.status, a.body, once)
		}
		p.wantError(p.send(pathAuthorize, p.form("hotel", wanted(hint))), 403, "access_denied")
		p.ask("bank", map[string]string{"login_hint": testID(who).String(), "client_notification_token": "n"})
	}
	p.wait(usualExpiry * time.Second)
	p.ask("hotel", nil)
}

// As many wait where a client asks many times at once.
func TestCIBADoesNotPesterAtOnce(t *testing.T) {
	p := startProvider(t, nil)
	p.book.slow = func() { // as a disk is: meanwhile the others look how many wait
		for range 20000 {
			runtime.Gosched()
		}
	}
	var begun atomic.Int64
	var all sync.WaitGroup
	for range 4 * maxRequests {
		form := p.form("hotel", wanted(nil))
		all.Go(func() {
			if p.send(pathAuthorize, form).status == 200 {
				begun.Add(1)
			}
		})
	}
	all.Wait()
	if begun.Load() != maxRequests {
		t.Errorf("%d requests wait for one person, want %d", begun.Load(), maxRequests)
	}
}

// The phone shows what is on the client's screen.
func TestCIBABindingMessage(t *testing.T) {
	p := startProvider(t, nil)
	id := p.seat(p.ask("hotel", map[string]string{"binding_message": "转账 4711"}))
	a := wantStatus(t, p.at("GET", id.String(), "/seats/0", phoneToken.String(), ""), 200)
	if member[string](t, a, "message") != "转账 4711" || member[string](t, a, "kind") != "remote" || member[string](t, a, "party") != "hotel" {
		t.Errorf("%s", a.body)
	}
}

// The metadata name this server's routes, and what a client is told is so.
func TestOpenIDConfiguration(t *testing.T) {
	p := startProvider(t, nil)
	a := wantStatus(t, p.call("GET", "/.well-known/openid-configuration", "", "", nil), 200)
	p.described("GET", "/.well-known/openid-configuration", a)
	for name, want := range map[string]string{
		"issuer": testProvider, "token_endpoint": testProvider + "/token", "backchannel_authentication_endpoint": testProvider + "/bc-authorize",
		"jwks_uri": testProvider + "/.well-known/jwks.json",
	} {
		if got := member[string](t, a, name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := member[[]string](t, a, "id_token_signing_alg_values_supported"); len(got) != 1 || got[0] != "EdDSA" {
		t.Errorf("%v", got)
	}
	keys := wantStatus(t, p.call("GET", "/.well-known/jwks.json", "", "", nil), 200)
	for _, key := range member[[]map[string]string](t, keys, "keys") {
		if key["use"] != "sig" || key["alg"] != "EdDSA" || key["kid"] == "" {
			t.Errorf("%v", key)
		}
	}
}

// A service that could not keep what it offers is refused.
func TestCIBAConfig(t *testing.T) {
	good := func() Config {
		c, receipts := testConfig(t), testReceipts(t, receipt.Ed25519, 1)
		c.Sessions, c.Ledger, c.Receipts, c.Directory, c.Nonces = hostedSessions{}, openLedger(t, t.TempDir(), &leafLog{}), receipts, &fakeDirectory{}, openNonces(t, 1)
		c.CIBA = &CIBA{Issuer: testProvider, Tokens: receipts, Ping: map[string]string{"bank": "https://bank.example/ping/"}}
		return c.WithDefaults()
	}
	if err := good().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Config){
		"plain": func(c *Config) { c.CIBA.Issuer = "http://zhenni.example" }, "slash": func(c *Config) { c.CIBA.Issuer += "/" },
		"query": func(c *Config) { c.CIBA.Issuer += "?a" }, "name": func(c *Config) { c.CIBA.Issuer = "zhenni" },
		"sm2":      func(c *Config) { c.CIBA.Tokens = testReceipts(t, receipt.SM2, 1) },
		"ledger":   func(c *Config) { c.Ledger = nil },
		"sessions": func(c *Config) { c.Sessions = nil },
		"nonces":   func(c *Config) { c.Nonces = nil },
		"ping":     func(c *Config) { c.CIBA.Ping["bank"] = "http://bank.example/ping" },
	} {
		c := good()
		if spoil(&c); c.Validate() == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
