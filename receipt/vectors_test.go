package receipt

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm2"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

func fromHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	return must(t, b, err)
}

// RFC 8037, appendix A: key, thumbprint and signature.
func TestRFC8037(t *testing.T) {
	const seed, point = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
	secret, err := urlBase64.DecodeString(seed)
	s, err := NewSigner(Ed25519, must(t, secret, err))
	must(t, s, err)
	if id := s.Key().ID(); id != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Errorf("thumbprint %s", id)
	}
	if jwk := string(s.Key().JWK()); !strings.Contains(jwk, `"x":"`+point+`"`) {
		t.Error(jwk)
	}
	message := "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
	signature, err := s.Sign([]byte(message))
	if got := urlBase64.EncodeToString(must(t, signature, err)); got != "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg" {
		t.Error(got)
	}
	if !s.Key().verify([]byte(message), signature) {
		t.Error("not verified")
	}
}

// RFC 7515, appendix A.3: the key, and the signature in its lower form.
func TestRFC7515(t *testing.T) {
	set := `{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","kid":"oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"}]}`
	keys, err := ParseKeys([]byte(set))
	key := must(t, keys, err)[0]
	message := "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	signature, err := urlBase64.DecodeString("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")
	must(t, signature, err)
	other := bytes.Clone(signature)
	lower(new(big.Int).SetBytes(signature[32:])).FillBytes(other[32:])
	if lowHalf(signature[32:]) || key.verify([]byte(message), signature) || !key.verify([]byte(message), other) {
		t.Error("of the two signatures the lower is the one")
	}
}

// RFC 6979, appendix A.2.5: signatures on P-256 need no chance.
func TestRFC6979(t *testing.T) {
	s, err := NewSigner(ES256, fromHex(t, "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721"))
	must(t, s, err)
	for message, want := range map[string]struct{ r, s string }{
		"sample": {"EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716", "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"},
		"test":   {"F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367", "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083"},
	} {
		got, err := s.Sign([]byte(message))
		must(t, got, err)
		full := fromHex(t, want.s)
		lower(new(big.Int).SetBytes(full)).FillBytes(full)
		if !bytes.Equal(got, append(fromHex(t, want.r), full...)) {
			t.Errorf("%s: %x", message, got)
		}
	}
}

// GB/T 32918.5-2017, appendix A: key and signature by SM2 with SM3.
func TestGBT32918(t *testing.T) {
	s, err := NewSigner(SM2, fromHex(t, "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8"))
	key := must(t, s, err).Key()
	x := urlBase64.EncodeToString(fromHex(t, "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"))
	if !strings.Contains(string(key.JWK()), x) {
		t.Errorf("%s", key.JWK())
	}
	signature := fromHex(t, "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA")
	if !key.verify([]byte("message digest"), signature) || key.verify([]byte("message digest."), signature) {
		t.Error("not verified")
	}
}

// The nonce of SM2 is that of RFC 6979: every signature is the one that the standard's arithmetic makes of it.
func TestSM2SignsWithoutChance(t *testing.T) {
	s := testSigner(t, SM2, 1).(*sm2Signer)
	for range 50 { // half of the time the library reads a byte that it does not need
		for _, message := range []string{"message", "massage"} {
			got, err := s.Sign([]byte(message))
			if want := signSM2(t, s, message); !bytes.Equal(must(t, got, err), want) {
				t.Fatalf("%s: %x, want %x", message, got, want)
			}
		}
	}
}

// signSM2 is GB/T 32918.2-2016, 6.1, in big integers.
func signSM2(t *testing.T, s *sm2Signer, message string) []byte {
	t.Helper()
	digest, err := sm2.CalculateSM2Hash(&s.private.PublicKey, []byte(message), nil)
	k, e, n := make([]byte, 32), new(big.Int).SetBytes(must(t, digest, err)), sm2.P256().Params().N
	must(t, 32, second(newNonces(s.scalar, digest).Read(k)))
	point, err := sm2.NewPrivateKey(k)
	r := e.Add(e, must(t, point, err).X).Mod(e, n)
	d := new(big.Int).SetBytes(s.scalar[:])
	v := new(big.Int).SetBytes(k)
	v.Sub(v, new(big.Int).Mul(r, d))
	v.Mul(v, new(big.Int).ModInverse(new(big.Int).Add(d, big.NewInt(1)), n)).Mod(v, n)
	return append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
}

// What the library reads beside candidates is random and moves none; the next candidate is another.
func TestSM2Candidates(t *testing.T) {
	read := func(n *nonces, size int) []byte {
		b := make([]byte, size)
		must(t, size, second(n.Read(b)))
		return b
	}
	disturbed, plain := newNonces([SecretSize]byte{1}, make([]byte, 32)), newNonces([SecretSize]byte{1}, make([]byte, 32))
	if bytes.Equal(read(disturbed, 31), read(disturbed, 31)) {
		t.Error("31 bytes that are not random")
	}
	read(disturbed, 1)
	first := read(plain, 32)
	if !bytes.Equal(read(disturbed, 32), first) || bytes.Equal(read(plain, 32), first) {
		t.Error("candidates depend on what else is read, or repeat")
	}
}

func second(_ int, err error) error { return err }

// Another implementation takes what is signed here, and makes the same text of the same claims.
func TestAgainstGoJose(t *testing.T) {
	for _, a := range []Algorithm{Ed25519, ES256} {
		s := testSigner(t, a, 1)
		c := aYes()
		result := mustSign(t, s, c)
		var set jose.JSONWebKeySet
		if err := json.Unmarshal(Keys{s.Key()}.JWKS(), &set); err != nil {
			t.Fatal(err)
		}
		theirs := set.Key(s.Key().ID())
		if len(theirs) != 1 || !theirs[0].Valid() {
			t.Fatalf("%s: %+v", a, set)
		}
		thumbprint, err := theirs[0].Thumbprint(crypto.SHA256)
		if urlBase64.EncodeToString(must(t, thumbprint, err)) != s.Key().ID() {
			t.Errorf("%s: thumbprint %x", a, thumbprint)
		}
		token, err := jwt.ParseSigned(result, []jose.SignatureAlgorithm{jose.EdDSA, jose.ES256})
		must(t, token, err)
		var claims jwt.Claims
		var more map[string]any
		if err := token.Claims(theirs[0].Key, &claims, &more); err != nil {
			t.Fatal(err)
		}
		if claims.Issuer != c.Issuer || !claims.Audience.Contains("bank") || claims.Subject != c.Subject || more["acr"] != "full" || more["fmr"] != 1e-6 {
			t.Errorf("%s: %+v %v", a, claims, more)
		}
		if token.Headers[0].ExtraHeaders["typ"] != typ {
			t.Errorf("%s: %+v", a, token.Headers)
		}
	}
}

// What another implementation signs over the same header and payload is the same result.
func TestGoJoseSignsTheSame(t *testing.T) {
	s := testSigner(t, Ed25519, 1)
	c := aYes()
	options := (&jose.SignerOptions{}).WithType(typ).WithHeader("kid", s.Key().ID())
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: s.(edwardsSigner).private}, options)
	must(t, signer, err)
	signed, err := signer.Sign(c.payload())
	compact, err := must(t, signed, err).CompactSerialize()
	if must(t, compact, err) != mustSign(t, s, c) {
		t.Error(compact)
	}
}
