package pin

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"

	"zhenni"
)

func newChecker(t testing.TB, c Config) *Checker {
	t.Helper()
	checker, err := NewChecker(c, rand.NewChaCha8([32]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	return checker
}

func admit(t testing.TB, c *Checker) *Turn {
	t.Helper()
	turn, err := c.Admit()
	if err != nil {
		t.Fatal(err)
	}
	return turn
}

func TestOnlyThePINIsRight(t *testing.T) {
	peppers := testPeppers(t, 1)
	v := makeVerifier(t, peppers)
	for text, want := range map[string]bool{
		"58204917": true, "５８２０４９１７": true, "58204918": false, "48204917": false, "71940285": false, "00000000": false,
	} {
		if right, err := check(t, peppers, text, v); err != nil || right != want {
			t.Errorf("%s: %t, %v", text, right, err)
		}
	}
}

// Where there is no verifier no PIN is right, and what is done is the same: a seal opened, one Argon2id, two tags compared.
//
// FAULTS: Z2
func TestUnknownCredentialTakesTheSameWork(t *testing.T) {
	c := newChecker(t, Config{Peppers: testPeppers(t, 1), Params: cheap, Concurrent: 1})
	if c.decoy.Params() != cheap || c.decoy.Pepper() != 1 || c.Stale(c.decoy) {
		t.Errorf("the decoy is made otherwise: %+v, pepper %d", c.decoy.Params(), c.decoy.Pepper())
	}
	turn, d, v := admit(t, c), mustParse(t, "58204917"), makeVerifier(t, testPeppers(t, 1))
	if right, err := turn.Check(d, testBinding, Verifier{}); err != nil || right {
		t.Errorf("no verifier: %t, %v", right, err)
	}
	allocations := func(v Verifier) float64 {
		return testing.AllocsPerRun(20, func() {
			if _, err := turn.Check(d, testBinding, v); err != nil {
				t.Fatal(err)
			}
		})
	}
	if there, unknown := allocations(v), allocations(Verifier{}); there != unknown {
		t.Errorf("%v allocations with a verifier, %v without", there, unknown)
	}
	// Even a decoy whose PIN is known fits no unknown credential.
	c.decoy = c.peppers.seal(cheap, testSalt, derive(d, testSalt, cheap), Binding{})
	if right, err := turn.Check(d, testBinding, Verifier{}); err != nil || right {
		t.Errorf("the decoy's own PIN: %t, %v", right, err)
	}
}

// FAULTS: O7
func TestAdmissionIsBounded(t *testing.T) {
	const most = 3
	c := newChecker(t, Config{Peppers: testPeppers(t, 1), Params: cheap, Concurrent: most})
	var turns []*Turn
	for range most {
		turns = append(turns, admit(t, c))
	}
	if turn, err := c.Admit(); turn != nil || !errors.Is(err, zhenni.ErrOverloaded) {
		t.Errorf("one more: %v", err)
	}
	turns[0].End()
	turns[0].End()
	again := admit(t, c)
	if _, err := c.Admit(); !errors.Is(err, zhenni.ErrOverloaded) {
		t.Errorf("a turn ended twice makes room for two: %v", err)
	}
	for _, turn := range append(turns, again) {
		turn.End()
	}
	if len(c.turns) != 0 {
		t.Errorf("%d turns are left", len(c.turns))
	}
}

// Many at once: as many are answered, each rightly, as are admitted.
func TestCheckerIsSafeForConcurrentUse(t *testing.T) {
	peppers := testPeppers(t, 1)
	c, v := newChecker(t, Config{Peppers: peppers, Params: cheap, Concurrent: 4}), makeVerifier(t, peppers)
	d, wrong := mustParse(t, "58204917"), mustParse(t, "58204918")
	var askers sync.WaitGroup
	for range 32 {
		askers.Go(func() {
			turn, err := c.Admit()
			if err != nil {
				if !errors.Is(err, zhenni.ErrOverloaded) {
					t.Error(err)
				}
				return
			}
			defer turn.End()
			if right, err := turn.Check(d, testBinding, v); err != nil || !right {
				t.Errorf("the PIN: %t, %v", right, err)
			}
			if right, err := turn.Check(wrong, testBinding, v); err != nil || right {
				t.Errorf("another: %t, %v", right, err)
			}
		})
	}
	askers.Wait()
}

// A fault is no verdict.
func TestFaultsAreNoVerdict(t *testing.T) {
	peppers := testPeppers(t, 1)
	v, d := makeVerifier(t, peppers), mustParse(t, "58204917")
	c := newChecker(t, Config{Peppers: peppers, Params: cheap, Concurrent: 1})
	turn := admit(t, c)
	greedy := v
	greedy.params.MemoryKiB *= 2
	forgotten := mustParse(t, "58204917")
	forgotten.Forget()
	for what, test := range map[string]struct {
		digits   Digits
		verifier Verifier
		want     error
	}{
		"no PIN":                     {Digits{}, v, zhenni.ErrBadValue},
		"a forgotten PIN":            {forgotten, v, zhenni.ErrBadValue},
		"more memory than is here":   {d, greedy, zhenni.ErrUnavailable},
		"a damaged verifier":         {d, Verifier{params: cheap, pepper: 1}, zhenni.ErrCorrupt},
		"a pepper that is not there": {d, Verifier{params: cheap, pepper: 2}, zhenni.ErrWrongKey},
	} {
		if right, err := turn.Check(test.digits, testBinding, test.verifier); right || !errors.Is(err, test.want) {
			t.Errorf("%s: %t, %v", what, right, err)
		}
		if err := turn.Opens(testBinding, test.verifier); test.verifier != v && !errors.Is(err, test.want) {
			t.Errorf("%s: is seen to open: %v", what, err)
		}
	}
	if v, err := turn.Make(Digits{}, testBinding, testSalt); !v.IsZero() || !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("a verifier of no PIN: %v", err)
	}
	if v, err := turn.Make(d, testBinding, [SaltSize]byte{}); !v.IsZero() || !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("a verifier without salt: %v", err)
	}
	if err := turn.Opens(testBinding, v); err != nil {
		t.Errorf("a good verifier: %v", err)
	}
	turn.End()
	if err := turn.Opens(testBinding, v); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("seen to open after the turn: %v", err)
	}
	if right, err := turn.Check(d, testBinding, v); right || !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("after the turn: %t, %v", right, err)
	}
}

func TestStaleVerifierIsRight(t *testing.T) {
	peppers := testPeppers(t, 1)
	v := makeVerifier(t, peppers)
	raised := cheap
	raised.MemoryKiB *= 2
	c := newChecker(t, Config{Peppers: peppers, Params: raised, Concurrent: 1})
	turn := admit(t, c)
	defer turn.End()
	if right, err := turn.Check(mustParse(t, "58204917"), testBinding, v); err != nil || !right || !c.Stale(v) {
		t.Errorf("%t, %v, stale %t", right, err, c.Stale(v))
	}
	renewed, err := turn.Renew(mustParse(t, "58204917"), testBinding, v, [SaltSize]byte{8})
	if err != nil || c.Stale(renewed) || renewed.Salt() == v.Salt() {
		t.Errorf("%v, stale %t", err, c.Stale(renewed))
	}
	if right, err := turn.Check(mustParse(t, "58204917"), testBinding, renewed); err != nil || !right {
		t.Errorf("made anew: %t, %v", right, err)
	}
}

// Under an earlier pepper a verifier is stale too, and is sealed anew without another tag.
func TestVerifierUnderAnEarlierPepperIsStale(t *testing.T) {
	v := makeVerifier(t, testPeppers(t, 1))
	c := newChecker(t, Config{Peppers: testPeppers(t, 2, 1), Params: cheap, Concurrent: 1})
	turn, d := admit(t, c), mustParse(t, "58204917")
	renewed, err := turn.Renew(d, testBinding, v, [SaltSize]byte{})
	if err != nil || !c.Stale(v) || c.Stale(renewed) || renewed.Pepper() != 2 || renewed.Salt() != v.Salt() {
		t.Errorf("%v, stale %t and %t, pepper %d", err, c.Stale(v), c.Stale(renewed), renewed.Pepper())
	}
	turn.End()
	if v, err := turn.Renew(d, testBinding, v, testSalt); !v.IsZero() || !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("after the turn: %v", err)
	}
}

// FAULTS: R12
func TestCheckerHasToBeSound(t *testing.T) {
	peppers, zero := testPeppers(t, 1), bytes.NewReader(nil)
	for what, test := range map[string]struct {
		config Config
		random io.Reader
		want   error
	}{
		"no peppers":       {Config{nil, cheap, 1}, rand.NewChaCha8([32]byte{}), zhenni.ErrBadValue},
		"no parameters":    {Config{peppers, Params{}, 1}, rand.NewChaCha8([32]byte{}), zhenni.ErrBadValue},
		"too much memory":  {Config{peppers, Params{1 << 19, 1, 1}, 1}, rand.NewChaCha8([32]byte{}), zhenni.ErrBadValue},
		"none at once":     {Config{peppers, cheap, 0}, rand.NewChaCha8([32]byte{}), zhenni.ErrBadValue},
		"too many at once": {Config{peppers, cheap, MaxConcurrent + 1}, rand.NewChaCha8([32]byte{}), zhenni.ErrBadValue},
		"no randomness":    {Config{peppers, cheap, 1}, zero, zhenni.ErrUnavailable},
		"failing source":   {Config{peppers, cheap, 1}, iotest.ErrReader(io.ErrClosedPipe), zhenni.ErrUnavailable},
	} {
		if c, err := NewChecker(test.config, test.random); c != nil || !errors.Is(err, test.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if p := DefaultParams(); p.Validate() != nil || p != (Params{MemoryKiB: 19456, Passes: 2, Lanes: 1}) {
		t.Errorf("%+v", p)
	}
}

// BenchmarkCheck is a check as it is in service; the other two are the same of an unknown credential and of a wrong PIN.
func BenchmarkCheck(b *testing.B) {
	c := newChecker(b, Config{Peppers: testPeppers(b, 1), Params: DefaultParams(), Concurrent: 1})
	turn, d := admit(b, c), mustParse(b, "58204917")
	v, err := turn.Make(d, testBinding, testSalt)
	if err != nil {
		b.Fatal(err)
	}
	for _, test := range []struct {
		name     string
		digits   Digits
		verifier Verifier
	}{{"right", d, v}, {"wrong", mustParse(b, "58204918"), v}, {"unknown", d, Verifier{}}} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := turn.Check(test.digits, testBinding, test.verifier); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRewrap(b *testing.B) {
	v, peppers := makeVerifier(b, testPeppers(b, 1)), testPeppers(b, 2, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := peppers.Rewrap(v, testBinding); err != nil {
			b.Fatal(err)
		}
	}
}
