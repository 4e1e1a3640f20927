package httpsig

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"zhenni"
)

// inPEM is a private key as PKCS #8 in PEM.
func inPEM(t *testing.T, private any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(t, der, err)}))
}

func TestParseSigner(t *testing.T) {
	edwards, nist := edSigner(t, 1), ecSigner(t, 1)
	public, err := edwards.key.JWK()
	withD := func(d string) string {
		return strings.Replace(string(must(t, public, err)), "{", `{"d":"`+d+`",`, 1)
	}
	seed := urlBase64.EncodeToString(edwards.edwards.Seed())
	// The key of RFC 7517, appendix A.2.
	p256 := `{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE","key_ops":["sign"]}`
	for name, tt := range map[string]struct{ document, id string }{
		"Ed25519 in PEM":        {inPEM(t, edwards.edwards), edwards.key.id},
		"P-256 in PEM":          {inPEM(t, nist.nist), nist.key.id},
		"Ed25519 as JWK":        {withD(seed), edwards.key.id},
		"P-256 as JWK":          {p256, "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"},
		"another's public half": {withD(urlBase64.EncodeToString(edSigner(t, 2).edwards.Seed())), ""},
		"a public key":          {string(public), ""},
		"short":                 {withD(seed[1:]), ""},
		"another curve":         {strings.Replace(p256, "P-256", "P-384", 1), ""},
		"zero":                  {strings.Replace(p256, "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE", strings.Repeat("A", 43), 1), ""},
		"nothing":               {"", ""},
		"a certificate":         {strings.ReplaceAll(inPEM(t, nist.nist), "PRIVATE KEY", "CERTIFICATE"), ""},
		"long":                  {strings.Repeat(" ", maxJWK) + p256, ""},
		"RSA":                   {rsaInPEM(t), ""},
	} {
		s, err := ParseSigner([]byte(tt.document))
		if tt.id != "" && (err != nil || s.Key().ID() != tt.id) {
			t.Errorf("%s: %v, %v", name, s, err)
		}
		if tt.id == "" && (s != nil || !errors.Is(err, zhenni.ErrBadValue) || strings.Contains(err.Error(), seed)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func rsaInPEM(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	return inPEM(t, must(t, key, err))
}
