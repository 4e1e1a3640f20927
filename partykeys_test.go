package zhenni_test

import (
	"crypto/ed25519"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"zhenni"
)

func edKey(t testing.TB, seed byte) zhenni.PublicKey {
	t.Helper()
	private := ed25519.NewKeyFromSeed(slices.Repeat([]byte{seed}, ed25519.SeedSize))
	key, err := zhenni.NewPublicKey(zhenni.KeyEd25519, private.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// The words for roles, and their values, are on the disk and in scripts.
func TestRoleWords(t *testing.T) {
	words := []string{"verifier", "issuer", "terminal", "auditor", "operator"}
	var all zhenni.Role
	for i, word := range words {
		role, err := zhenni.ParseRole(word)
		if err != nil || role != 1<<i {
			t.Errorf("%s is %d, %v", word, role, err)
		}
		all |= role
	}
	if got := all.Words(); !slices.Equal(got, words) {
		t.Errorf("%q", got)
	}
	if got := zhenni.Role(0).Words(); got == nil || len(got) != 0 {
		t.Errorf("no role is %v", got)
	}
	if _, err := zhenni.ParseRole("owner"); !errors.Is(err, zhenni.ErrBadValue) {
		t.Error(err)
	}
}

// FAULTS: A15
func TestKeysRotate(t *testing.T) {
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	day, soon, past := at.Add(24*time.Hour), at.Add(time.Hour), at.Add(-time.Second)
	one, two, three := edKey(t, 1), edKey(t, 2), edKey(t, 3)
	before := []zhenni.PartyKey{{Public: one}, {Public: two, NotAfter: soon}, {Public: three, NotAfter: past}}
	for _, tt := range []struct {
		name   string
		change zhenni.KeyChange
		want   []zhenni.PartyKey
		err    error
	}{
		{name: "nothing but what has ended", want: before[:2]},
		{name: "add", change: zhenni.KeyChange{Add: []zhenni.PublicKey{three}}, want: []zhenni.PartyKey{{Public: one}, {Public: two, NotAfter: soon}, {Public: three}}},
		{name: "add one in grace", change: zhenni.KeyChange{Add: []zhenni.PublicKey{two}}, want: []zhenni.PartyKey{{Public: one}, {Public: two}}},
		{name: "retire", change: zhenni.KeyChange{Retire: []string{one.ID()}, Grace: 24 * time.Hour}, want: []zhenni.PartyKey{{Public: one, NotAfter: day}, {Public: two, NotAfter: soon}}},
		{name: "retire at once", change: zhenni.KeyChange{Retire: []string{two.ID()}}, want: []zhenni.PartyKey{{Public: one}, {Public: two, NotAfter: at}}},
		{name: "no more grace than was left", change: zhenni.KeyChange{Retire: []string{two.ID()}, Grace: 24 * time.Hour}, want: before[:2]},
		{
			name: "replace", change: zhenni.KeyChange{Add: []zhenni.PublicKey{three}, Replace: true, Grace: 24 * time.Hour},
			want: []zhenni.PartyKey{{Public: one, NotAfter: day}, {Public: two, NotAfter: soon}, {Public: three}},
		},
		{name: "retire one that has ended", change: zhenni.KeyChange{Retire: []string{three.ID()}}, err: zhenni.ErrNotFound},
		{name: "add twice", change: zhenni.KeyChange{Add: []zhenni.PublicKey{three, three}}, err: zhenni.ErrBadValue},
	} {
		p := zhenni.RelyingParty{ID: "p", Tenant: 1, Roles: zhenni.RoleVerifier, Keys: before}
		got, err := p.WithKeys(tt.change, at)
		if !errors.Is(err, tt.err) {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if err == nil && !reflect.DeepEqual(got.Keys, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got.Keys, tt.want)
		}
		if before[0].NotAfter != (time.Time{}) || len(p.Keys) != 3 {
			t.Fatalf("%s: the party it was made of has changed", tt.name)
		}
	}
}

func TestReplaces(t *testing.T) {
	p := zhenni.RelyingParty{ID: "p", Tenant: 1}
	if err := p.Replaces(p); err != nil {
		t.Error(err)
	}
	if err := p.Replaces(zhenni.RelyingParty{ID: "p", Tenant: 2}); !errors.Is(err, zhenni.ErrExists) {
		t.Error(err)
	}
}

// FAULTS: B1
func TestATenantIsOfOneKind(t *testing.T) {
	trial := zhenni.RelyingParty{ID: "trial", Tenant: 1, Evaluation: true}
	others := []zhenni.RelyingParty{{ID: "trial", Tenant: 1}, {ID: "bench", Tenant: 1, Evaluation: true}, {ID: "hotel", Tenant: 2}}
	if err := trial.OfOneKind(others); err != nil {
		t.Errorf("with others of evaluation, and itself as it was: %v", err)
	}
	if err := trial.OfOneKind(append(others, zhenni.RelyingParty{ID: "desk", Tenant: 1})); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("with a party of real people: %v", err)
	}
}

// What takes the place of a suspended party is suspended, so that it is resumed by nobody who does not say so.
func TestSuspensionOutlivesReplacement(t *testing.T) {
	for _, tt := range []struct{ old, put, want bool }{{}, {old: true, want: true}, {put: true, want: true}, {old: true, put: true, want: true}} {
		p := zhenni.RelyingParty{Suspended: tt.put}.InPlaceOf(zhenni.RelyingParty{Suspended: tt.old})
		if p.Suspended != tt.want {
			t.Errorf("%+v: %v", tt, p.Suspended)
		}
	}
}
