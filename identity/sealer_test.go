package identity

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
)

// This file is a second implementation of sealing, by the RFCs and on the standard library alone, checked against their
// vectors: what it seals is opened by go-jose, and it seals what go-jose would not.

// testHeader is the header that a client writes; KID and EPK are replaced.
const testHeader = `{"alg":"ECDH-ES+A256KW","enc":"A256GCM","kid":"KID","typ":"zhenni-identity+jwe","epk":EPK}`

// directHeader is that of direct key agreement.
const directHeader = `{"alg":"ECDH-ES","enc":"A256GCM","kid":"KID","typ":"zhenni-identity+jwe","epk":EPK}`

const testPayload = `{"name":"张三","number":"11010519491231002X","transaction":"txn-1"}`

// sealRaw seals payload to a key under a header of any shape. Where the header speaks of direct agreement, the key that
// was agreed on is the content's.
func sealRaw(t testing.TB, to PublicKey, head, payload string) string {
	t.Helper()
	ephemeral, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	nonce := make([]byte, nonceSize)
	rand.Read(nonce)
	return sealUnder(t, to, ephemeral, nonce, jwkOf(ephemeral.PublicKey(), ""), head, payload)
}

// sealUnder is sealRaw under an ephemeral key, which the header writes as epk, and a nonce.
func sealUnder(t testing.TB, to PublicKey, ephemeral *ecdh.PrivateKey, nonce, epk []byte, head, payload string) string {
	t.Helper()
	point, err := to.key.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	z, err := ephemeral.ECDH(point)
	if err != nil {
		t.Fatal(err)
	}
	head = strings.NewReplacer("KID", to.id, "EPK", string(epk)).Replace(head)
	contentKey, wrapped := concatKDF(z, "A256GCM", "", "", 32), []byte(nil)
	if !strings.Contains(head, `"ECDH-ES"`) {
		contentKey = make([]byte, 32)
		rand.Read(contentKey)
		wrapped = keyWrap(t, concatKDF(z, "ECDH-ES+A256KW", "", "", 32), contentKey)
	}
	front := base64.RawURLEncoding.EncodeToString([]byte(head))
	sealed := newGCM(t, contentKey).Seal(nil, nonce, []byte(payload), []byte(front))
	body, tag := sealed[:len(payload)], sealed[len(payload):]
	text := front
	for _, part := range [][]byte{wrapped, nonce, body, tag} {
		text += "." + base64.RawURLEncoding.EncodeToString(part)
	}
	return text
}

// jwkOf writes a public key as RFC 7638 wants it hashed; more is put behind.
func jwkOf(key *ecdh.PublicKey, more string) []byte {
	point := key.Bytes()[1:]
	x, y := base64.RawURLEncoding.EncodeToString(point[:32]), base64.RawURLEncoding.EncodeToString(point[32:])
	return []byte(`{"crv":"P-256","kty":"EC","x":"` + x + `","y":"` + y + `"` + more + `}`)
}

// concatKDF is the key derivation of RFC 7518 §4.6.2, for keys of at most 32 bytes.
func concatKDF(z []byte, alg, apu, apv string, size int) []byte {
	message := append([]byte{0, 0, 0, 1}, z...)
	for _, field := range []string{alg, apu, apv} {
		message = append(binary.BigEndian.AppendUint32(message, uint32(len(field))), field...)
	}
	sum := sha256.Sum256(binary.BigEndian.AppendUint32(message, uint32(8*size)))
	return sum[:size]
}

// keyWrap is the AES key wrap of RFC 3394 §2.2.1.
func keyWrap(t testing.TB, kek, key []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(kek)
	if err != nil {
		t.Fatal(err)
	}
	wrapped := append(bytes.Repeat([]byte{0xA6}, 8), key...)
	n := len(key) / 8
	for i := range 6 * n {
		at := 8 * (i%n + 1)
		in := append(bytes.Clone(wrapped[:8]), wrapped[at:at+8]...)
		block.Encrypt(in, in)
		binary.BigEndian.PutUint64(wrapped, binary.BigEndian.Uint64(in)^uint64(i+1))
		copy(wrapped[at:], in[8:])
	}
	return wrapped
}

func newGCM(t testing.TB, key []byte) cipher.AEAD {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// RFC 3394 §4.6: 256 bits of key under a key of 256 bits.
func TestKeyWrapVector(t *testing.T) {
	kek := unhex(t, "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F")
	key := unhex(t, "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F")
	want := unhex(t, "28C9F404C4B810F4 CBCCB35CFB87F826 3F5786E2D80ED326 CBC7F0E71A99F43B FB988B9B7A02DD21")
	if got := keyWrap(t, kek, key); !bytes.Equal(got, want) {
		t.Errorf("%x", got)
	}
}

// The keys of RFC 7518 appendix C, and what is agreed on with them.
const (
	aliceScalar = "0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo"
	bobScalar   = "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"
	bobX        = "weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ"
	agreed      = "VqqN6vgjbSBcIijNcacQGg"
)

func unbase64(t testing.TB, text string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// RFC 7518 appendix C: the agreed key is the example's, and the engine opens what is sealed to the example's key.
func TestKeyAgreementVector(t *testing.T) {
	alice, err := ecdh.P256().NewPrivateKey(unbase64(t, aliceScalar))
	if err != nil {
		t.Fatal(err)
	}
	bob, err := ParsePrivateKey(unbase64(t, bobScalar))
	if err != nil {
		t.Fatal(err)
	}
	point, err := bob.public.key.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	z, err := alice.ECDH(point)
	if err != nil {
		t.Fatal(err)
	}
	if got := concatKDF(z, "A128GCM", "Alice", "Bob", 16); !bytes.Equal(got, unbase64(t, agreed)) {
		t.Errorf("agreed on %x", got)
	}
	if jwk := string(jwkOf(point, "")); !strings.Contains(jwk, `"x":"`+bobX+`"`) {
		t.Errorf("the public half is %s", jwk)
	}
	opener, err := NewOpener(bob)
	if err != nil {
		t.Fatal(err)
	}
	for _, head := range []string{testHeader, directHeader} {
		p, err := opener.Open(sealRaw(t, bob.Public(), head, testPayload), "txn-1", today)
		if err != nil || p.Name.Reveal() != "张三" || string(p.Number.bytes()) != "11010519491231002X" {
			t.Errorf("%s: %v", head, err)
		}
	}
}
