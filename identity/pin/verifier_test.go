package pin

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"zhenni"
)

// cheap are parameters of no strength, so that tests are fast.
var cheap = Params{MemoryKiB: 64, Passes: 1, Lanes: 1}

func testPepper(t testing.TB, version uint32) Pepper {
	t.Helper()
	p, err := NewPepper(version, bytes.Repeat([]byte{byte(version)}, PepperSize))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func testPeppers(t testing.TB, current uint32, before ...uint32) *Peppers {
	t.Helper()
	var old []Pepper
	for _, version := range before {
		old = append(old, testPepper(t, version))
	}
	p, err := NewPeppers(testPepper(t, current), old...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// testdata/verifiers.golden was written by another implementation, from the description in the package's documentation.
// It is never rewritten: whoever makes this test fail locks everybody out.
func TestFormatIsFrozen(t *testing.T) {
	text, err := os.ReadFile("testdata/verifiers.golden")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) < 4 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, line := range lines {
		fields := strings.Split(line, "\t")
		version, err1 := strconv.ParseUint(fields[1], 10, 32)
		generation, err2 := strconv.ParseUint(fields[6], 10, 32)
		if len(fields) != 8 || err1 != nil || err2 != nil {
			t.Fatalf("%q: %v, %v", line, err1, err2)
		}
		pepper, err := NewPepper(uint32(version), unhex(t, fields[0]))
		if err != nil {
			t.Fatal(err)
		}
		if check := pepper.Check(); hex.EncodeToString(check[:]) != fields[2] {
			t.Errorf("check value %x, want %s", check, fields[2])
		}
		b := Binding{zhenni.CredentialID(unhex(t, fields[5])), zhenni.Generation(generation)}
		frozen(t, pepper, mustParse(t, fields[3]), [SaltSize]byte(unhex(t, fields[4])), b, unhex(t, fields[7]))
	}
}

// frozen makes the verifier again, and compares the PIN with the one that was read.
func frozen(t *testing.T, pepper Pepper, d Digits, salt [SaltSize]byte, b Binding, want []byte) {
	t.Helper()
	v, err := ParseVerifier(want)
	if err != nil {
		t.Fatal(err)
	}
	peppers, err := NewPeppers(pepper)
	if err != nil {
		t.Fatal(err)
	}
	turn := admit(t, newChecker(t, Config{Peppers: peppers, Params: v.Params(), Concurrent: 1}))
	defer turn.End()
	made, err := turn.Make(d, b, salt)
	if err != nil || !bytes.Equal(made.Append(nil), want) || v.Pepper() != pepper.version {
		t.Errorf("%x, %v\nwant %x", made.Append(nil), err, want)
	}
	if right, err := turn.Check(d, b, v); err != nil || !right {
		t.Errorf("the PIN is %t, %v", right, err)
	}
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	testBinding = Binding{zhenni.CredentialID{1, 2, 3}, 4}
	testSalt    = [SaltSize]byte{5, 6, 7}
)

// makeVerifier makes that of 58204917 by cheap parameters.
func makeVerifier(t testing.TB, peppers *Peppers) Verifier {
	t.Helper()
	turn := admit(t, newChecker(t, Config{Peppers: peppers, Params: cheap, Concurrent: 1}))
	defer turn.End()
	v, err := turn.Make(mustParse(t, "58204917"), testBinding, testSalt)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Every byte of a verifier, and what it is bound to, is under its seal.
//
// FAULTS: Z6 C3
func TestVerifierIsSealed(t *testing.T) {
	peppers := testPeppers(t, 1)
	good := makeVerifier(t, peppers)
	for i := range VerifierSize {
		for _, bit := range []byte{1, 0x80} {
			encoded := good.Append(nil)
			encoded[i] ^= bit
			v, err := ParseVerifier(encoded)
			if err == nil {
				_, err = peppers.open(v, testBinding)
			}
			if !errors.Is(err, zhenni.ErrCorrupt) && !errors.Is(err, zhenni.ErrWrongKey) {
				t.Errorf("byte %d changed: %v", i, err)
			}
		}
	}
	for _, other := range []Binding{{}, {zhenni.CredentialID{1, 2, 4}, 4}, {testBinding.Credential, 5}} {
		if _, err := peppers.open(good, other); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("bound to %v: %v", other, err)
		}
	}
	impostor, err := NewPepper(1, bytes.Repeat([]byte{9}, PepperSize))
	if err != nil {
		t.Fatal(err)
	}
	others, err := NewPeppers(impostor)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := others.open(good, testBinding); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("another pepper of that version: %v", err)
	}
}

// An exchange of the pepper: both held, every verifier rewrapped, the old one destroyed.
func TestPepperIsExchangedWithoutThePIN(t *testing.T) {
	before := makeVerifier(t, testPeppers(t, 1))
	after, err := testPeppers(t, 2, 1).Rewrap(before, testBinding)
	if err != nil {
		t.Fatal(err)
	}
	if after.Pepper() != 2 || after.Params() != before.Params() || after == before {
		t.Errorf("pepper %d, %+v", after.Pepper(), after.Params())
	}
	alone := testPeppers(t, 2)
	if right, err := check(t, alone, "58204917", after); err != nil || !right {
		t.Errorf("under the new pepper alone: %t, %v", right, err)
	}
	if _, err := check(t, alone, "58204917", before); !errors.Is(err, zhenni.ErrWrongKey) {
		t.Errorf("the old one under the new pepper: %v", err)
	}
	if _, err := alone.Rewrap(before, testBinding); !errors.Is(err, zhenni.ErrWrongKey) {
		t.Errorf("rewrapped without the old pepper: %v", err)
	}
	if _, err := testPeppers(t, 2, 1).Rewrap(before, Binding{}); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("rewrapped for another credential: %v", err)
	}
}

func check(t *testing.T, peppers *Peppers, text string, v Verifier) (bool, error) {
	t.Helper()
	turn := admit(t, newChecker(t, Config{Peppers: peppers, Params: cheap, Concurrent: 1}))
	defer turn.End()
	return turn.Check(mustParse(t, text), testBinding, v)
}

func TestPeppersHaveToBeSome(t *testing.T) {
	key := bytes.Repeat([]byte{1}, PepperSize)
	for _, test := range []struct {
		version uint32
		key     []byte
	}{{0, key}, {1, nil}, {1, key[1:]}, {1, append(key[:PepperSize:PepperSize], 1)}, {1, make([]byte, PepperSize)}} {
		if _, err := NewPepper(test.version, test.key); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("version %d, %d bytes: %v", test.version, len(test.key), err)
		}
	}
	var nine []Pepper
	for version := range uint32(MaxPeppers + 1) {
		nine = append(nine, testPepper(t, version+1))
	}
	for _, peppers := range [][]Pepper{{{}}, {nine[0], nine[0]}, {nine[0], {}}, nine} {
		if _, err := NewPeppers(peppers[0], peppers[1:]...); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%d peppers: %v", len(peppers), err)
		}
	}
	p, err := NewPepper(1, key)
	if err != nil {
		t.Fatal(err)
	}
	want := p.Check()
	clear(key)
	if p.Check() != want {
		t.Error("a pepper reads the caller's key again")
	}
}

// FAULTS: S14
func FuzzVerifier(f *testing.F) {
	peppers := testPeppers(f, 1)
	good := makeVerifier(f, peppers)
	f.Add(good.Append(nil))
	f.Add(good.Append(nil)[1:])
	f.Add(make([]byte, VerifierSize))
	f.Fuzz(func(t *testing.T, encoded []byte) {
		v, err := ParseVerifier(encoded)
		if err != nil {
			if !errors.Is(err, zhenni.ErrCorrupt) || !v.IsZero() {
				t.Errorf("%x: %v", encoded, err)
			}
			return
		}
		if !bytes.Equal(v.Append(nil), encoded) || v.Params().Validate() != nil {
			t.Errorf("%x is written as %x", encoded, v.Append(nil))
		}
		if _, err := peppers.open(v, testBinding); err == nil && v != good {
			t.Errorf("%x opens", encoded)
		}
	})
}
