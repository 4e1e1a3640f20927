package httpsig

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"zhenni"
)

// The points of order 1, 2, 4 and 8 in every form there is, points beyond the field and off the curve.
//
// FAULTS: A19
func TestEdwardsKeysThatAreRefused(t *testing.T) {
	for _, e := range []struct{ point, reason string }{
		{"0100000000000000000000000000000000000000000000000000000000000000", "small order"},
		{"0100000000000000000000000000000000000000000000000000000000000080", "small order"},
		{"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "small order"},
		{"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "small order"},
		{"0000000000000000000000000000000000000000000000000000000000000000", "small order"},
		{"0000000000000000000000000000000000000000000000000000000000000080", "small order"},
		{"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "small order"},
		{"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", "small order"},
		{"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "small order"},
		{"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", "small order"},
		{"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "canonical form"},
		{"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "canonical form"},
		{"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "canonical form"},
		{"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "canonical form"},
		{"f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "canonical form"},
		{"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "canonical form"},
		{"0200000000000000000000000000000000000000000000000000000000000000", "not a point"},
		{"02000000000000000000000000000000000000000000000000000000000000", "31 bytes"},
		{"", "0 bytes"},
	} {
		point, err := hex.DecodeString(e.point)
		k, err := NewEd25519(must(t, point, err))
		if k != nil || !errors.Is(err, zhenni.ErrBadValue) || !strings.Contains(err.Error(), e.reason) {
			t.Errorf("%s: %v, want %s", e.point, err, e.reason)
		}
	}
}

// The arithmetic of the check agrees with the library on what is a point, for points that are canonical.
func TestEdwardsCheckAgreesWithTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		point := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "point")
		point[31] &= 0x3f // below the prime
		err := ed25519.VerifyWithOptions(point, nil, make([]byte, 64), &ed25519.Options{})
		onCurve := err == nil || !strings.Contains(err.Error(), "bad public key")
		_, err = zhenni.NewPublicKey(zhenni.KeyEd25519, point)
		if got := err == nil || strings.Contains(err.Error(), "small order"); got != onCurve {
			t.Fatalf("%x: %v, on the curve: %v", point, err, onCurve)
		}
	})
}

func TestKeysThatAreRefused(t *testing.T) {
	point := ecSigner(t, 1).key.point
	off := bytes.Clone(point)
	off[64] ^= 1
	compressed := append([]byte{2}, point[1:33]...)
	for name, point := range map[string][]byte{
		"off the curve": off, "compressed": compressed, "infinity": {0}, "none": nil, "short": point[:64], "zero": append([]byte{4}, make([]byte, 64)...),
	} {
		if k, err := NewP256(point); k != nil || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, e := range []struct {
		id   string
		size int
	}{{"k", 31}, {"k", 0}, {"", 32}, {"a b", 32}, {"a\"b\x7f", 32}, {strings.Repeat("k", 65), 32}} {
		if k, err := NewHMAC(e.id, make([]byte, e.size)); k != nil || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%q, %d bytes: %v", e.id, e.size, err)
		}
	}
}

func TestSignersThatAreRefused(t *testing.T) {
	mixed := bytes.Clone(ed25519.NewKeyFromSeed(make([]byte, 32)))
	copy(mixed[32:], edSigner(t, 2).key.edwards)
	for name, private := range map[string]ed25519.PrivateKey{"mixed": mixed, "short": mixed[:32], "none": nil} {
		if s, err := NewEd25519Signer(private); s != nil || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if s, err := NewP256Signer(must(t, p384, err)); s != nil || !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("P-384: %v", err)
	}
	if s, err := NewP256Signer(new(ecdsa.PrivateKey)); s != nil || !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("no curve: %v", err)
	}
	if s, err := NewHMACSigner("k", nil); s != nil || !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("no secret: %v", err)
	}
}

// No way of printing a key shows its secret.
func TestSecretsAreNotPrinted(t *testing.T) {
	secret := strings.Repeat("secret!!", 4)
	s, err := NewHMACSigner("session", []byte(secret))
	k := must(t, s, err).Key()
	if err := check(signed(t, s), k); err != nil { // leaves a mac in the pool
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		text := fmt.Sprintf(format, k)
		if strings.Contains(text, "secret!") || strings.Contains(text, hex.EncodeToString([]byte("secret!"))) || strings.Contains(text, "115 101 99") {
			t.Errorf("%s: %s", format, text)
		}
	}
}

// Keys and signers are shared; claims are not.
func TestKeysAreShared(t *testing.T) {
	for name, s := range testSigners(t) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				var c Claim
				for i := range 20 {
					r := testRequest()
					r.Query = fmt.Appendf(nil, "i=%d", i)
					if err := s.Sign(r, testStamp()); err != nil {
						t.Error(err)
					} else if err := c.Parse(r, testNow); err != nil {
						t.Error(err)
					} else if err := c.Verify(s.Key()); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
			})
		}
		all.Wait()
	}
}

// The HMAC that is set up once is the one of the library.
func TestHMACAgreesWithTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOfN(rapid.Byte(), MinSecret, 200).Draw(t, "secret")
		k, err := NewHMAC("k", secret)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			message := rapid.SliceOf(rapid.Byte()).Draw(t, "message")
			h := hmac.New(sha256.New, secret)
			h.Write(message)
			if !k.verify(message, h.Sum(nil)) {
				t.Fatal("refused")
			}
		}
	})
}

// r and s of any length come to the library as it reads them.
func TestShortNumbersOfECDSA(t *testing.T) {
	for _, e := range []struct{ r, s, want string }{
		{strings.Repeat("00", 32), strings.Repeat("00", 31) + "01", "3006020100020101"},
		{strings.Repeat("00", 31) + "80", strings.Repeat("00", 31) + "7f", "300702020080" + "02017f"},
		{strings.Repeat("ff", 32), strings.Repeat("7f", 32), "3045022100" + strings.Repeat("ff", 32) + "0220" + strings.Repeat("7f", 32)},
	} {
		signature, err := hex.DecodeString(e.r + e.s)
		if got := hex.EncodeToString(zhenni.AppendDER(nil, must(t, signature, err))); got != e.want {
			t.Errorf("%s, want %s", got, e.want)
		}
	}
	p := ecSigner(t, 3)
	for i := range 600 { // one in 128 is shorter than 32 bytes
		base := fmt.Appendf(nil, "message %d", i)
		signature, err := p.sign(base)
		if !p.key.verify(base, must(t, signature, err)) {
			t.Fatalf("message %d is refused", i)
		}
	}
}

// A key that is written and read is the same.
func TestJWKRoundTrip(t *testing.T) {
	for _, s := range []*Signer{edSigner(t, 1), ecSigner(t, 1)} {
		document, err := s.Key().JWK()
		k, err2 := ParseJWK(must(t, document, err))
		k = must(t, k, err2)
		if k.ID() != s.Key().ID() || k.Algorithm() != s.Key().Algorithm() || !strings.Contains(string(document), k.ID()) {
			t.Errorf("%s read as %v", document, k)
		}
		if err := check(signed(t, s), k); err != nil {
			t.Error(err)
		}
	}
	for _, k := range []*Key{macSigner(t, "k", 1).Key(), new(Key)} {
		if document, err := k.JWK(); document != nil || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%v: %s, %v", k, document, err)
		}
	}
}

// FAULTS: A7
func TestParseJWK(t *testing.T) {
	const x, y = `"qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA"`, `"Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0"`
	const okp = `"kty":"OKP","crv":"Ed25519","x":"JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"`
	const ec = `"kty":"EC","crv":"P-256","x":` + x + `,"y":` + y
	for _, e := range []struct{ document, reason string }{
		{`{` + okp + `}`, ""},
		{`{` + ec + `}`, ""},
		{" {\n" + ec + " } \n", ""},
		{`{` + okp + `,"use":"sig","alg":"EdDSA","key_ops":["verify"],"kid":"x","exp":1,"a":{"d":[1,{}]}}`, ""},
		{`{` + okp + `,"alg":"Ed25519"}`, ""},
		{`{` + ec + `,"use":"sig","alg":"ES256"}`, ""},
		{`{` + okp + `,"d":"n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU"}`, "private key"},
		{`{` + ec + `,"\u0064":"UpuF81l-kOxbjf7T4mNSv0r5tN67Gim7rnf6EFpcYDs"}`, "private key"},
		{`{` + okp + `,"use":"enc"}`, "use is not"},
		{`{` + okp + `,"use":null}`, "use is not"},
		{`{` + okp + `,"alg":"ES256"}`, "alg is not"},
		{`{` + okp + `,"alg":"none"}`, "alg is not"},
		{`{` + okp + `,"alg":"HS256"}`, "alg is not"},
		{`{` + ec + `,"alg":"EdDSA"}`, "alg is not"},
		{`{` + okp + `,"key_ops":["sign"]}`, "key_ops"},
		{`{` + okp + `,"key_ops":["verify","sign"]}`, "key_ops"},
		{`{` + okp + `,"key_ops":null}`, "key_ops"},
		{`{"kty":"EC","crv":"Ed25519","x":"JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"}`, "kty is not"},
		{`{"kty":"OKP","crv":"P-256","x":` + x + `,"y":` + y + `}`, "kty is not"},
		{`{"kty":"OKP","crv":"X25519","x":` + x + `}`, "want Ed25519 or P-256"},
		{`{"kty":"EC","crv":"P-384","x":` + x + `,"y":` + y + `}`, "want Ed25519 or P-256"},
		{`{"kty":"oct","k":"AAAA"}`, "crv is missing"},
		{`{"kty":"RSA","n":"AAAA","e":"AQAB"}`, "crv is missing"},
		{`{"crv":"Ed25519","x":` + x + `}`, "kty is missing"},
		{`{"kty":"OKP","crv":"Ed25519"}`, "x is missing"},
		{`{"kty":"EC","crv":"P-256","x":` + x + `}`, "y is missing"},
		{`{"KTY":"OKP","CRV":"Ed25519","X":` + x + `}`, "crv is missing"},
		{`{"kty":"OKP","crv":"Ed25519","x":7}`, "x is not a string"},
		{`{"kty":"OKP","crv":["Ed25519"],"x":` + x + `}`, "crv is not a string"},
		{`{"kty":"OKP","crv":"Ed25519","x":"JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs="}`, "canonical base64url"},
		{`{"kty":"OKP","crv":"Ed25519","x":"JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs"}`, "canonical base64url"},
		{`{"kty":"OKP","crv":"Ed25519","x":"JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bt"}`, "canonical base64url"},
		{`{"kty":"OKP","crv":"Ed25519","x":"\nJrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"}`, "canonical base64url"},
		{`{"kty":"OKP","crv":"Ed25519","x":"JrQL"}`, "canonical base64url"},
		{`{"kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`, "small order"},
		{`{"kty":"EC","crv":"P-256","x":` + y + `,"y":` + x + `}`, "not an uncompressed point"},
		{`{` + okp + `,"x":` + x + `}`, "occurs twice"},
		{`{` + okp + `,"\u0078":` + x + `}`, "occurs twice"},
		{`{` + okp + `}{}`, "something follows"},
		{`{` + okp + `}]`, "something follows"},
		{`{` + okp + `,}`, "not a JSON object"},
		{`{` + okp + ` "a":1}`, "not a JSON object"},
		{`{` + okp + `,"a":}`, "a member is not JSON"},
		{`{` + okp, "not a JSON object"},
		{`[{` + okp + `}]`, "not a JSON object"},
		{`"x"`, "not a JSON object"},
		{``, "not a JSON object"},
		{"{" + okp + ",\"a\":\"\xff\"}", "not UTF-8"},
		{`{` + okp + `,"a":"` + strings.Repeat("a", 8192) + `"}`, "more than 8192 bytes"},
	} {
		k, err := ParseJWK([]byte(e.document))
		if e.reason == "" {
			must(t, k, err)
			continue
		}
		if k != nil || !errors.Is(err, zhenni.ErrBadValue) || !strings.Contains(err.Error(), e.reason) {
			t.Errorf("%s: %v, want %s", e.document, err, e.reason)
		}
	}
}
