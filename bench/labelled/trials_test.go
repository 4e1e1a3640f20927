package labelled

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zhenni/engine/accuracy"
)

// lfw is a set named as LFW names its images.
func lfw(t testing.TB) *accuracy.Set {
	t.Helper()
	var labels []accuracy.Label
	var values []float32
	for _, person := range []string{"Ann_Lee", "Bob_Ray"} {
		for i := range 3 {
			labels = append(labels, accuracy.Label{ImageID: fmt.Sprintf("%s_%04d.jpg", person, i+1), Person: person})
			values = append(values, 1)
		}
	}
	set, err := accuracy.NewSet(1, labels, values)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestTrialsInFolds(t *testing.T) {
	text := "2\t1\nAnn_Lee\t1\t3\nAnn_Lee\t2\tBob_Ray\t1\nBob_Ray\t2\t3\nAnn_Lee\t3\tCid_Poe\t1\n"
	got, err := parseTrials(strings.NewReader(text), lfw(t))
	want := []accuracy.Trial{{A: 0, B: 2, Mated: true}, {A: 1, B: 3}, {A: 4, B: 5, Mated: true, Fold: 1}}
	if err != nil || !slices.Equal(got.Trials, want) || got.Missing != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTrialsByLine(t *testing.T) {
	text := "1 Ann_Lee_0001.jpg Ann_Lee_0002.jpg\n\n0 Ann_Lee_0001.jpg Bob_Ray_0001.jpg\r\n0 Ann_Lee_0001.jpg nobody\n"
	got, err := parseTrials(strings.NewReader(text), lfw(t))
	want := []accuracy.Trial{{A: 0, B: 1, Mated: true}, {A: 0, B: 3}}
	if err != nil || !slices.Equal(got.Trials, want) || got.Missing != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestBadTrialsAreRefused(t *testing.T) {
	set := lfw(t)
	for name, c := range map[string]struct{ text, want string }{
		"empty":         {"", ":0: no trials"},
		"two fields":    {"1 a b\n0 a\n", ":2: "},
		"bad verdict":   {"2 a b\n", ":1: "},
		"contradiction": {"1 Ann_Lee_0001.jpg Bob_Ray_0001.jpg\n", ":1: "},
		"with itself":   {"1 Ann_Lee_0001.jpg Ann_Lee_0001.jpg\n", "itself"},
		"endless line":  {strings.Repeat("x", 1<<17), ":0: "},
		"no folds":      {"0 3\n", ":1: "},
		"many folds":    {"16777216 16777216\n", ":1: "},
		"cut":           {"1 2\nAnn_Lee 1 2\n", "after 1 of 4"},
		"too long":      {"1 1\nAnn_Lee 1 2\nAnn_Lee 1 Bob_Ray 1\nAnn_Lee 1 2\n", "more than the 2"},
		"wrong kind":    {"1 1\nAnn_Lee 1 Bob_Ray 1\n", "want 3 fields"},
		"bad number":    {"1 1\nAnn_Lee 1 -2\n", ":2: "},
	} {
		if _, err := parseTrials(strings.NewReader(c.text), set); err == nil || !strings.Contains(":"+err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	path := put(t, filepath.Join(t.TempDir(), "trials.txt"), []byte("1 a\n"))
	if _, err := ReadTrials(path, set); !errors.Is(err, ErrBadFile) || !strings.Contains(err.Error(), "trials.txt:1: ") {
		t.Errorf("%v", err)
	}
}

func FuzzTrials(f *testing.F) {
	f.Add("1 Ann_Lee_0001.jpg Ann_Lee_0002.jpg\n0 Ann_Lee_0001.jpg Bob_Ray_0003.jpg\n")
	f.Add("1\t1\nAnn_Lee\t1\t2\nAnn_Lee\t1\tBob_Ray\t1\n")
	set := lfw(f)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseTrials(strings.NewReader(text), set)
		if err != nil {
			return
		}
		for _, trial := range got.Trials {
			if err := set.CheckTrial(trial); err != nil {
				t.Error(err)
			}
		}
	})
}
