package accuracy

import (
	"errors"
	"slices"
	"testing"

	"zhenni"
)

func TestCheckTrial(t *testing.T) {
	set := people(t, 2, 2, 8)
	for _, c := range []struct {
		trial Trial
		good  bool
	}{
		{Trial{A: 0, B: 1, Mated: true}, true}, {Trial{A: 1, B: 2}, true},
		{Trial{A: 0, B: 1}, false}, {Trial{A: 0, B: 3, Mated: true}, false}, {Trial{A: 2, B: 2, Mated: true}, false},
	} {
		if err := set.CheckTrial(c.trial); (err == nil) != c.good || err != nil && !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%+v: %v", c.trial, err)
		}
	}
}

func TestScoreTrials(t *testing.T) {
	set := people(t, 50, 3, 32)
	var trials []Trial
	for i := range int32(set.Len()) {
		for j := range i {
			trials = append(trials, Trial{A: i, B: j, Mated: set.persons[i] == set.persons[j]})
		}
	}
	scorer := NewFloat(set)
	listed, values, err := ScoreTrials(scorer, trials)
	if err != nil {
		t.Fatal(err)
	}
	swept := allPairs(t, set, scorer, 1<<20)
	if len(values) != len(trials) || listed.NonMated != swept.NonMated || len(listed.Mated) != len(swept.Mated) {
		t.Fatalf("%d values, %d non-mated, %d mated", len(values), listed.NonMated, len(listed.Mated))
	}
	a := Evaluate(listed, NewTrialBootstrap(set, trials, Draws, Seed))
	b := Evaluate(swept, NewBootstrap(set, Draws, Seed))
	if !near(a.EER, b.EER, 1e-3) || len(a.OperatingPoints) != len(b.OperatingPoints) || len(a.OperatingPoints) == 0 {
		t.Fatalf("%+v and %+v", a, b)
	}
	for i, p := range a.OperatingPoints {
		q := b.OperatingPoints[i]
		if p.Errors != q.Errors || p.FNMR != q.FNMR || !near(p.FMRUpper95Subjects, q.FMRUpper95Subjects, 1e-12) || !near(p.Threshold, q.Threshold, 1e-12) {
			t.Errorf("%+v and %+v", p, q)
		}
	}
	for _, one := range [][]Trial{nil, trials[:1], {{A: 0, B: 4}}} {
		if _, _, err := ScoreTrials(scorer, one); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%v: %v", one, err)
		}
	}
}

func TestFoldsByHand(t *testing.T) {
	trial := func(fold int, mated bool) Trial { return Trial{Fold: fold, Mated: mated} }
	trials := []Trial{
		trial(0, true), trial(0, true), trial(0, false), trial(0, false),
		trial(1, true), trial(1, true), trial(1, false), trial(1, false),
	}
	// On fold 1 the threshold 0.6 is perfect; on fold 0 it misses one of two. On fold 0 0.5 is perfect; on fold 1 it
	// lets one of two through.
	values := []float64{0.5, 0.9, 0.1, 0.2, 0.6, 0.7, 0.3, 0.55}
	if got := Folds(trials, values); !slices.Equal(got, []float64{0.75, 0.75}) {
		t.Errorf("accuracies %v, want 0.75 twice", got)
	}
	e := Evaluation{}.WithFolds([]float64{0.5, 1})
	if e.Accuracy != 0.75 {
		t.Errorf("mean %v", e.Accuracy)
	}
	if got := Folds(trials[:4], values); got != nil {
		t.Errorf("one fold: %v", got)
	}
	trials[6].Mated, trials[7].Mated = true, true
	if got := Folds(trials, values); got != nil {
		t.Errorf("a fold of one kind: %v", got)
	}
}

// Ties count as errors, and a rate too small for the comparisons has no operating point.
func TestOperatingPointsCountTies(t *testing.T) {
	set := people(t, 30, 2, 8)
	scores := &Scores{Mated: []float64{0.3, 0.5, 0.9}, NonMated: 1000}
	for i := range int32(20) {
		scores.Highest = append(scores.Highest, Pair{Score: 0.5, A: 2 * i, B: 2*i + 2})
	}
	scores.Highest[0].Score = 0.8
	scores.Curve = exactCurve(scores.Mated, make([]float64, 1000))
	e := Evaluate(scores, NewBootstrap(set, Draws, Seed))
	if len(e.OperatingPoints) != 2 {
		t.Fatalf("%d points: %+v", len(e.OperatingPoints), e.OperatingPoints)
	}
	first, second := e.OperatingPoints[0], e.OperatingPoints[1]
	if first.Target != 1e-2 || first.Errors != 20 || first.Threshold != 0.5 || !near(first.FNMR, 1.0/3, 1e-12) || first.PersonPairs != 20 {
		t.Errorf("%+v", first)
	}
	if second.Target != 1e-3 || second.Errors != 1 || second.Threshold != 0.8 {
		t.Errorf("%+v", second)
	}
}
