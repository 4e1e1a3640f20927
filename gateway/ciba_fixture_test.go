package gateway

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"maps"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/evidence"
	"zhenni/receipt"
	"zhenni/storage/nonce"
)

const testProvider = "https://zhenni.example"

// provider is an office that is an OpenID provider, whose clients are "hotel" and, with an endpoint, "bank".
type provider struct {
	*office
	clients   map[string]crypto.Signer
	asserted  int
	directory *fakeDirectory
}

func startProvider(t testing.TB, change func(*Config)) *provider {
	t.Helper()
	p := &provider{clients: map[string]crypto.Signer{"hotel": edwardsKey("hotel"), "bank": nistKey(t, "bank")}, directory: &fakeDirectory{}}
	p.office = startOffice(t, func(c *Config) {
		store, err := nonce.Open(nonce.Options{Now: testNow(), Fresh: true, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		receipts := testReceipts(t, receipt.Ed25519, 1)
		c.Nonces, c.Directory, c.Receipts, c.Ledger = store, p.directory, receipts, openLedger(t, t.TempDir(), &leafLog{})
		c.CIBA = &CIBA{Issuer: testProvider, Tokens: receipts, Ping: map[string]string{"bank": "https://bank.example/ping"}}
		if change != nil {
			change(c)
		}
	})
	p.directory.node = p.node
	for id, key := range p.clients {
		party := p.node.parties["hotel"]
		party.ID, party.KeyHash, party.Keys = id, keyOf(id).Hash(), []zhenni.PartyKey{{Public: publicOf(t, key)}}
		p.node.parties[id] = party
	}
	return p
}

// claims of an assertion of a client, as it should be.
func (p *provider) claims(client string) map[string]any {
	p.asserted++
	now := p.now().Unix()
	return map[string]any{"iss": client, "sub": client, "aud": testProvider, "iat": now, "exp": now + 60, "jti": "assertion-" + itoa(p.asserted)}
}

// assert signs an assertion; change changes its head and claims first.
func (p *provider) assert(client string, change func(head, claims map[string]any)) string {
	p.t.Helper()
	key := p.clients[client]
	head, claims := map[string]any{"alg": "EdDSA", "kid": publicOf(p.t, key).ID()}, p.claims(client)
	if _, nist := key.(*ecdsa.PrivateKey); nist {
		head["alg"] = "ES256"
	}
	if change != nil {
		change(head, claims)
	}
	var parts []string
	for _, part := range []any{head, claims} {
		text, err := json.Marshal(part)
		if err != nil {
			p.t.Fatal(err)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(text))
	}
	message := strings.Join(parts, ".")
	return message + "." + base64.RawURLEncoding.EncodeToString(joseSignature(p.t, key, message))
}

func joseSignature(t testing.TB, key crypto.Signer, message string) []byte {
	t.Helper()
	if private, ok := key.(ed25519.PrivateKey); ok {
		return ed25519.Sign(private, []byte(message))
	}
	sum := sha256.Sum256([]byte(message))
	der, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &pair); err != nil {
		t.Fatal(err)
	}
	return append(pair.R.FillBytes(make([]byte, 32)), pair.S.FillBytes(make([]byte, 32))...)
}

// form is what a client sends.
func (p *provider) form(client string, more map[string]string) url.Values {
	form := url.Values{"client_assertion_type": {assertionType}, "client_assertion": {p.assert(client, nil)}}
	for name, value := range more {
		form.Set(name, value)
	}
	return form
}

// send sends a form and holds the answer to the description.
func (p *provider) send(path string, form url.Values) answer {
	p.t.Helper()
	a := p.call("POST", path, "", mediaForm, []byte(form.Encode()))
	p.described("POST", path, a)
	return a
}

// wanted are the parameters of a request for the first credential, with changes.
func wanted(change map[string]string) map[string]string {
	f := map[string]string{"scope": "openid service:open purpose:enter", "login_hint": testID(1).String(), "binding_message": "W4-SCT"}
	maps.Copy(f, change)
	return f
}

// ask makes a request and returns its id.
func (p *provider) ask(client string, change map[string]string) string {
	p.t.Helper()
	a := wantStatus(p.t, p.send(pathAuthorize, p.form(client, wanted(change))), 200)
	return member[string](p.t, a, "auth_req_id")
}

// collect asks for the tokens of a request.
func (p *provider) collect(client, request string) answer {
	p.t.Helper()
	return p.send(pathToken, p.form(client, map[string]string{"grant_type": grantCIBA, "auth_req_id": request}))
}

// wantError holds an answer to an error of OAuth.
func (p *provider) wantError(a answer, status int, code string) {
	p.t.Helper()
	if a.status != status || member[string](p.t, a, "error") != code {
		p.t.Errorf("%d %s, want %d %s", a.status, a.body, status, code)
	}
}

// seat opens the seat of a request as its phone and returns the session.
func (p *provider) seat(request string) zhenni.SessionID {
	p.t.Helper()
	id, err := zhenni.ParseSessionID(request[:32])
	if err != nil {
		p.t.Fatal(err)
	}
	session, _ := p.book.Session(id)
	document := p.opening(id.String(), "0", func(c *evidence.Claims) { c.Party = session.Party })
	wantStatus(p.t, p.at("POST", id.String(), "/seats/0/open", session.SeatToken(0).String(), document), 200)
	return id
}

// answer answers a request as its phone, with a face that matches or not.
func (p *provider) answer(request string, match bool) {
	p.t.Helper()
	id := p.seat(request)
	for range 3 {
		a := p.at("POST", id.String(), "/seats/0/answer", phoneToken.String(), `{"probe_int8":"`+int8Probe(testDim, match)+`"}`)
		if a.status == 409 || match {
			return
		}
		wantStatus(p.t, a, 200)
	}
}

const pollPause = pollInterval + time.Second
