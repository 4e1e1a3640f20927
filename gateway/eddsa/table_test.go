package eddsa

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"math/big"
	"slices"
	"testing"

	"filippo.io/edwards25519"
	"pgregory.net/rapid"

	"zhenni"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func private(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func publicOf(key ed25519.PrivateKey) []byte { return key[ed25519.SeedSize:] }

// agree fails where the table's answer is not the library's, which it returns.
func agree(t interface {
	Helper()
	Fatalf(string, ...any)
}, table *Table, message, signature []byte) bool {
	t.Helper()
	want := len(signature) == ed25519.SignatureSize && ed25519.Verify(table.public[:], message, signature)
	if got := table.Verify(message, signature); got != want {
		t.Fatalf("key %x, message %x, signature %x: %v, the library says %v", table.public, message, signature, got, want)
	}
	return want
}

// The vectors of RFC 8032 §7.1 whose messages are short.
func TestVectorsOfRFC8032(t *testing.T) {
	for _, v := range []struct{ public, message, signature string }{
		{
			"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
			"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
		},
		{
			"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
			"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
		},
		{
			"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
			"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
		},
	} {
		table := must(NewTable(must(hex.DecodeString(v.public))))
		message, signature := must(hex.DecodeString(v.message)), must(hex.DecodeString(v.signature))
		if !agree(t, table, message, signature) {
			t.Errorf("key %s: its signature is refused", v.public)
		}
		if agree(t, table, append(message, 0), signature) {
			t.Errorf("key %s: a signature of another message is taken", v.public)
		}
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	identity := make([]byte, 32)
	identity[0] = 1
	for name, public := range map[string][]byte{
		"short": publicOf(private(1))[1:], "of small order": identity, "not canonical": bytes.Repeat([]byte{0xff}, 32), "no point": append([]byte{2}, make([]byte, 31)...),
	} {
		if _, err := NewTable(public); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v, want %v", name, err, zhenni.ErrBadValue)
		}
	}
}

// One bit of message or signature, or the same s in another form, and nothing is verified that the library does not verify.
func TestAgreesWithTheLibrary(t *testing.T) {
	order, _ := new(big.Int).SetString("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed", 16)
	rapid.Check(t, func(t *rapid.T) {
		key := ed25519.NewKeyFromSeed(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed"))
		table := must(NewTable(publicOf(key)))
		message := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "message")
		signature := ed25519.Sign(key, message)
		if !agree(t, table, message, signature) {
			t.Fatalf("the library refuses what it signed")
		}
		bit := rapid.IntRange(0, 511).Draw(t, "bit")
		wrong := slices.Clone(signature)
		wrong[bit/8] ^= 1 << (bit % 8)
		if agree(t, table, message, wrong) {
			t.Fatalf("a signature is taken with bit %d turned", bit)
		}
		s := slices.Clone(signature[32:])
		slices.Reverse(s)
		more := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
		slices.Reverse(more)
		if agree(t, table, message, append(slices.Clone(signature[:32]), more...)) {
			t.Fatalf("s plus the order of B is taken")
		}
		agree(t, table, message, signature[:rapid.IntRange(0, 63).Draw(t, "length")])
	})
}

// A key and an R may have a part of small order, which their holder puts there: then the library's answer depends on k, and the
// table's is the same.
func TestPartsOfSmallOrder(t *testing.T) {
	torsion := eighth(t)
	taken, refused := 0, 0
	for turn := range byte(64) {
		a := must(new(edwards25519.Scalar).SetUniformBytes(bytes.Repeat([]byte{turn + 1}, 64)))
		public := new(edwards25519.Point).ScalarBaseMult(a)
		public.Add(public, torsion)
		table := must(NewTable(public.Bytes()))
		r := must(new(edwards25519.Scalar).SetUniformBytes(bytes.Repeat([]byte{turn + 101}, 64)))
		commitment := new(edwards25519.Point).ScalarBaseMult(r)
		for range turn % 8 {
			commitment.Add(commitment, torsion)
		}
		sum := sha512.Sum512(slices.Concat(commitment.Bytes(), public.Bytes(), []byte{turn}))
		k := must(new(edwards25519.Scalar).SetUniformBytes(sum[:]))
		s := new(edwards25519.Scalar).MultiplyAdd(k, a, r)
		if agree(t, table, []byte{turn}, append(commitment.Bytes(), s.Bytes()...)) {
			taken++
		} else {
			refused++
		}
	}
	if taken == 0 || refused == 0 {
		t.Errorf("%d taken, %d refused: want some of both", taken, refused)
	}
}

// eighth returns a point of order 8: what is left of a point of the whole curve when it is multiplied by the order of B.
func eighth(t *testing.T) *edwards25519.Point {
	t.Helper()
	last := edwards25519.NewScalar() // the order less one
	last.Subtract(last, must(edwards25519.NewScalar().SetCanonicalBytes(append([]byte{1}, make([]byte, 31)...))))
	for y := byte(2); y < 255; y++ {
		p, err := new(edwards25519.Point).SetBytes(append([]byte{y}, make([]byte, 31)...))
		if err != nil {
			continue
		}
		q := new(edwards25519.Point).ScalarMult(last, p)
		q.Add(q, p)
		half := new(edwards25519.Point).Double(q)
		if half.Double(half).Equal(edwards25519.NewIdentityPoint()) == 0 {
			return q
		}
	}
	t.Fatal("no point of order 8")
	return nil
}

func TestDigitsAreTheScalar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "k"))
		k[31] &= 0x1f
		nibbles, wide := recode(k), recodeBytes(k)
		want := slices.Clone(k[:])
		slices.Reverse(want)
		for _, got := range []*big.Int{sumOf(t, nibbles[:], 4, most), sumOf(t, wide[:], 8, mostOfBase)} {
			if got.Cmp(new(big.Int).SetBytes(want)) != 0 {
				t.Fatalf("%x: the digits are %x", want, got)
			}
		}
	})
}

// sumOf is what digits of so many bits stand for.
func sumOf(t *rapid.T, places []int16, bits uint, largest int16) *big.Int {
	sum := new(big.Int)
	for i, d := range slices.Backward(places) {
		if d < -largest || d > largest {
			t.Fatalf("digit %d is %d", i, d)
		}
		sum.Add(sum.Lsh(sum, bits), big.NewInt(int64(d)))
	}
	return sum
}

func TestVerifyAllocatesNothing(t *testing.T) {
	key := private(1)
	table := must(NewTable(publicOf(key)))
	message := make([]byte, 400)
	signature := ed25519.Sign(key, message)
	if n := testing.AllocsPerRun(100, func() { table.Verify(message, signature) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FAULTS: A2
func FuzzVerify(f *testing.F) {
	key := private(1)
	tables := []*Table{must(NewTable(publicOf(key))), must(NewTable(publicOf(private(2))))}
	for _, message := range []string{"", "a request", "another request"} {
		f.Add([]byte(message), ed25519.Sign(key, []byte(message)))
	}
	f.Fuzz(func(t *testing.T, message, signature []byte) {
		for _, table := range tables {
			agree(t, table, message, signature)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	key := private(1)
	table := must(NewTable(publicOf(key)))
	messages, signatures := make([][]byte, 512), make([][]byte, 512)
	for i := range messages {
		messages[i] = append(make([]byte, 399), byte(i))
		signatures[i] = ed25519.Sign(key, messages[i])
	}
	for name, verify := range map[string]func(message, signature []byte) bool{
		"by=table": table.Verify, "by=library": func(m, s []byte) bool { return ed25519.Verify(publicOf(key), m, s) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if !verify(messages[i%len(messages)], signatures[i%len(messages)]) {
					b.Fatal("refused")
				}
			}
		})
	}
}

func BenchmarkNewTable(b *testing.B) {
	public := publicOf(private(1))
	for b.Loop() {
		must(NewTable(public))
	}
}
