package storage

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
)

// testVerifier is what stands for a PIN's verifier, which the store does not look into.
var testVerifier = []byte(strings.Repeat("verifier", 9))

func setPIN(n int) zhenni.SetPIN {
	return zhenni.SetPIN{ID: testID(n), Tenant: 7, Verifier: testVerifier, Generation: 1, At: testTime}
}

func tried(n int, after time.Duration) zhenni.CountPIN {
	return zhenni.CountPIN{ID: testID(n), Tenant: 7, At: testTime.Add(after)}
}

func right(n int) zhenni.CountPIN {
	return zhenni.CountPIN{ID: testID(n), Tenant: 7, Right: true, At: testTime}
}

// holdsPIN expects the PIN of setPIN with that many attempts begun.
func holdsPIN(t *testing.T, what string, s *Store, n, begun int) {
	t.Helper()
	p, err := s.PIN(testID(n))
	if err != nil || !bytes.Equal(p.Verifier, testVerifier) || p.Generation != 1 || int(p.Attempts.Begun) != begun {
		t.Errorf("%s: the PIN of %d is %+v, %v, want %d attempts", what, n, p, err, begun)
	}
}

func hasNoPIN(t *testing.T, what string, s *Store, n int) {
	t.Helper()
	if p, err := s.PIN(testID(n)); !errors.Is(err, zhenni.ErrNotFound) || !reflect.DeepEqual(p, zhenni.PIN{}) {
		t.Errorf("%s: the PIN of %d is %+v, %v", what, n, p, err)
	}
}

// FAULTS: Z1
func TestPINCommandsRefused(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1), testEnrol(2), testEnrol(3), setPIN(2), setPIN(3), changed(2, zhenni.StatusRevoked), changed(3, zhenni.StatusSuspended))
	mustApply(t, s, testEnrol(4), setPIN(4), zhenni.LockFactors{ID: testID(4), Tenant: 7, Factors: zhenni.LockPIN, Locked: true, At: testTime})
	set := func(change func(*zhenni.SetPIN)) zhenni.SetPIN {
		c := setPIN(1)
		change(&c)
		return c
	}
	foreign := right(3)
	foreign.Tenant = 8
	for name, tt := range map[string]struct {
		cmd  zhenni.Command
		want error
	}{
		"no verifier":             {set(func(c *zhenni.SetPIN) { c.Verifier = nil }), zhenni.ErrBadValue},
		"too long a verifier":     {set(func(c *zhenni.SetPIN) { c.Verifier = make([]byte, zhenni.MaxPINVerifier+1) }), zhenni.ErrBadValue},
		"another tenant's":        {set(func(c *zhenni.SetPIN) { c.Tenant = 8 }), zhenni.ErrNotFound},
		"unknown id":              {set(func(c *zhenni.SetPIN) { c.ID = testID(9) }), zhenni.ErrNotFound},
		"another generation":      {set(func(c *zhenni.SetPIN) { c.Generation = 2 }), zhenni.ErrIllegalChange},
		"revoked":                 {setPIN(2), zhenni.ErrIllegalChange},
		"tried without a PIN":     {tried(1, 0), zhenni.ErrNotFound},
		"right without a PIN":     {right(1), zhenni.ErrNotFound},
		"tried when revoked":      {tried(2, 0), zhenni.ErrNotFound},
		"tried when suspended":    {tried(3, 0), zhenni.ErrNotFound},
		"tried when locked":       {tried(4, 0), zhenni.ErrNotFound},
		"right when locked":       {right(4), zhenni.ErrNotFound},
		"tried by another tenant": {foreign, zhenni.ErrNotFound},
		"tried on an unknown id":  {tried(9, 0), zhenni.ErrNotFound},
	} {
		if r := apply(t, s, tt.cmd); !errors.Is(r.Err, tt.want) || r.Credential != (zhenni.Credential{}) {
			t.Errorf("%s: %+v, want %v", name, r, tt.want)
		}
	}
	hasNoPIN(t, "after refusals", s, 1)
	hasNoPIN(t, "unknown", s, 9)
	holdsPIN(t, "after refusals", s, 2, 0)
}

// What was made anew takes the place of the verifier it was made of, and of no other; the attempts that were begun stay.
func TestPINIsRenewed(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1), testEnrol(2), testEnrol(3), setPIN(1), setPIN(3), tried(1, 0), changed(3, zhenni.StatusSuspended))
	renewed := bytes.Repeat([]byte{7}, 75)
	renew := func(n int, change func(*zhenni.RenewPIN)) zhenni.RenewPIN {
		c := zhenni.RenewPIN{ID: testID(n), Tenant: 7, From: testVerifier, To: renewed, At: testTime}
		change(&c)
		return c
	}
	for name, tt := range map[string]struct {
		cmd  zhenni.Command
		want error
	}{
		"made of another":  {renew(1, func(c *zhenni.RenewPIN) { c.From = renewed }), zhenni.ErrIllegalChange},
		"made of none":     {renew(1, func(c *zhenni.RenewPIN) { c.From = nil }), zhenni.ErrIllegalChange},
		"nothing":          {renew(1, func(c *zhenni.RenewPIN) { c.To = nil }), zhenni.ErrBadValue},
		"another tenant's": {renew(1, func(c *zhenni.RenewPIN) { c.Tenant = 8 }), zhenni.ErrNotFound},
		"without a PIN":    {renew(2, func(*zhenni.RenewPIN) {}), zhenni.ErrNotFound},
		"suspended":        {renew(3, func(*zhenni.RenewPIN) {}), zhenni.ErrNotFound},
		"nobody":           {renew(9, func(*zhenni.RenewPIN) {}), zhenni.ErrNotFound},
	} {
		if r := apply(t, s, tt.cmd); !errors.Is(r.Err, tt.want) {
			t.Errorf("%s: %+v, want %v", name, r, tt.want)
		}
	}
	holdsPIN(t, "after refusals", s, 1, 1)
	mustApply(t, s, renew(1, func(*zhenni.RenewPIN) {}))
	p, err := s.PIN(testID(1))
	if err != nil || !bytes.Equal(p.Verifier, renewed) || p.Generation != 1 || p.Attempts.Begun != 1 {
		t.Errorf("%+v, %v", p, err)
	}
}

// The whole life of a count: it grows, pauses, blocks, and is cleared by a right PIN and by a new one. Each step is there
// after a restart.
//
// FAULTS: B1 C10
func TestPINAttemptsAreKept(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1), setPIN(1))
	reopen := func() {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, opts)
	}
	at := time.Duration(0)
	for begun := 1; begun <= zhenni.PINMost; begun++ {
		mustApply(t, s, tried(1, at))
		reopen()
		holdsPIN(t, "tried", s, 1, begun)
		want := zhenni.ErrPINPaused
		switch {
		case begun < zhenni.PINFree:
			continue
		case begun == zhenni.PINMost:
			want = zhenni.ErrPINBlocked
		}
		if r := apply(t, s, tried(1, at)); !errors.Is(r.Err, want) {
			t.Errorf("after %d attempts: %v, want %v", begun, r.Err, want)
		}
		holdsPIN(t, "refused", s, 1, begun)
		at += zhenni.PINPause << (begun - zhenni.PINFree)
	}
	mustApply(t, s, setPIN(1))
	holdsPIN(t, "set anew", s, 1, 0)
	mustApply(t, s, tried(1, 0), tried(1, 0), right(1))
	reopen()
	holdsPIN(t, "right", s, 1, 0)
	before := s.machine.applied.sequence
	mustApply(t, s, right(1))
	if after := s.machine.applied.sequence; after != before {
		t.Errorf("what changes nothing is commit %d after %d", after, before)
	}
}

// Guesses at once are counted like guesses in a row: no more begin than may.
//
// FAULTS: B1
func TestPINGuessesAtOnce(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1), setPIN(1))
	var begun atomic.Int32
	var guessers sync.WaitGroup
	for range 64 {
		guessers.Go(func() {
			results, err := s.Apply(t.Context(), []zhenni.Command{tried(1, 0)})
			switch {
			case err != nil:
				t.Error(err)
			case results[0].Err == nil:
				begun.Add(1)
			case !errors.Is(results[0].Err, zhenni.ErrPINPaused):
				t.Error(results[0].Err)
			}
		})
	}
	guessers.Wait()
	if n := begun.Load(); n != zhenni.PINFree {
		t.Errorf("%d of 64 guesses began", n)
	}
	holdsPIN(t, "guessed", s, 1, zhenni.PINFree)
}

// A PIN is of its credential through suspension and revocation, and gone with erasure.
func TestErasureTakesThePIN(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1), setPIN(1), testEnrol(2), setPIN(2), testEnrol(3))
	mustApply(t, s, changed(1, zhenni.StatusSuspended), changed(1, zhenni.StatusActive), tried(1, 0))
	holdsPIN(t, "active again", s, 1, 1)
	foreign := erasure(2)
	foreign.Tenant = 8
	if r := apply(t, s, foreign); !errors.Is(r.Err, zhenni.ErrNotFound) {
		t.Errorf("erased by another tenant: %v", r.Err)
	}
	holdsPIN(t, "not erased", s, 2, 0)
	mustApply(t, s, erasure(1), erasure(1), erasure(3))
	for range 2 {
		hasNoPIN(t, "erased", s, 1)
		hasNoPIN(t, "erased without one", s, 3)
		holdsPIN(t, "another's", s, 2, 0)
		if r := apply(t, s, setPIN(1)); !errors.Is(r.Err, zhenni.ErrIllegalChange) {
			t.Errorf("set after erasure: %v", r.Err)
		}
		if report := mustCheck(t, s); !report.OK() || report.Credentials != 3 {
			t.Errorf("%+v", report)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, opts)
	}
}

func mustCheck(t *testing.T, s *Store) Report {
	t.Helper()
	report, err := s.Check(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// PINs go where credentials go: through a rotation of their tenant's key, a snapshot, a view made anew, and a backup.
//
// FAULTS: S15
func TestPINsGoWithTheStore(t *testing.T) {
	opts := childOptions(filepath.Join(t.TempDir(), "store"))
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1), setPIN(1), testEnrol(2))
	mustApply(t, s, tried(1, 0), tried(1, 0))
	if err := s.RotateTenant(t.Context(), 7, nil); err != nil {
		t.Fatal(err)
	}
	holdsPIN(t, "rotated", s, 1, 2)
	mustApply(t, s, tried(1, 0))
	if err := errors.Join(s.snapshot(), s.Close()); err != nil {
		t.Fatal(err)
	}
	remove(t, opts.Dir, viewDir)
	s = openStore(t, opts)
	holdsPIN(t, "made anew", s, 1, 3)
	to := filepath.Join(t.TempDir(), "backup")
	backUp(t, s, to)
	back, _ := restored(t, to, nil)
	holdsPIN(t, "restored", back, 1, 3)
	hasNoPIN(t, "restored", back, 2)
	if report := mustCheck(t, back); !report.OK() {
		t.Errorf("%+v", report.Problems)
	}
	for _, dir := range []string{opts.Dir, to} {
		for _, file := range filesBelow(t, dir) {
			if bytes.Contains(content(t, file), testVerifier) {
				t.Errorf("%s holds a verifier in the clear", file)
			}
		}
	}
}

func filesBelow(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A PIN's record opens at its own place only. One that does not open is refused, by itself, until it is set anew.
//
// FAULTS: S14 Z6
func TestDamagedPINIsRefusedAlone(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1), setPIN(1), testEnrol(2), setPIN(2))
	foreign := record{appendPINKey(nil, testID(1)), slices.Clone(rawGet(t, s, appendPINKey(nil, testID(2))))}
	if err := s.seize(); err != nil {
		t.Fatal(err)
	}
	err := s.commitRecords([]record{foreign})
	s.resume()
	if err != nil {
		t.Fatal(err)
	}
	if p, err := s.PIN(testID(1)); !errors.Is(err, zhenni.ErrCorrupt) || len(p.Verifier) != 0 {
		t.Errorf("another's record: %+v, %v", p, err)
	}
	for _, cmd := range []zhenni.Command{tried(1, 0), right(1)} {
		if r := apply(t, s, cmd); !errors.Is(r.Err, zhenni.ErrCorrupt) {
			t.Errorf("%+v: %v", cmd, r.Err)
		}
	}
	holdsPIN(t, "its neighbour", s, 2, 0)
	if _, err := s.Reference(testID(1), make([]int8, testModel.Dim)); err != nil {
		t.Errorf("the template beside it: %v", err)
	}
	report := mustCheck(t, s)
	if len(report.Problems) != 1 || report.Problems[0].Class != "PIN" || report.Problems[0].First != testID(1).String() || report.Credentials != 2 {
		t.Errorf("%+v", report)
	}
	mustApply(t, s, setPIN(1))
	holdsPIN(t, "set anew", s, 1, 0)
	if report := mustCheck(t, s); !report.OK() {
		t.Errorf("%+v", report.Problems)
	}
}

// FAULTS: S14
func FuzzPIN(f *testing.F) {
	head := make([]byte, pinHeadSize)
	head[0] = pinVersion
	f.Add(head)
	f.Add(append(slices.Clone(head), testVerifier...))
	f.Add(head[1:])
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := decodePIN(body)
		if err != nil {
			if !errors.Is(err, zhenni.ErrCorrupt) {
				t.Error(err)
			}
			return
		}
		if again := appendPIN(nil, p); !bytes.Equal(again, body) || len(p.Verifier) > zhenni.MaxPINVerifier {
			t.Errorf("%x encodes to %x", body, again)
		}
	})
}
