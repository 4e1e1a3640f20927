package gateway

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"zhenni"
)

// Whoever does not prove to be a client is none, by whichever part the assertion is wrong.
//
// FAULTS: A2 A3 A7
func TestClientsThatAreNone(t *testing.T) {
	p := startProvider(t, nil)
	now := p.now().Unix()
	for name, change := range map[string]func(head, claims map[string]any){
		"no alg":           func(h, _ map[string]any) { h["alg"] = "none" },
		"another alg":      func(h, _ map[string]any) { h["alg"] = "ES256" },
		"a secret's alg":   func(h, _ map[string]any) { h["alg"] = "HS256" },
		"no key":           func(h, _ map[string]any) { delete(h, "kid") },
		"an unknown key":   func(h, _ map[string]any) { h["kid"] = publicOf(t, edwardsKey("nobody")).ID() },
		"another's key":    func(h, _ map[string]any) { h["kid"] = publicOf(t, p.clients["bank"]).ID() },
		"critical":         func(h, _ map[string]any) { h["crit"] = []string{"x"} },
		"another":          func(_, c map[string]any) { c["iss"], c["sub"] = "bank", "bank" },
		"of another":       func(_, c map[string]any) { c["sub"] = "bank" },
		"to another":       func(_, c map[string]any) { c["aud"] = "https://other.example" },
		"to many":          func(_, c map[string]any) { c["aud"] = []string{testProvider, "https://other.example"} },
		"to nobody":        func(_, c map[string]any) { c["aud"] = []string{} },
		"no aud":           func(_, c map[string]any) { delete(c, "aud") },
		"no jti":           func(_, c map[string]any) { delete(c, "jti") },
		"a long jti":       func(_, c map[string]any) { c["jti"] = strings.Repeat("j", maxJTI+1) },
		"no iat":           func(_, c map[string]any) { delete(c, "iat") },
		"no exp":           func(_, c map[string]any) { delete(c, "exp") },
		"ended":            func(_, c map[string]any) { c["iat"], c["exp"] = now-20, now },
		"made long ago":    func(_, c map[string]any) { c["iat"], c["exp"] = now-60, now+60 },
		"of the future":    func(_, c map[string]any) { c["iat"], c["exp"] = now+7, now+60 },
		"not yet":          func(_, c map[string]any) { c["nbf"] = now + 7 },
		"for long":         func(_, c map[string]any) { c["exp"] = now + 301 },
		"ends before":      func(_, c map[string]any) { c["exp"] = now - 1 },
		"beyond time":      func(_, c map[string]any) { c["exp"] = int64(1) << 62 },
		"a broken time":    func(_, c map[string]any) { c["iat"] = float64(now) + 0.5 },
		"a time in quotes": func(_, c map[string]any) { c["iat"] = itoa(int(now)) },
	} {
		form := p.form("hotel", wanted(nil))
		form.Set("client_assertion", p.assert("hotel", change))
		if a := p.send(pathAuthorize, form); a.status != 401 || member[string](t, a, "error") != "invalid_client" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for name, change := range map[string]func(url.Values){
		"no assertion": func(f url.Values) { f.Del("client_assertion") },
		"no type":      func(f url.Values) { f.Del("client_assertion_type") },
		"nothing": func(f url.Values) {
			f.Del("client_assertion")
			f.Del("client_assertion_type")
			f.Set("client_id", "hotel")
		},
		"another client": func(f url.Values) { f.Set("client_id", "bank") },
		"cut":            func(f url.Values) { f.Set("client_assertion", f.Get("client_assertion")[:200]) },
		"turned":         func(f url.Values) { a := f.Get("client_assertion"); f.Set("client_assertion", a[:len(a)-8]+"AAAAAAAA") },
	} {
		form := p.form("hotel", wanted(nil))
		change(form)
		if a := p.send(pathAuthorize, form); a.status != 401 || member[string](t, a, "error") != "invalid_client" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	key := "Authorization: Bearer " + keyOf("hotel").String()
	p.wantError(p.call("POST", pathToken, "", mediaForm, []byte("grant_type="+grantCIBA+"&auth_req_id=x"), key), 401, "invalid_client")
}

// An assertion is taken once, and for no longer than a minute after it was made.
//
// FAULTS: A8 A9
func TestAssertionsAreTakenOnce(t *testing.T) {
	p := startProvider(t, nil)
	form := p.form("hotel", wanted(nil))
	wantStatus(t, p.send(pathAuthorize, form), 200)
	p.wantError(p.send(pathAuthorize, form), 401, "invalid_client")
	form.Set("client_assertion", p.assert("hotel", func(_, c map[string]any) { c["exp"] = p.now().Unix() + 300 }))
	p.wait(assertionTaken)
	p.wantError(p.send(pathAuthorize, form), 401, "invalid_client")
}

// A party that may not ask for anybody is no client for this.
func TestClientsThatMayNot(t *testing.T) {
	p := startProvider(t, nil)
	good := p.node.parties["hotel"]
	for name, change := range map[string]func(){
		"no verifier": func() { party := good; party.Roles = 0; p.node.parties["hotel"] = party },
		"suspended":   func() { party := good; party.Suspended = true; p.node.parties["hotel"] = party },
		"a trial":     func() { party := good; party.Evaluation = true; p.node.parties["hotel"] = party },
	} {
		change()
		if a := p.send(pathAuthorize, p.form("hotel", wanted(nil))); a.status != 400 || member[string](t, a, "error") != "unauthorized_client" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	retired := good
	retired.Keys = append(retired.Keys[:0:0], good.Keys...)
	retired.Keys[0].NotAfter = p.now().Add(-time.Second)
	p.node.parties["hotel"] = retired
	p.wantError(p.send(pathAuthorize, p.form("hotel", wanted(nil))), 401, "invalid_client")
}

// A form has one reading.
func TestForms(t *testing.T) {
	for text, want := range map[string]parameters{
		"": {}, "a=1&b=2": {"a": "1", "b": "2"}, "a=1+2%33": {"a": "1 23"}, "a=&b": {}, "a=b=c": {"a": "b=c"}, "%61=%E7%9C%9F": {"a": "真"},
	} {
		if got, err := parseForm([]byte(text)); err != nil || !maps.Equal(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"a=1&a=2", "a=1&%61=1", "a=&a=1", "a=%zz", "a=%", "a=%ff", "a=%00", "a=1;b=2", "a=%0a", strings.Repeat("&", maxParameters),
	} {
		var told *oauthError
		if got, err := parseForm([]byte(text)); !errors.As(err, &told) || told.Code != "invalid_request" {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

// FuzzForm: what is read is written and read again as the same.
func FuzzForm(f *testing.F) {
	for _, text := range []string{"", "a=1&b=2", "a=1+2%33&b=%E7%9C%9F", "a=1&a=2", "a=%zz", "scope=openid&&x"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parseForm(body)
		if err != nil {
			var told *oauthError
			if !errors.As(err, &told) || told.Code != "invalid_request" {
				t.Error(err)
			}
			return
		}
		values := url.Values{}
		for name, value := range got {
			values.Set(name, value)
		}
		if again, err := parseForm([]byte(values.Encode())); err != nil || !maps.Equal(got, again) {
			t.Errorf("%q is read as %v, then %v, %v", body, got, again, err)
		}
	})
}

// FuzzAssertion: what is read is bounded, and says all that is checked.
func FuzzAssertion(f *testing.F) {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	f.Add(part(`{"alg":"EdDSA","kid":"k"}`) + "." + part(`{"iss":"a","sub":"a","aud":"b","jti":"c","iat":1,"exp":2}`) + "." + part("signature"))
	f.Add(part(`{"alg":"EdDSA","kid":"k","crit":[]}`) + "." + part(`{"aud":["b"],"jti":"c","iat":-1,"exp":2}`) + ".")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAssertion(text)
		if err != nil {
			return
		}
		if len(text) > maxAssertion || a.claims.Name == "" || a.claims.Expires == nil || a.claims.IssuedAt == nil || a.head.Critical != nil {
			t.Errorf("%q is read", text)
		}
		if err := a.check(testProvider, "", time.Unix(0, 0)); err == nil && (a.claims.Issuer != a.claims.Subject || !a.until().After(time.Unix(0, 0))) {
			t.Errorf("%q is taken", text)
		}
	})
}

// A client may be known by its certificate, and then says who it is; by another's it is nobody.
func TestClientsByCertificate(t *testing.T) {
	ca := newAuthority(t, "ca")
	certFile, keyFile, pool := certificate(t)
	p := startProvider(t, func(c *Config) { c.TLSCert, c.TLSKey, c.ClientCA = certFile, keyFile, ca.file() })
	shown, hash := ca.issue(testNow().Add(-time.Hour), testNow().Add(time.Hour), x509.ExtKeyUsageClientAuth)
	party := p.node.parties["hotel"]
	party.Certificates = []zhenni.PartyCertificate{{Hash: hash}}
	p.node.parties["hotel"] = party
	conn := tls.Client(p.dial(), &tls.Config{ServerName: "localhost", RootCAs: pool, Certificates: []tls.Certificate{*shown}})
	reader := bufio.NewReader(conn)
	for _, c := range []struct {
		fields map[string]string
		status int
	}{
		{map[string]string{"client_id": "hotel"}, 200},
		{map[string]string{"client_id": "bank"}, 401},
		{map[string]string{}, 401},
		{map[string]string{"client_assertion_type": assertionType, "client_assertion": p.assert("bank", nil), "client_id": "bank"}, 401},
		{map[string]string{"client_assertion_type": assertionType, "client_assertion": p.assert("hotel", nil)}, 200},
	} {
		form := url.Values{}
		for name, value := range wanted(c.fields) {
			form.Set(name, value)
		}
		body := form.Encode()
		head := "POST " + pathAuthorize + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + mediaForm + "\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n"
		if _, err := conn.Write([]byte(head + body)); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != c.status {
			t.Errorf("%v: %d %s %v, want %d", c.fields, response.StatusCode, text, err, c.status)
		}
	}
}
