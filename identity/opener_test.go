package identity

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"zhenni"
)

// testKey returns a key that depends on seed alone.
func testKey(t testing.TB, seed byte) *PrivateKey {
	t.Helper()
	k, err := NewPrivateKey(rand.NewChaCha8([32]byte{seed}))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newOpener(t testing.TB, current *PrivateKey, grace ...*PrivateKey) *Opener {
	t.Helper()
	o, err := NewOpener(current, grace...)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func mustSeal(t testing.TB, to PublicKey, name, number, transaction string) string {
	t.Helper()
	sealed, err := Seal(to, name, number, transaction)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSealedIdentityOpens(t *testing.T) {
	key := testKey(t, 1)
	p, err := newOpener(t, key).Open(mustSeal(t, key.Public(), " Ｊｏｓe\u0301", "11010519491231002x", "txn-1"), "txn-1", today)
	if err != nil || p.Name.Reveal() != "José" || p.Number.bytes() == nil {
		t.Fatalf("%v", err)
	}
	p.Forget()
	if p.Name.Reveal() != "" || p.Number.bytes() != nil {
		t.Error("the person is not forgotten")
	}
}

// A key in grace opens, one that was dropped does not; the current one is what is published.
func TestKeysInGrace(t *testing.T) {
	old, current, other := testKey(t, 1), testKey(t, 2), testKey(t, 3)
	sealed := mustSeal(t, old.Public(), "张三", "11010519491231002X", "txn-1")
	rotated := newOpener(t, current, old)
	if rotated.Current() != current.Public() {
		t.Error("another key is published")
	}
	if _, err := rotated.Open(sealed, "txn-1", today); err != nil {
		t.Errorf("in grace: %v", err)
	}
	if _, err := newOpener(t, current).Open(sealed, "txn-1", today); err != SealedKey {
		t.Errorf("after grace: %v", err)
	}
	// Sealed to one key under the name of another.
	mixed := PublicKey{key: other.public.key, id: current.public.id}
	if _, err := rotated.Open(sealRaw(t, mixed, testHeader, testPayload), "txn-1", today); err != SealedOpen {
		t.Errorf("under another's name: %v", err)
	}
}

// What is published has the keys in grace too, the current one first and named, and nothing that is private.
func TestPublishedKeys(t *testing.T) {
	current, old := testKey(t, 2), testKey(t, 1)
	text, err := newOpener(t, current, old).JWKS()
	if err != nil {
		t.Fatal(err)
	}
	var set struct {
		Current string
		Keys    []json.RawMessage
	}
	if err := json.Unmarshal(text, &set); err != nil || len(set.Keys) != 2 || set.Current != current.Public().ID() {
		t.Fatalf("%s, %v", text, err)
	}
	for i, want := range []*PrivateKey{current, old} {
		if k, err := ParsePublicKey(set.Keys[i]); err != nil || k.ID() != want.Public().ID() || bytes.Contains(set.Keys[i], []byte(`"d"`)) {
			t.Errorf("key %d: %s, %v", i, set.Keys[i], err)
		}
	}
}

func TestOpenerWantsKeys(t *testing.T) {
	k := testKey(t, 1)
	many := make([]*PrivateKey, MaxKeys)
	for i := range many {
		many[i] = testKey(t, byte(i))
	}
	for what, keys := range map[string][]*PrivateKey{"none": {nil}, "nil": {k, nil}, "twice": {k, k}, "many": append(many, testKey(t, 100))} {
		if o, err := NewOpener(keys[0], keys[1:]...); o != nil || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", what, err)
		}
	}
	newOpener(t, many[0], many[1:]...)
}

// FAULTS: L1 L2 L3 L4 L10
func TestFaultsOfAHeader(t *testing.T) {
	key := testKey(t, 1)
	opener := newOpener(t, key)
	without := func(old, new string) string { return strings.Replace(testHeader, old, new, 1) }
	for _, test := range []struct {
		what, header string
		want         Fault
	}{
		{"no JSON", "header", SealedHeader},
		{"array", "[]", SealedHeader},
		{"trailing data", testHeader + "{}", SealedHeader},
		{"not UTF-8", without("EPK", "EPK,\"a\xff\":\"\""), SealedHeader},
		{"unknown member", without("EPK", `EPK,"x5c":["MA=="]`), SealedHeader},
		{"a key to verify by", without("EPK", `EPK,"jwk":EPK`), SealedHeader},
		{"apu", without("EPK", `EPK,"apu":"QWxpY2U"`), SealedHeader},
		{"member twice", without("EPK", `EPK,"enc":"A256GCM"`), SealedHeader},
		{"epk twice", without("EPK", `EPK,"epk":EPK`), SealedHeader},
		{"epk twice, one of them empty", without("EPK", `{},"epk":EPK`), SealedHeader},
		{"member in another case", without(`"alg"`, `"ALG"`), SealedHeader},
		{"number for a string", without(`"A256GCM"`, "256"), SealedHeader},
		{"deep", without("EPK", strings.Repeat(`{"epk":`, 200)+"1"+strings.Repeat("}", 200)), SealedHeader},
		{"deep arrays", without("EPK", strings.Repeat("[", 1000)), SealedHeader},
		{"lone surrogate", without("KID", `\ud800`), SealedHeader},
		{"zip", without("EPK", `EPK,"zip":"DEF"`), SealedCompressed},
		{"zip of nothing", without("EPK", `EPK,"zip":""`), SealedCompressed},
		{"crit", without("EPK", `EPK,"crit":["exp"],"exp":1`), SealedCritical},
		{"crit of nothing", without("EPK", `EPK,"crit":[]`), SealedCritical},
		{"crit of what is known", without("EPK", `EPK,"crit":["b64"]`), SealedCritical},
		{"no typ", without(`"typ":"zhenni-identity+jwe",`, ""), SealedType},
		{"another typ", without("zhenni-identity", "zhenni-pin"), SealedType},
		{"typ in another case", without("zhenni-identity", "Zhenni-Identity"), SealedType},
		{"no alg", without(`"alg":"ECDH-ES+A256KW",`, ""), SealedAlgorithm},
		{"none", without("ECDH-ES+A256KW", "none"), SealedAlgorithm},
		{"dir", without("ECDH-ES+A256KW", "dir"), SealedAlgorithm},
		{"A128KW", without("ECDH-ES+A256KW", "ECDH-ES+A128KW"), SealedAlgorithm},
		{"RSA", without("ECDH-ES+A256KW", "RSA-OAEP"), SealedAlgorithm},
		{"passphrase", without("ECDH-ES+A256KW", "PBES2-HS256+A128KW"), SealedAlgorithm},
		{"no enc", without(`"enc":"A256GCM",`, ""), SealedEncryption},
		{"weaker", without("A256GCM", "A128GCM"), SealedEncryption},
		{"CBC", without("A256GCM", "A256CBC-HS512"), SealedEncryption},
		{"no epk", without(`,"epk":EPK`, ""), SealedEphemeral},
		{"epk of another curve", without("EPK", `{"kty":"OKP","crv":"X25519","x":"AA"}`), SealedEphemeral},
		{"epk without y", without("EPK", `{"kty":"EC","crv":"P-256","x":"`+bobX+`"}`), SealedEphemeral},
		{"epk written short", without("EPK", `{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}`), SealedEphemeral},
		{"epk with stray bits", without("EPK", `{"kty":"EC","crv":"P-256","x":"`+bobX[:42]+`R","y":"`+bobX+`"}`), SealedEphemeral},
		{"epk with a private half", without("EPK", `{"kty":"EC","crv":"P-256","x":"`+bobX+`","y":"`+bobX+`","d":"AQ"}`), SealedHeader},
		{"no kid", without(`"kid":"KID",`, ""), SealedKey},
		{"another kid", without("KID", "key-1"), SealedKey},
		{"epk off the curve", without("EPK", `{"kty":"EC","crv":"P-256","x":"`+bobX+`","y":"`+bobX+`"}`), SealedOpen},
		{"epk zero", without("EPK", `{"kty":"EC","crv":"P-256","x":"`+strings.Repeat("A", 43)+`","y":"`+strings.Repeat("A", 43)+`"}`), SealedOpen},
	} {
		p, err := opener.Open(sealRaw(t, key.Public(), test.header, testPayload), "txn-1", today)
		if p != nil || err != test.want {
			t.Errorf("%s: %v, want %v", test.what, err, test.want)
		}
	}
	spaced := " " + strings.NewReplacer(":", " :\t", ",", "\r\n, ", `"typ"`, `"\u0074yp"`).Replace(testHeader) + "\n"
	if _, err := opener.Open(sealRaw(t, key.Public(), spaced, testPayload), "txn-1", today); err != nil {
		t.Errorf("white space and escapes: %v", err)
	}
}

// FAULTS: L2 L4 L10 L11
func TestFaultsOfAPayload(t *testing.T) {
	key := testKey(t, 1)
	opener := newOpener(t, key)
	with := func(old, new string) string { return strings.Replace(testPayload, old, new, 1) }
	for _, test := range []struct {
		what, payload string
		want          Fault
	}{
		{"blank", " ", SealedPayload},
		{"no JSON", "张三", SealedPayload},
		{"trailing data", testPayload + "x", SealedPayload},
		{"another object", testPayload + testPayload, SealedPayload},
		{"byte order mark", "\ufeff" + testPayload, SealedPayload},
		{"not UTF-8", with("张", "\xff"), SealedPayload},
		{"unknown member", with("}", `,"tenant":"1"}`), SealedPayload},
		{"member twice", with("}", `,"name":"李四"}`), SealedPayload},
		{"member twice, escaped", with("}", `,"n\u0061me":"李四"}`), SealedPayload},
		{"member in another case", with("name", "Name"), SealedPayload},
		{"no name", with(`"name":"张三",`, ""), SealedPayload},
		{"no number", with(`"number":"11010519491231002X",`, ""), SealedPayload},
		{"no transaction", with(`,"transaction":"txn-1"`, ""), SealedPayload},
		{"null", with(`"张三"`, "null"), SealedPayload},
		{"number", with(`"11010519491231002X"`, "1e400"), SealedPayload},
		{"array", with(`"张三"`, `["张三"]`), SealedPayload},
		{"deep", with(`"张三"`, strings.Repeat(`{"a":`, 300)+"1"+strings.Repeat("}", 300)), SealedPayload},
		{"lone surrogate", with("张", `\ud83d`), SealedPayload},
		{"surrogates in disorder", with("张", `\ude00\ud83d`), SealedPayload},
		{"unknown escape", with("张", `\x41`), SealedPayload},
		{"half an escape", `{"name":"\u00`, SealedPayload},
		{"line break in a string", with("张", "\n"), SealedPayload},
		{"comma at the end", with("}", ",}"), SealedPayload},
		{"single quotes", strings.ReplaceAll(testPayload, `"`, "'"), SealedPayload},
		{"another transaction", with("txn-1", "txn-2"), SealedTransaction},
		{"longer transaction", with("txn-1", "txn-11"), SealedTransaction},
		{"no transaction's name", with("txn-1", ""), SealedTransaction},
		{"no name in it", with("张三", ""), NameEmpty},
		{"no number in it", with("11010519491231002X", ""), NumberEmpty},
		{"line break in the name", with("张", `\n`), NameControl},
		{"NUL in the name", with("张", `\u0000`), NameControl},
		{"override in the name", with("张", `\u202e`), NameInvisible},
		{"emoji in the name", with("张", `\ud83d\ude00`), NameSymbol},
		{"check digit", with("002X", "0021"), NumberCheck},
	} {
		p, err := opener.Open(sealRaw(t, key.Public(), testHeader, test.payload), "txn-1", today)
		if p != nil || err != test.want {
			t.Errorf("%s: %v, want %v", test.what, err, test.want)
			continue
		}
		mustBeFault(t, err, test.payload)
	}
	escaped := `{"\u006eame" : "\u5f20\u4e09", "number":"\u0031\u00310105\u00319491231002X" , "transaction":"txn\u002D1"}`
	p, err := opener.Open(sealRaw(t, key.Public(), testHeader, escaped), "txn-1", today)
	if err != nil || p.Name.Reveal() != "张三" {
		t.Errorf("escapes: %v", err)
	}
}

// An identity is of one transaction, and of none where the request names none.
func TestSealedForOneTransaction(t *testing.T) {
	key := testKey(t, 1)
	opener := newOpener(t, key)
	sealed := mustSeal(t, key.Public(), "张三", "11010519491231002X", "party-a/txn-1")
	for transaction, want := range map[string]error{
		"party-a/txn-1": nil, "party-b/txn-1": SealedTransaction, "txn-1": SealedTransaction, "": SealedTransaction,
	} {
		if _, err := opener.Open(sealed, transaction, today); err != want {
			t.Errorf("%q: %v, want %v", transaction, err, want)
		}
	}
	sealed = sealRaw(t, key.Public(), testHeader, strings.Replace(testPayload, "txn-1", "", 1))
	if _, err := opener.Open(sealed, "", today); err != SealedTransaction {
		t.Errorf("of no transaction: %v", err)
	}
}

// FAULTS: L12
func TestTruncatedTextsAreRefused(t *testing.T) {
	key := testKey(t, 1)
	opener := newOpener(t, key)
	sealed := mustSeal(t, key.Public(), "张三", "11010519491231002X", "txn-1")
	for n := range sealed {
		for _, cut := range []string{sealed[:n], sealed[n+1:], sealed[:n] + sealed[n+1:]} {
			if p, err := opener.Open(cut, "txn-1", today); p != nil || err == nil {
				t.Fatalf("opens, cut at %d", n)
			}
		}
	}
}

// Every character counts, and every text has one spelling.
//
// FAULTS: L3
func TestChangedTextsAreRefused(t *testing.T) {
	key := testKey(t, 1)
	opener := newOpener(t, key)
	for _, head := range []string{testHeader, directHeader} {
		sealed := sealRaw(t, key.Public(), head, testPayload)
		for n := range sealed {
			own := sealed[n : n+1]
			for _, c := range []string{"A", "B", "_", "=", "+", "/", " ", "\n", "\r", "\x00", "é", ".", own + "\n", own + "="} {
				changed := sealed[:n] + c + sealed[n+1:]
				if p, err := opener.Open(changed, "txn-1", today); changed != sealed && (p != nil || err == nil) {
					t.Fatalf("opens with %q at %d", c, n)
				}
			}
		}
		last := sealed[len(sealed)-1] // 16 bytes of tag leave four bits of it unused
		alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		stray := sealed[:len(sealed)-1] + string(alphabet[strings.IndexByte(alphabet, last)|1])
		if _, err := opener.Open(stray, "txn-1", today); err != SealedForm {
			t.Errorf("stray bits: %v", err)
		}
	}
}

// A part of another length never reaches the library: it has had crashes on empty keys.
func TestPartsHaveTheirLengths(t *testing.T) {
	key := testKey(t, 1)
	opener := newOpener(t, key)
	for _, head := range []string{testHeader, directHeader} {
		if _, err := opener.Open(sealRaw(t, key.Public(), head, ""), "txn-1", today); err != SealedForm {
			t.Errorf("without content: %v", err)
		}
		parts := strings.Split(sealRaw(t, key.Public(), head, testPayload), ".")
		for i := range parts {
			for _, size := range []int{0, 1, 8, 11, 12, 13, 15, 16, 17, 24, 32, 40, 48} {
				changed := append([]string(nil), parts...)
				changed[i] = base64.RawURLEncoding.EncodeToString(make([]byte, size))
				if p, err := opener.Open(strings.Join(changed, "."), "txn-1", today); changed[i] != parts[i] && (p != nil || err == nil) {
					t.Errorf("part %d of %d bytes opens", i, size)
				}
			}
		}
	}
}

// FAULTS: L1
func TestCompressedTextIsNotInflated(t *testing.T) {
	key := testKey(t, 1)
	opener := newOpener(t, key)
	recipient := jose.Recipient{Algorithm: jose.ECDH_ES_A256KW, Key: key.public.key, KeyID: key.public.id}
	options := jose.EncrypterOptions{Compression: jose.DEFLATE}
	encrypter, err := jose.NewEncrypter(jose.A256GCM, recipient, options.WithType(SealedTyp))
	if err != nil {
		t.Fatal(err)
	}
	message, err := encrypter.Encrypt(make([]byte, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	bomb, err := message.CompactSerialize()
	if err != nil || len(bomb) > MaxSealed {
		t.Fatalf("%d bytes, %v", len(bomb), err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = opener.Open(bomb, "txn-1", today)
	runtime.ReadMemStats(&after)
	if err != SealedCompressed || after.TotalAlloc-before.TotalAlloc > 256<<10 {
		t.Errorf("%v, %d bytes allocated", err, after.TotalAlloc-before.TotalAlloc)
	}
}

// FAULTS: L10
func TestLongTextsAreRefused(t *testing.T) {
	key := testKey(t, 1)
	opener := newOpener(t, key)
	if _, err := opener.Open(strings.Repeat("A", MaxSealed+1), "txn-1", today); err != SealedLong {
		t.Errorf("%v", err)
	}
	if _, err := opener.Open(strings.Repeat(".", MaxSealed), "txn-1", today); err != SealedForm {
		t.Errorf("%v", err)
	}
	if _, err := Seal(key.Public(), strings.Repeat("张", 1000), "11010519491231002X", "txn-1"); err != SealedLong {
		t.Errorf("sealing: %v", err)
	}
	for _, to := range []PublicKey{{}, key.Public()} {
		if sealed, err := Seal(to, "张三", "11010519491231002X", ""); sealed != "" || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("sealing for no transaction: %v", err)
		}
	}
}

// RFC 7516 appendix A.3, and the same under the header that is wanted.
func TestOtherJWEsAreRefused(t *testing.T) {
	const rest = ".6KB707dM9YTIgHtLvtgWQ8mKwboJW3of9locizkDTHzBC2IlrT1oOQ.AxY8DCtDaGlsbGljb3RoZQ" +
		".KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY.U0m_YmjN04DJvceFICbCVQ"
	opener := newOpener(t, testKey(t, 1))
	if _, err := opener.Open("eyJhbGciOiJBMTI4S1ciLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0"+rest, "txn-1", today); err != SealedType {
		t.Errorf("%v", err)
	}
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"A128KW","enc":"A128CBC-HS256","typ":"` + SealedTyp + `"}`))
	if _, err := opener.Open(head+rest, "txn-1", today); err != SealedAlgorithm {
		t.Errorf("%v", err)
	}
}

// The opened text is gone when Open returns, whatever came of it.
func TestOpenedTextIsOverwritten(t *testing.T) {
	for _, text := range []string{
		testPayload, testPayload + "x", strings.Replace(testPayload, "txn-1", "txn-2", 1),
		strings.Replace(testPayload, "002X", "0021", 1), strings.Replace(testPayload, "张三", "张3", 1),
	} {
		plain := []byte(text)
		p, err := readPerson(plain, "txn-1", today)
		if !bytes.Equal(plain, make([]byte, len(text))) {
			t.Errorf("the text is there after %v", err)
		}
		if err == nil && (p.Name.Reveal() != "张三" || p.Number.bytes() == nil) {
			t.Error("the person lies in the text")
		}
	}
}

// broken is a source that fails after some bytes.
type broken struct{ left int }

func (b *broken) Read(p []byte) (int, error) {
	n := min(b.left, len(p))
	b.left -= n
	if n == 0 {
		return 0, errors.New("broken")
	}
	return n, nil
}

// FAULTS: R12
func TestNoKeyWithoutEntropy(t *testing.T) {
	for what, source := range map[string]io.Reader{
		"nothing": &broken{}, "too little": &broken{left: PrivateKeySize - 1}, "end": strings.NewReader("short"),
		"zeros, then nothing": &broken{left: PrivateKeySize}, "zeros": zeros{}, "beyond the order": ones{},
	} {
		if k, err := NewPrivateKey(source); k != nil || !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("%s: a key, or %v", what, err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type ones struct{}

func (ones) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 0xff
	}
	return len(p), nil
}
