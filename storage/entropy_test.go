package storage

import (
	"crypto/rand"
	"errors"
	"testing"

	"zhenni"
)

// stuck is an entropy source that can be held up.
type stuck struct{ gate chan chan struct{} }

func (s *stuck) Read(p []byte) (int, error) {
	select {
	case open := <-s.gate:
		<-open
	default:
	}
	return rand.Read(p)
}

// A source that blocks makes changes wait, up to the bound on those that wait, and then refuses them. What is there is
// served meanwhile, and nothing is written that was not sealed.
//
// FAULTS: R12
func TestBlockedEntropyIsBounded(t *testing.T) {
	opts := testOptions(t)
	source := &stuck{make(chan chan struct{})}
	opts.Entropy, opts.Queue = source, 2
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1))
	open := make(chan struct{})
	answers := make(chan error, 8)
	apply := func(n int) {
		_, err := s.Apply(t.Context(), []zhenni.Command{testEnrol(n)})
		answers <- err
	}
	go apply(2)
	source.gate <- open // the committer is held up in the first read
	refused := 0
	for n := 3; n < 9; n++ {
		go apply(n)
	}
	for range 4 { // two wait, four are refused
		if err := <-answers; !errors.Is(err, zhenni.ErrOverloaded) {
			t.Errorf("a change while entropy is held up: %v", err)
		}
		refused++
	}
	if c, err := s.Credential(testID(1)); err != nil || c.Status != zhenni.StatusActive || s.Count() != 1 {
		t.Errorf("%+v, %v; %d credentials", c, err, s.Count())
	}
	close(open)
	for range 3 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	if s.Count() != 4 {
		t.Errorf("%d credentials, want 4; %d were refused", s.Count(), refused)
	}
}
