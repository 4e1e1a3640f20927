package zhenni_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"zhenni"
)

func allMeans() []zhenni.Means {
	return []zhenni.Means{
		zhenni.MeansFace, zhenni.MeansVoice, zhenni.MeansFingerprint, zhenni.MeansPIN, zhenni.MeansPossession, zhenni.MeansCard,
		zhenni.MeansDocument,
	}
}

func TestMeansHaveOneWrittenForm(t *testing.T) {
	for _, m := range allMeans() {
		text, err := m.MarshalText()
		var again zhenni.Means
		if err != nil || again.UnmarshalText(text) != nil || again != m {
			t.Errorf("%v is written %q and read as %v", m, text, again)
		}
	}
	for _, l := range []zhenni.Liveness{zhenni.LivenessNone, zhenni.LivenessPassive, zhenni.LivenessActive} {
		text, err := l.MarshalText()
		var again zhenni.Liveness
		if err != nil || again.UnmarshalText(text) != nil || again != l {
			t.Errorf("%v is written %q and read as %v", l, text, again)
		}
	}
	for _, f := range []zhenni.Factor{zhenni.FactorFace, zhenni.FactorVoice, zhenni.FactorFingerprint} {
		if zhenni.Means(f).String() != f.String() {
			t.Errorf("factor %v is the means %v", f, zhenni.Means(f))
		}
	}
	if _, err := zhenni.Means(0).MarshalText(); !errors.Is(err, zhenni.ErrBadValue) {
		t.Error(err)
	}
}

func TestMeansSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		given := rapid.SliceOf(rapid.Map(rapid.IntRange(0, 255), func(i int) zhenni.Means { return zhenni.Means(i) })).Draw(t, "means")
		set := zhenni.NewMeansSet(given...)
		for i := range 256 {
			m := zhenni.Means(i)
			if want := slices.Contains(allMeans(), m) && slices.Contains(given, m); set.Has(m) != want {
				t.Fatalf("%v in %v: %v", m, given, !want)
			}
		}
		if n := len(slices.Collect(set.All)); n != set.Len() {
			t.Fatalf("%d of %d", n, set.Len())
		}
	})
}

func TestWays(t *testing.T) {
	set := zhenni.NewMeansSet
	face, pin, card := zhenni.MeansFace, zhenni.MeansPIN, zhenni.MeansCard
	for name, w := range map[string]zhenni.Way{
		"none": {}, "an empty group": {set(face), 0}, "five groups": {1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5}, "twice": {set(face, pin), set(pin)},
	} {
		if err := w.Validate(); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := zhenni.Way{set(face), set(pin, card)}
	if err := w.Validate(); err != nil {
		t.Error(err)
	}
	for shown, want := range map[zhenni.MeansSet]zhenni.MeansSet{
		set(face, pin): set(face, pin), set(face, card, zhenni.MeansVoice): set(face, card), set(face): 0, set(pin, card): 0, 0: 0,
	} {
		if used, ok := w.Met(shown); used != want || ok != (want != 0) {
			t.Errorf("shown %v: met by %v, %v", shown, used, ok)
		}
	}
	if w.String() != "face & (pin|card)" || w.Means() != set(face, pin, card) {
		t.Errorf("%v of %v", w, w.Means())
	}
	if _, ok := (zhenni.Way{}).Met(set(allMeans()...)); ok {
		t.Error("a way of no groups is met")
	}
}
