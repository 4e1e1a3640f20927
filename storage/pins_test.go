package storage

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"testing"

	"zhenni"
)

// The PINs that may still be used are visited, each once and with its credential, after a restart and in a view made anew too: those of
// credentials that are active or suspended, and of no other.
func TestLivePINsAreVisited(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	for n := 1; n <= 6; n++ {
		mustApply(t, s, testEnrol(n))
	}
	for _, n := range []int{1, 2, 3, 4, 6} {
		mustApply(t, s, setPIN(n))
	}
	mustApply(t, s, tried(1, 0), changed(2, zhenni.StatusRevoked), changed(3, zhenni.StatusSuspended), zhenni.Erase{ID: testID(4), Tenant: 7, At: testTime})
	want := map[zhenni.CredentialID]uint8{testID(1): 1, testID(3): 0, testID(6): 0}
	visited := func(what string) {
		t.Helper()
		got := map[zhenni.CredentialID]uint8{}
		err := s.PINs(t.Context(), func(c zhenni.Credential, p zhenni.PIN) error {
			if _, twice := got[c.ID]; twice || !bytes.Equal(p.Verifier, testVerifier) || p.Generation != 1 {
				t.Errorf("%s: %s: %+v", what, c.ID, p)
			}
			got[c.ID] = p.Attempts.Begun
			return nil
		})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v, want %v", what, got, err, want)
		}
	}
	visited("written")
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	s = reopened(t, s)
	visited("reopened")
	ended := errors.New("ended")
	if err := s.PINs(t.Context(), func(zhenni.Credential, zhenni.PIN) error { return ended }); !errors.Is(err, ended) {
		t.Errorf("ended by the visit: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.PINs(ctx, func(zhenni.Credential, zhenni.PIN) error { return nil }); !errors.Is(err, zhenni.ErrDeadline) {
		t.Errorf("its time is over: %v", err)
	}
}
