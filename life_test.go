package zhenni_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"zhenni"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

const lifeGolden = "testdata/life.golden"

var lifeNow = time.Unix(1_800_000_000, 0).UTC()

// event is one thing that can befall a credential.
type event struct {
	name string
	do   func(zhenni.Credential) (zhenni.Credential, error)
}

// devices returns two keys.
func devices(t *testing.T) (first, second zhenni.PublicKey) {
	t.Helper()
	keys := [2]zhenni.PublicKey{}
	for i := range keys {
		public := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i)}, ed25519.SeedSize)).Public().(ed25519.PublicKey)
		key, err := zhenni.NewPublicKey(zhenni.KeyEd25519, public)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = key
	}
	return keys[0], keys[1]
}

func issueEvents() (events []event) {
	for issue := zhenni.IssueOrdinary; issue.Known(); issue++ {
		for _, level := range []zhenni.Level{zhenni.LevelLite, zhenni.LevelFull} {
			events = append(events, event{fmt.Sprintf("%s %s", issue, level), func(c zhenni.Credential) (zhenni.Credential, error) {
				return c.SucceededBy(issue, level, lifeNow)
			}})
		}
	}
	return events
}

func statusEvents() (events []event) {
	for to := zhenni.StatusActive; to <= zhenni.StatusErased; to++ {
		events = append(events, event{to.String(), func(c zhenni.Credential) (zhenni.Credential, error) {
			return c.WithStatus(to, lifeNow)
		}})
	}
	return events
}

func holderEvents(t *testing.T) []event {
	first, second := devices(t)
	face := zhenni.FactorsOf(zhenni.FactorFace)
	move := func(from, to zhenni.PublicKey) func(zhenni.Credential) (zhenni.Credential, error) {
		return func(c zhenni.Credential) (zhenni.Credential, error) { return c.WithDevice(from, to, lifeNow) }
	}
	lock := func(locked bool) func(zhenni.Credential) (zhenni.Credential, error) {
		return func(c zhenni.Credential) (zhenni.Credential, error) { return c.WithLock(face, locked, lifeNow) }
	}
	renew := func(until time.Duration) func(zhenni.Credential) (zhenni.Credential, error) {
		return func(c zhenni.Credential) (zhenni.Credential, error) {
			return c.RenewedUntil(lifeNow.Add(until), lifeNow)
		}
	}
	return []event{
		{"move", move(first, second)}, {"move again", move(second, first)}, {"move stale", move(second, second)},
		{"lock", lock(true)}, {"unlock", lock(false)},
		{"loss", func(c zhenni.Credential) (zhenni.Credential, error) { return c.Lost(lifeNow) }},
		{"renew", renew(2 * time.Hour)}, {"renew same", renew(time.Hour)}, {"renew less", renew(time.Minute)},
		{"sweep", func(c zhenni.Credential) (zhenni.Credential, error) { return c.ExpiredAt(lifeNow) }},
	}
}

// lives lists every state of a credential that an event could tell apart, by name, no credential first.
func lives(t *testing.T) (names []string, all []zhenni.Credential) {
	first, _ := devices(t)
	names, all = append(names, "none"), append(all, zhenni.Credential{})
	for _, level := range []zhenni.Level{zhenni.LevelLite, zhenni.LevelFull} {
		for status := zhenni.StatusActive; status <= zhenni.StatusErased; status++ {
			for _, validity := range []string{"open", "ahead", "over"} {
				for _, locked := range []zhenni.Factors{0, zhenni.FactorsOf(zhenni.FactorFace)} {
					c := zhenni.Credential{Level: level, Status: status, Generation: 7, Device: first, Locked: locked}
					switch validity {
					case "ahead":
						c.ValidUntil = lifeNow.Add(time.Hour)
					case "over":
						c.ValidUntil = lifeNow
					}
					name := fmt.Sprintf("%s %s %s", level, status, validity)
					if locked != 0 {
						name += " locked"
					}
					names, all = append(names, name), append(all, c)
				}
			}
		}
	}
	return names, all
}

// cell says what an event makes of a credential.
func cell(t *testing.T, before zhenni.Credential, e event) string {
	after, err := e.do(before)
	switch {
	case err != nil && !errors.Is(err, zhenni.ErrIllegalChange), err != nil && after != before:
		t.Errorf("%s of %+v: %+v, %v", e.name, before, after, err)
	case err != nil:
		return "-"
	case after == before:
		return "="
	case after.Generation != before.Generation+1 || !after.ChangedAt.Equal(lifeNow):
		t.Errorf("%s of %+v: %+v: a change without a generation or a time", e.name, before, after)
	case after.Status != before.Status:
		return after.Status.String()
	}
	return "done"
}

// Every state of a credential against every event, as testdata/life.golden shows it: "-" is refused and changes nothing,
// "=" is answered and changes nothing, a status is what it becomes, "done" any other change.
//
// FAULTS: C6 C9
func TestLifeOfACredentialIsTheTable(t *testing.T) {
	var b strings.Builder
	names, all := lives(t)
	for _, group := range []struct {
		title  string
		events []event
	}{
		{"another credential is issued to the subject", issueEvents()},
		{"the status is changed to", statusEvents()},
		{"holder and clock", holderEvents(t)},
	} {
		fmt.Fprintf(&b, "%s:\n%-30s", group.title, "")
		for _, e := range group.events {
			fmt.Fprintf(&b, "%-17s", e.name)
		}
		for i, c := range all {
			fmt.Fprintf(&b, "\n%-30s", names[i])
			for _, e := range group.events {
				fmt.Fprintf(&b, "%-17s", cell(t, c, e))
			}
		}
		b.WriteString("\n\n")
	}
	var lines []string
	for line := range strings.Lines(b.String()) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	got := strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
	if *rewrite {
		if err := os.WriteFile(lifeGolden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(lifeGolden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the table differs from %s; look at what -rewrite changes", lifeGolden)
	}
}

// What must hold of the table whatever its cells say.
//
// FAULTS: C2 C4 C6
func TestTableOfLifeKeepsItsInvariants(t *testing.T) {
	names, all := lives(t)
	for i, c := range all {
		for _, e := range issueEvents() {
			if after, err := e.do(c); err == nil && after.Live() {
				t.Errorf("%s, %s: two live credentials", names[i], e.name)
			}
		}
		for _, e := range append(statusEvents(), holderEvents(t)...) {
			after, err := e.do(c)
			if err == nil && !c.Live() && (after.Live() || after.Status == zhenni.StatusActive) {
				t.Errorf("%s, %s: a final state came back", names[i], e.name)
			}
			if err == nil && c.Live() && c.Overdue(lifeNow) && c.Status != after.Status && after.Status == zhenni.StatusActive {
				t.Errorf("%s, %s: overdue and activated", names[i], e.name)
			}
		}
		if after, err := c.WithStatus(zhenni.StatusErased, lifeNow); err == nil && after.Device != (zhenni.PublicKey{}) {
			t.Errorf("%s: erased, and the device is known", names[i])
		}
	}
}

// FAULTS: B2
func TestSubjectDoesNotPrint(t *testing.T) {
	handle, tag := zhenni.SubjectHandle{0xab, 0xcd}, zhenni.NameTag{0xab, 0xcd}
	c := zhenni.Credential{Subject: handle, NameTag: tag}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "handle", handle, "tag", tag, "credential", c)
	shown := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
		shown += fmt.Sprintf(verb, handle) + fmt.Sprintf(verb, tag) + fmt.Sprintf(verb, c)
	}
	for _, leak := range []string{"abcd", "ABCD", "0xab", "171 205", "171,205", "q80"} {
		if strings.Contains(shown, leak) {
			t.Errorf("%q shows", leak)
		}
	}
}

func TestRegionIsSixDigits(t *testing.T) {
	for text, want := range map[string]zhenni.Region{"": 0, "330100": 330100, "110000": 110000} {
		if got, err := zhenni.ParseRegion(text); err != nil || got != want || got.String() != text {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"0", "000000", "33010", "3301000", "990000", "+33010", "３３０１００"} {
		if _, err := zhenni.ParseRegion(text); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFactorsAreASet(t *testing.T) {
	face, voice := zhenni.FactorsOf(zhenni.FactorFace), zhenni.FactorsOf(zhenni.FactorVoice)
	both := face.With(voice)
	if !both.Has(zhenni.FactorFace) || both.Without(face) != voice || both.Means() != zhenni.NewMeansSet(zhenni.MeansFace, zhenni.MeansVoice) {
		t.Errorf("%b", both)
	}
	if zhenni.Factors(1).Validate() == nil || zhenni.AllFactors.Validate() != nil {
		t.Error("a factor that is none is not refused")
	}
	for means, want := range map[zhenni.Means]zhenni.Factors{zhenni.MeansFace: face, zhenni.MeansVoice: voice, zhenni.MeansPIN: zhenni.LockPIN} {
		if got, err := zhenni.LockOf(means); got != want || err != nil || got.Validate() != nil {
			t.Errorf("%v: %b, %v", means, got, err)
		}
	}
	for _, means := range []zhenni.Means{0, zhenni.MeansPossession, zhenni.MeansCard, zhenni.MeansDocument} {
		if got, err := zhenni.LockOf(means); got != 0 || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%v: %b, %v", means, got, err)
		}
	}
}

func TestStatusIndexHasAListAndAPlace(t *testing.T) {
	if i := zhenni.NewStatusIndex(3, 1<<20); i.List() != 3 || i.Index() != 1<<20 {
		t.Errorf("%x", uint64(i))
	}
}
