package engine

import (
	"errors"
	"testing"

	"zhenni"
)

// leakyStore writes a template into the row before it answers.
type leakyStore struct{ answer func() (zhenni.Status, error) }

func (s leakyStore) Reference(id zhenni.CredentialID, row []int8) (zhenni.Reference, error) {
	for i := range row {
		row[i] = 1
	}
	status, err := s.answer()
	return zhenni.Reference{ID: id, Tenant: 1, Status: status, Generation: 1, Row: row, Norm: int32(len(row))}, err
}

func (leakyStore) References(_, _ zhenni.Slot, _ func(zhenni.Reference) error) error { return nil }

// A template is in memory only as long as it can be matched.
func TestNoTemplateStaysBehind(t *testing.T) {
	const dim = 70
	answer := func(status zhenni.Status, err error) func() (zhenni.Status, error) {
		return func() (zhenni.Status, error) { return status, err }
	}
	for _, c := range []struct {
		name   string
		answer func() (zhenni.Status, error)
		after  func(*Matcher)
	}{
		{"read failed", answer(zhenni.StatusActive, errors.New("disk")), nil},
		{"read panicked", func() (zhenni.Status, error) { panic("poison") }, nil},
		{"record unsound", answer(0, nil), nil},
		{"suspended", answer(zhenni.StatusSuspended, nil), nil},
		{"revoked", answer(zhenni.StatusRevoked, nil), nil},
		{"erased", answer(0, zhenni.ErrNotFound), nil},
		{"discarded", answer(zhenni.StatusActive, nil), func(m *Matcher) { m.Discard(0) }},
		{"evicted", answer(zhenni.StatusActive, nil), func(m *Matcher) { m.arena.segments[0].room(1) }},
	} {
		a, err := NewArena(dim, int64(Segments*(3*lineBytes+8*slotsPerRow)))
		if err != nil {
			t.Fatal(err)
		}
		m := NewMatcher(a, leakyStore{c.answer}, 1)
		func() {
			defer func() { _ = recover() }()
			_ = m.Refresh(zhenni.CredentialID{})
		}()
		if c.after != nil {
			c.after(m)
		}
		for _, x := range a.segments[0].elements(0) {
			if x != 0 {
				t.Errorf("%s: the template is still in memory", c.name)
				break
			}
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}
