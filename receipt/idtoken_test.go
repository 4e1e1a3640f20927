package receipt

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"zhenni"
)

func tokenIssuer(t testing.TB, a Algorithm) *Issuer {
	t.Helper()
	i, err := NewIssuer("https://zhenni.example", testPseudonyms(t, 1), nil, testSigner(t, a, 1))
	return must(t, i, err)
}

// An ID token says what its result says, to the same party, and is signed by the published key.
func TestIDToken(t *testing.T) {
	for _, a := range []Algorithm{Ed25519, ES256} {
		issuer, signer := tokenIssuer(t, a), testSigner(t, a, 1)
		yes := aYes()
		yes.Methods = append(yes.Methods, "document")
		at := yes.At.Add(3 * time.Second)
		token, err := issuer.IDToken([]byte(mustSign(t, signer, yes)), "req-1", "access", at)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(string(token), ".")
		if signature, err := urlBase64.DecodeString(parts[2]); err != nil || !signer.Key().verify([]byte(parts[0]+"."+parts[1]), signature) {
			t.Fatalf("%s: its signature does not verify: %v", a, err)
		}
		var head, claims map[string]any
		for i, into := range []*map[string]any{&head, &claims} {
			text, err := urlBase64.DecodeString(parts[i])
			if err = errors.Join(err, json.Unmarshal(text, into)); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}
		if head["alg"] != issuer.IDTokenAlgorithm() || head["kid"] != signer.Key().ID() || head["typ"] != "JWT" {
			t.Errorf("%v", head)
		}
		for name, want := range map[string]any{
			"iss": "https://zhenni.example", "aud": "bank", "sub": yes.Subject, "acr": "full", "txn": "t-1",
			"iat": float64(at.Unix()), "exp": float64(at.Add(IDTokenLifetime).Unix()), "auth_time": float64(yes.At.Unix()),
			"urn:openid:params:jwt:claim:auth_req_id": "req-1",
		} {
			if claims[name] != want {
				t.Errorf("%s: %v, want %v", name, claims[name], want)
			}
		}
		if amr, _ := claims["amr"].([]any); len(amr) != 2 || amr[0] != "face" || amr[1] != "pin" {
			t.Errorf("amr %v", claims["amr"])
		}
		if len(claims) != 11 {
			t.Errorf("%d claims: %v", len(claims), claims)
		}
		if _, _, err := Open(string(token), Keys{signer.Key()}); !errors.Is(err, zhenni.ErrBadResult) {
			t.Errorf("an ID token is taken for a result: %v", err)
		}
	}
}

// Nothing but a real person's yes becomes an ID token.
func TestIDTokenOfAYesAlone(t *testing.T) {
	issuer, signer := tokenIssuer(t, Ed25519), testSigner(t, Ed25519, 1)
	trial, foreign, batch := aYes(), aYes(), aBatch()
	trial.Evaluation, foreign.Issuer = true, "https://other.example"
	yes := mustSign(t, signer, aYes())
	for name, result := range map[string]string{
		"a no": mustSign(t, signer, aNo()), "a trial": mustSign(t, signer, trial), "another issuer's": mustSign(t, signer, foreign),
		"a batch": mustSign(t, signer, batch), "another key's": mustSign(t, testSigner(t, Ed25519, 2), aYes()),
		"nothing": "", "cut": yes[:len(yes)-1],
	} {
		if token, err := issuer.IDToken([]byte(result), "r", "a", testTime); !errors.Is(err, zhenni.ErrBadResult) || token != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := issuer.IDToken([]byte(yes), "r", "a", testTime.Add(-time.Minute)); !errors.Is(err, zhenni.ErrBadResult) {
		t.Errorf("before the result: %v", err)
	}
	sm2 := tokenIssuer(t, SM2)
	if _, err := sm2.IDToken([]byte(mustSign(t, testSigner(t, SM2, 1), aYes())), "r", "a", testTime); !errors.Is(err, zhenni.ErrUnavailable) || sm2.IDTokenAlgorithm() != "" {
		t.Errorf("by SM2: %v", err)
	}
}

// The example of OpenID Connect Core 1.0, appendix A.3.
func TestAccessHash(t *testing.T) {
	if got := accessHash(ES256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"); got != "77QmUPtjPfzWtF2AnpK9RQ" {
		t.Errorf("%s", got)
	}
}
