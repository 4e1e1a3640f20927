package simd

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// eachHash runs body for every tier, with the kernels even where crypto/sha256 has instructions of its own.
func eachHash(t *testing.T, body func(t *testing.T)) {
	for _, extensions := range withExtensions(t) {
		t.Run(extensions.name, func(t *testing.T) {
			extensions.set(t)
			eachTier(t, body)
		})
	}
}

// octets returns n random bytes.
func octets(seed uint64, n int) []byte {
	r, b := random(seed), make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// sameDigests compares dst with crypto/sha256 of the prefix and each message.
func sameDigests(t testing.TB, dst [][32]byte, prefix, messages []byte, size, stride int) {
	t.Helper()
	for i := range dst {
		if want := sha256.Sum256(append(bytes.Clone(prefix), messages[i*stride:][:size]...)); dst[i] != want {
			t.Fatalf("%s: message %d of %d, size %d, stride %d, prefix %x: %x, want %x",
				Tier(), i, len(dst), size, stride, prefix, dst[i], want)
		}
	}
}

// Every size up to five blocks and every count up to two groups and a half.
// FAULTS: N6 N15
func TestSumManyEqualsCrypto(t *testing.T) {
	const most, longest, prefix = 40, 300, 0x5a
	const stride = longest + 5
	data := octets(40, most*stride)
	var plain, prefixed [longest + 1][most][32]byte
	for size := range plain {
		for i := range most {
			message := data[i*stride:][:size]
			plain[size][i] = sha256.Sum256(message)
			prefixed[size][i] = sha256.Sum256(append([]byte{prefix}, message...))
		}
	}
	eachHash(t, func(t *testing.T) {
		for size := range plain {
			for n := range most + 1 {
				var dst [most][32]byte
				if SumMany(dst[:n], data, size, stride); !slices.Equal(dst[:n], plain[size][:n]) {
					t.Fatalf("%d messages of %d bytes", n, size)
				}
				if SumPrefixed(dst[:n], prefix, data, size, stride); !slices.Equal(dst[:n], prefixed[size][:n]) {
					t.Fatalf("%d messages of %d bytes with a prefix", n, size)
				}
				if slices.ContainsFunc(dst[n:], func(d [32]byte) bool { return d != [32]byte{} }) {
					t.Fatalf("%d messages of %d bytes: written beyond dst", n, size)
				}
			}
		}
		dst := make([][32]byte, 17)
		for _, size := range []int{447, 448, 511, 512, 1000, 4096} {
			SumMany(dst, data[:size+16], size, 1)
			sameDigests(t, dst, nil, data, size, 1)
		}
	})
}

// The examples of FIPS 180-4 (NIST, SHA-256: one block, two blocks, a million a's) and of the empty message.
// FAULTS: N15
func TestSumManyOfPublishedExamples(t *testing.T) {
	eachHash(t, func(t *testing.T) {
		for message, want := range map[string]string{
			"":    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			"abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
			"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq": "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
			string(bytes.Repeat([]byte{'a'}, 1_000_000)):               "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
		} {
			dst := make([][32]byte, 16)
			SumMany(dst, []byte(message), len(message), 0)
			for _, got := range dst {
				if hex.EncodeToString(got[:]) != want {
					t.Fatalf("%d bytes: %x, want %s", len(message), got, want)
				}
			}
		}
	})
}

// The nodes of a tree may replace their own children.
func TestSumTuplesInPlace(t *testing.T) {
	type digest [32]byte // a caller's own name for it
	eachHash(t, func(t *testing.T) {
		for arity := 1; arity <= 15; arity++ {
			for n := range 40 {
				parts := make([]digest, n*arity+1)
				for i := range parts {
					parts[i] = sha256.Sum256([]byte{byte(i), byte(i >> 8)})
				}
				want := make([]digest, n)
				for i := range want {
					whole := []byte{7}
					for _, part := range parts[i*arity : (i+1)*arity] {
						whole = append(whole, part[:]...)
					}
					want[i] = sha256.Sum256(whole)
				}
				SumTuples(parts[:n], 7, parts, arity)
				for i := range want {
					if parts[i] != want[i] {
						t.Fatalf("arity %d: tuple %d of %d is wrong", arity, i, n)
					}
				}
			}
		}
	})
}

func TestSumManyRefusesMessagesOutside(t *testing.T) {
	data, dst := make([]byte, 1000), make([][32]byte, 10)
	for name, call := range map[string]func(){
		"too short":     func() { SumMany(dst, data[:99], 10, 10) },
		"last leaves":   func() { SumMany(dst, data[:100], 11, 10) },
		"negative size": func() { SumMany(dst, data, -1, 10) },
		"backwards":     func() { SumMany(dst, data, 1, -1) },
		"overflow":      func() { SumMany(dst, data, 1, 1<<62) },
		"prefixed":      func() { SumPrefixed(dst, 0, data[:99], 10, 10) },
		"prefixed long": func() { SumPrefixed(dst[:1], 0, data, 512, 0) },
		"tuples short":  func() { SumTuples(dst[:6], 0, dst, 2) },
		"arity 0":       func() { SumTuples(dst[:1], 0, dst, 0) },
		"arity 16":      func() { SumTuples(dst[:0], 0, dst, 16) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("no panic")
				}
				for _, d := range dst {
					if d != [32]byte{} {
						t.Fatal("dst was written")
					}
				}
			}()
			call()
		})
	}
	SumMany(dst[:0], nil, 5, 5)
}

// Any messages, at any distance from each other.
func TestSumManyOfAnything(t *testing.T) {
	eachHash(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			data := rapid.SliceOfN(rapid.Byte(), 0, 700).Draw(t, "data")
			size := rapid.IntRange(0, len(data)).Draw(t, "size")
			n := rapid.IntRange(0, 50).Draw(t, "n")
			stride := rapid.IntRange(0, (len(data)-size)/max(n-1, 1)).Draw(t, "stride")
			dst := make([][32]byte, n)
			SumMany(dst, data, size, stride)
			for i := range dst {
				if dst[i] != sha256.Sum256(data[i*stride:][:size]) {
					t.Fatalf("message %d is wrong", i)
				}
			}
		})
	})
}

// FAULTS: N12 N15
func FuzzSumMany(f *testing.F) {
	f.Add([]byte("abc"), uint8(3), uint16(1), uint16(2), uint8(0))
	f.Fuzz(func(t *testing.T, data []byte, n uint8, size, stride uint16, prefix uint8) {
		count, length, apart := int(n)%64, int(size)%512, int(stride)
		if length > len(data) || count > 1 && (count-1)*apart > len(data)-length {
			return
		}
		dst := make([][32]byte, count)
		for _, extensions := range withExtensions(t) {
			extensions.set(t)
			everyTier(t, func() {
				SumMany(dst, data, length, apart)
				sameDigests(t, dst, nil, data, length, apart)
				SumPrefixed(dst, prefix, data, length, apart)
				sameDigests(t, dst, []byte{prefix}, data, length, apart)
			})
		}
	})
}

func ExampleSumTuples() {
	leaves := make([][32]byte, 4)
	SumPrefixed(leaves, 0, []byte("onetwosixten"), 3, 3)
	level := leaves
	for len(level) > 1 {
		SumTuples(level[:len(level)/2], 1, level, 2)
		level = level[:len(level)/2]
	}
	fmt.Printf("%x\n", level[0][:4])
	// Output: 648905ec
}
