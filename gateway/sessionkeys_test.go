package gateway

import (
	"bytes"
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"zhenni"
	"zhenni/gateway/httpsig"
)

// sessionRequest asks for a session key with an X25519 key of the client's.
func sessionRequest(private *ecdh.PrivateKey) signedRequest {
	public := base64.StdEncoding.EncodeToString(private.PublicKey().Bytes())
	return signedRequest{method: "POST", path: "/v1/session-keys", host: "x", body: `{"public_key":"` + public + `"}`}
}

var jsonField = httpsig.Field{Name: "content-type", Value: []byte(mediaJSON)}

func exchangeKey(t testing.TB, seed byte) *ecdh.PrivateKey {
	t.Helper()
	private, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{seed}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// sessionKey asks for a session key and returns what signs with it.
func (f *signedFixture) sessionKey(by *httpsig.Signer) *httpsig.Signer {
	f.t.Helper()
	private := exchangeKey(f.t, 7)
	a := f.send(signMessage(f.t, by, f.stamp(), sessionRequest(private), jsonField))
	if a.status != 201 {
		f.t.Fatalf("%d %s", a.status, a.body)
	}
	return sessionSigner(f.t, private, a)
}

func sessionSigner(t testing.TB, private *ecdh.PrivateKey, a answer) *httpsig.Signer {
	t.Helper()
	var given struct {
		KeyID     string    `json:"key_id"`
		PublicKey []byte    `json:"public_key"`
		Expires   time.Time `json:"expires"`
	}
	if err := json.Unmarshal(a.body, &given); err != nil {
		t.Fatal(err)
	}
	if left := given.Expires.Sub(testClock); left <= 0 || left > time.Hour {
		t.Errorf("it lasts %v", left)
	}
	secret, err := httpsig.SessionSecret(private, private.PublicKey().Bytes(), given.PublicKey, given.KeyID)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(a.body, []byte(base64.StdEncoding.EncodeToString(secret))) {
		t.Error("the secret is in the answer")
	}
	signer, err := httpsig.NewHMACSigner(given.KeyID, secret)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// A session key signs many requests, each once, for its party and for as long as that has what it asked for it with.
//
// FAULTS: A7 A9 A17
func TestSessionKeys(t *testing.T) {
	var now atomic.Int64
	now.Store(testClock.Unix())
	f := startSigning(t, func(c *Config) { c.Now = func() time.Time { return time.Unix(now.Load(), 0) } })
	first, second := f.sessionKey(f.hotel), f.sessionKey(f.hotelP256)
	var last signedRequest
	for range 5 {
		last = f.question(first, f.stamp())
		if a := f.send(last); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	other := f.sessionKey(f.registry)
	for name, tt := range map[string]struct {
		m      signedRequest
		status int
		code   string
	}{
		"the same nonce":               {last, 401, "signature_replayed"},
		"another session of the party": {f.question(second, f.stamp()), 200, ""},
		"another party's session":      {f.question(other, f.stamp()), 403, "forbidden"},
		"under another id":             {f.question(other, f.stamp()).with(other.Key().ID(), first.Key().ID()), 401, "session_key_unknown"},
		"an id that nobody has":        {f.question(first, f.stamp()).with(first.Key().ID(), "s.AAAAAAAAAAAAAAAAAAAAAA"), 401, "session_key_unknown"},
		"another alg":                  {f.question(first, f.stamp()).with(`;tag=`, `;alg="ed25519";tag=`), 401, "session_key_unknown"},
		"another body":                 {f.question(first, f.stamp()).withBody("{}"), 401, "digest_mismatch"},
		"a session by a session":       {signMessage(t, first, f.stamp(), sessionRequest(exchangeKey(t, 7)), jsonField), 403, "session_key_not_given"},
	} {
		if a := f.send(tt.m); a.status != tt.status || a.code() != tt.code {
			t.Errorf("%s: %d %s", name, a.status, a.code())
		}
	}
	hotel, _ := f.node.RelyingParty("hotel")
	hotel.Keys = hotel.Keys[1:] // the first session was asked for with the key that is gone
	f.put(hotel)
	if a := f.send(f.question(first, f.stamp())); a.code() != "session_key_unknown" {
		t.Errorf("after its key was taken away: %d %s", a.status, a.body)
	}
	if a := f.send(f.question(second, f.stamp())); a.status != 200 {
		t.Errorf("after another key was taken away: %d %s", a.status, a.body)
	}
	now.Add(3601)
	stamp := f.stamp()
	stamp.Created = time.Unix(now.Load(), 0)
	if a := f.send(f.question(second, stamp)); a.code() != "session_key_unknown" {
		t.Errorf("after its time: %d %s", a.status, a.body)
	}
}

func (m signedRequest) withBody(body string) signedRequest {
	m.body = body
	return m
}

// After a restart the party is told to ask for another.
func TestSessionKeysEndWithTheProcess(t *testing.T) {
	dir := t.TempDir()
	f := startSigningIn(t, dir, true, nil)
	signer := f.sessionKey(f.hotel)
	again := startSigningIn(t, dir, false, nil)
	a := again.send(f.question(signer, f.stamp()))
	if a.status != 401 || a.code() != "session_key_unknown" || !strings.Contains(string(a.body), "Ask for another") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// A session key is given for a public key or a certificate, in its one form, and never without entropy.
func TestSessionKeysAreNotGiven(t *testing.T) {
	f := startSigning(t, nil)
	good := sessionRequest(exchangeKey(t, 7))
	if a := f.call("POST", "/v1/session-keys", "verifier", mediaJSON, []byte(good.body)); a.status != 403 || a.code() != "session_key_not_given" {
		t.Errorf("an API key: %d %s", a.status, a.body)
	}
	for name, body := range map[string]string{
		"nothing": "{}", "a number": `{"public_key":7}`, "short": `{"public_key":"AAAA"}`, "more": strings.Replace(good.body, "{", `{"secret":"x",`, 1),
		"small order": `{"public_key":"` + base64.StdEncoding.EncodeToString(make([]byte, 32)) + `"}`,
	} {
		m := signedRequest{method: "POST", path: "/v1/session-keys", host: "x", body: body}
		if a := f.send(signMessage(t, f.hotel, f.stamp(), m, jsonField)); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := f.send(signMessage(t, f.hotel, f.stamp(), good)); a.status != 415 {
		t.Errorf("no media type: %d", a.status)
	}
	dry := startSigning(t, func(c *Config) { c.Entropy = iotest.ErrReader(errors.New("x")) })
	m := signMessage(t, dry.hotel, dry.stamp(), good, jsonField, httpsig.Field{Name: "transaction-id", Value: []byte("t-1")})
	if a := dry.send(m); a.status != 503 {
		t.Errorf("no entropy: %d %s", a.status, a.body)
	}
}

// A party has at most sixteen session keys, of which the oldest ends; all parties have a bound together.
func TestSessionsAreBounded(t *testing.T) {
	var table sessionKeys
	add := func(party, id string, expires time.Time) error {
		key, err := httpsig.NewHMAC(id, make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		return table.add(&sessionKey{party: party, key: key, expires: expires}, testClock)
	}
	for i := range maxPartySessionKeys + 1 {
		if err := add("a", "s."+itoa(i), testClock); err != nil {
			t.Fatal(err)
		}
	}
	if table.find([]byte("s.0")) != nil || table.find([]byte("s.1")) == nil || len(table.byID) != maxPartySessionKeys {
		t.Errorf("%d sessions", len(table.byID))
	}
	for i := 0; len(table.byID) < maxSessionKeys; i++ {
		if err := add("p"+itoa(i/maxPartySessionKeys), "s.p"+itoa(i), testClock.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if err := add("z", "s.z", testClock); !errors.Is(err, zhenni.ErrOverloaded) {
		t.Errorf("one more: %v", err)
	}
	table.dropEnded(testClock.Add(time.Second))
	if err := add("z", "s.z", testClock); err != nil || table.find([]byte("s.1")) != nil || len(table.byParty["a"]) != 0 {
		t.Errorf("after the ended are gone: %v", err)
	}
}

func TestSessionKeyIsAsDescribed(t *testing.T) {
	doc := loadDescription(t)
	f := startSigning(t, nil)
	m := signMessage(t, f.hotel, f.stamp(), sessionRequest(exchangeKey(t, 7)), jsonField)
	checkDescribed(t, doc, "POST", "/v1/session-keys", f.send(m))
	checkDescribed(t, doc, "POST", "/v1/session-keys", f.send(m))
	checkDescribed(t, doc, "POST", "/v1/session-keys", f.call("POST", "/v1/session-keys", "verifier", mediaJSON, []byte(m.body)))
}
