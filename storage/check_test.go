package storage

import (
	"context"
	"errors"
	"slices"
	"testing"

	"zhenni"
)

func TestCheckNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	status := func(n int) []byte { return appendStatusKey(nil, testID(n)) }
	template := func(n int) []byte { return appendTemplateKey(nil, testID(n), testModel.Factor) }
	spoil := func(t *testing.T, s *Store, key []byte) {
		value := rawGet(t, s, key)
		rawSet(t, s, key, set(value, len(value)-1, value[len(value)-1]^1))
	}
	tests := []struct {
		class  string
		damage func(t *testing.T, s *Store)
		also   []string
	}{
		{"status", func(t *testing.T, s *Store) { spoil(t, s, status(1)) }, nil},
		{"template", func(t *testing.T, s *Store) { spoil(t, s, template(1)) }, nil},
		{"template missing", func(t *testing.T, s *Store) { rawDelete(t, s, template(1)) }, nil},
		{"status missing", func(t *testing.T, s *Store) { rawDelete(t, s, status(1)) }, []string{"count"}},
		{"count", func(t *testing.T, s *Store) { rawDelete(t, s, status(1)); rawDelete(t, s, template(1)) }, nil},
		{"relying party", func(t *testing.T, s *Store) { spoil(t, s, appendPartyKey(nil, "hotel-1")) }, nil},
		{"tenant key", func(t *testing.T, s *Store) { spoil(t, s, appendTenantKey(nil, 7, 1)) }, nil},
		{"high-water record", func(t *testing.T, s *Store) { spoil(t, s, waterKey) }, nil},
		{"unknown key", func(t *testing.T, s *Store) { rawSet(t, s, []byte("zebra"), []byte("x")) }, nil},
		{"unknown key", func(t *testing.T, s *Store) { rawSet(t, s, append(status(1), 'x'), []byte("x")) }, nil},
		{"template unsound", func(t *testing.T, s *Store) { contradict(t, s, 1) }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.class, func(t *testing.T) {
			s := openStore(t, testOptions(t))
			mustApply(t, s, testEnrol(1), testEnrol(2), zhenni.PutRelyingParty{Party: goldenParty.RelyingParty})
			tt.damage(t, s)
			report, err := s.Check(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			var classes []string
			for _, p := range report.Problems {
				classes = append(classes, p.Class)
				if p.Count != 1 || p.Hint == "" {
					t.Errorf("problem %+v", p)
				}
			}
			if want := append([]string{tt.class}, tt.also...); !slices.Equal(classes, want) {
				t.Errorf("classes %q, want %q", classes, want)
			}
		})
	}
}

// contradict seals a template whose norm is not its row's.
func contradict(t *testing.T, s *Store, n int) {
	t.Helper()
	key := appendTemplateKey(nil, testID(n), testModel.Factor)
	by := (*s.ring.Load())[7]
	value, err := s.vault.seal(by, 7, 1, key, appendTemplate(nil, testEnrol(n).Row, 1), new(scratch))
	if err != nil {
		t.Fatal(err)
	}
	rawSet(t, s, key, value)
}

func TestCheckEndsWithItsContext(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Check(ctx, nil); !errors.Is(err, zhenni.ErrDeadline) {
		t.Errorf("Check: %v, want ErrDeadline", err)
	}
}

func TestEveryClassHasAHint(t *testing.T) {
	for _, class := range faultClasses {
		if hints[class] == "" {
			t.Errorf("%s has no hint", class)
		}
	}
}
