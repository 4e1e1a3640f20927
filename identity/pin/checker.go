package pin

import (
	"crypto/subtle"
	"fmt"
	"io"

	"golang.org/x/crypto/argon2"

	"zhenni"
)

// MaxConcurrent bounds [Config].Concurrent.
const MaxConcurrent = 1024

// Config is what a [Checker] is made of.
type Config struct {
	Peppers *Peppers
	// Params are those of new verifiers. They may be raised between two starts, never lowered.
	Params Params
	// Concurrent is how many computations may run at once, 1–[MaxConcurrent]: each takes Params.MemoryKiB and a processor.
	Concurrent int
}

// Checker makes verifiers and compares PINs with them, a bounded number at a time. It is safe for concurrent use.
type Checker struct {
	redacted
	peppers *Peppers
	params  Params
	// turns has a place for each computation that may run.
	turns chan struct{}
	// decoy is compared with where there is no verifier. No PIN fits it: its tag is random.
	decoy Verifier
}

// NewChecker returns a checker, with a decoy drawn from random: [zhenni.ErrBadValue] for a Config out of its ranges,
// [zhenni.ErrUnavailable] if random fails.
func NewChecker(c Config, random io.Reader) (*Checker, error) {
	if err := c.Params.Validate(); err != nil {
		return nil, err
	}
	if c.Peppers == nil || c.Concurrent < 1 || c.Concurrent > MaxConcurrent {
		return nil, fmt.Errorf("%w: PIN checker: want peppers and 1–%d computations at once", zhenni.ErrBadValue, MaxConcurrent)
	}
	var drawn struct {
		salt [SaltSize]byte
		tag  [tagSize]byte
	}
	for _, part := range [][]byte{drawn.salt[:], drawn.tag[:]} {
		if _, err := io.ReadFull(random, part); err != nil {
			return nil, fmt.Errorf("%w: PIN checker: %w", zhenni.ErrUnavailable, err)
		}
	}
	return &Checker{
		peppers: c.Peppers, params: c.Params, turns: make(chan struct{}, c.Concurrent),
		decoy: c.Peppers.seal(c.Params, drawn.salt, drawn.tag, Binding{}),
	}, nil
}

// Stale reports whether v was made with other parameters than new ones are, or lies under a pepper before the current one. Its
// PIN, once found right, is due a new one: [Turn.Renew].
func (c *Checker) Stale(v Verifier) bool {
	return v.params != c.params || v.pepper != c.peppers.current.version
}

// Admit takes a turn at once, or refuses it with [zhenni.ErrOverloaded]: nothing waits. Whoever counts attempts does so
// between Admit and [Turn.Check], so that a refused one costs none. The turn is given back by [Turn.End].
func (c *Checker) Admit() (*Turn, error) {
	select {
	case c.turns <- struct{}{}:
		return &Turn{checker: c}, nil
	default:
		return nil, fmt.Errorf("%w: %d PINs are being checked", zhenni.ErrOverloaded, cap(c.turns))
	}
}

// Turn is the right to compute, one PIN after the other. It belongs to one goroutine.
type Turn struct {
	redacted
	// checker is nil once the turn has ended.
	checker *Checker
}

// End gives the turn back. Ending it again does nothing.
func (t *Turn) End() {
	if t.checker != nil {
		<-t.checker.turns
		t.checker = nil
	}
}

// Make makes the verifier of a PIN, with a salt the caller drew from a cryptographic source and uses once:
// [zhenni.ErrBadValue] for no PIN or a blank salt, [zhenni.ErrUnavailable] once the turn has ended. That the PIN is not a
// weak one is the caller's to see to.
func (t *Turn) Make(d Digits, b Binding, salt [SaltSize]byte) (Verifier, error) {
	if err := t.ready(d); err != nil {
		return Verifier{}, err
	}
	if salt == [SaltSize]byte{} {
		return Verifier{}, fmt.Errorf("%w: PIN verifier: want a random salt", zhenni.ErrBadValue)
	}
	tag := derive(d, salt, t.checker.params)
	defer clear(tag[:])
	return t.checker.peppers.seal(t.checker.params, salt, tag, b), nil
}

// Renew returns the verifier of a PIN that was found right by v as one made now would be: sealed under the current pepper, or
// where the parameters are others made anew, with a salt as of [Turn.Make]. Errors are those of Make and of [Peppers.Rewrap].
func (t *Turn) Renew(d Digits, b Binding, v Verifier, salt [SaltSize]byte) (Verifier, error) {
	if err := t.ready(d); err != nil {
		return Verifier{}, err
	}
	if v.params != t.checker.params {
		return t.Make(d, b, salt)
	}
	return t.checker.peppers.Rewrap(v, b)
}

// Opens finds out, without a PIN, whether v could be compared with one: nil, or the error by which [Turn.Check] would give no
// verdict. Whoever counts attempts asks before, so that what is wrong with the keeper's keys uses up none.
func (t *Turn) Opens(b Binding, v Verifier) error {
	if t.checker == nil {
		return fmt.Errorf("%w: the turn to check PINs has ended", zhenni.ErrUnavailable)
	}
	want, err := t.open(b, v)
	clear(want[:])
	return err
}

// open returns the tag, which the caller overwrites.
func (t *Turn) open(b Binding, v Verifier) (tag [tagSize]byte, err error) {
	if v.params.MemoryKiB > t.checker.params.MemoryKiB {
		return tag, fmt.Errorf("%w: PIN verifier of %d KiB: want at most %d", zhenni.ErrUnavailable, v.params.MemoryKiB, t.checker.params.MemoryKiB)
	}
	return t.checker.peppers.open(v, b)
}

// Check reports whether v is the verifier of that PIN, bound to b. The zero Verifier stands for an unknown credential and
// for one without a PIN: no PIN is right then, after the same work. The tags are compared in constant time.
//
// An error is no verdict: [zhenni.ErrBadValue] for no PIN, [zhenni.ErrWrongKey] for a verifier under a pepper that is not
// held, [zhenni.ErrCorrupt] for one that does not open, [zhenni.ErrUnavailable] once the turn has ended, and for a verifier
// that asks for more memory than this checker's.
func (t *Turn) Check(d Digits, b Binding, v Verifier) (bool, error) {
	if err := t.ready(d); err != nil {
		return false, err
	}
	there := 1
	if v.IsZero() {
		there, v, b = 0, t.checker.decoy, Binding{}
	}
	want, err := t.open(b, v)
	if err != nil {
		return false, err
	}
	got := derive(d, v.salt, v.params)
	defer func() { clear(want[:]); clear(got[:]) }()
	return subtle.ConstantTimeCompare(want[:], got[:])&there == 1, nil
}

func (t *Turn) ready(d Digits) error {
	if t.checker == nil {
		return fmt.Errorf("%w: the turn to check PINs has ended", zhenni.ErrUnavailable)
	}
	if d.bytes() == nil {
		return fmt.Errorf("%w: no PIN to check", zhenni.ErrBadValue)
	}
	return nil
}

// derive runs Argon2id. Its result is the caller's to overwrite.
func derive(d Digits, salt [SaltSize]byte, p Params) (tag [tagSize]byte) {
	key := argon2.IDKey(d.bytes(), salt[:], uint32(p.Passes), p.MemoryKiB, p.Lanes, tagSize)
	copy(tag[:], key)
	clear(key)
	return tag
}
