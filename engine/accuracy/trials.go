package accuracy

import (
	"fmt"
	"slices"

	"zhenni"
)

// Trial is one comparison of a published list: rows A and B of a set. Its fold is from 0; lists without folds have 0.
type Trial struct {
	A, B  int32
	Mated bool
	Fold  int
}

// CheckTrial reports a trial that the labels of the set contradict, or that compares a sample with itself, as
// [zhenni.ErrBadValue].
func (s *Set) CheckTrial(t Trial) error {
	if t.A == t.B {
		return fmt.Errorf("%w: %q is compared with itself", zhenni.ErrBadValue, s.images[t.A])
	}
	if same := s.persons[t.A] == s.persons[t.B]; same != t.Mated {
		return fmt.Errorf("%w: the trial says mated is %t, the labels of %q and %q say %t",
			zhenni.ErrBadValue, t.Mated, s.images[t.A], s.images[t.B], same)
	}
	return nil
}

// Rows finds rows by image id.
func (s *Set) Rows() map[string]int32 {
	rows := make(map[string]int32, len(s.images))
	for i, id := range s.images {
		rows[id] = int32(i)
	}
	return rows
}

// ScoreTrials scores a list of trials. A list without mated or without non-mated trials is [zhenni.ErrBadValue].
// values[i] is the score of trials[i].
func ScoreTrials(scorer Scorer, trials []Trial) (scores *Scores, values []float64, err error) {
	values = make([]float64, len(trials))
	if err := scorer.Pairs(values, trials); err != nil {
		return nil, nil, err
	}
	scores = &Scores{}
	var nonMated []float64
	for i, t := range trials {
		if t.Mated {
			scores.Mated = append(scores.Mated, values[i])
			continue
		}
		nonMated = append(nonMated, values[i])
		if values[i] > 0 {
			scores.Highest = append(scores.Highest, Pair{Score: values[i], A: t.A, B: t.B})
		}
	}
	if len(scores.Mated) == 0 || len(nonMated) == 0 {
		return nil, nil, fmt.Errorf("%w: %d mated and %d non-mated trials: want some of each",
			zhenni.ErrBadValue, len(scores.Mated), len(nonMated))
	}
	slices.Sort(scores.Mated)
	slices.Sort(nonMated)
	slices.SortFunc(scores.Highest, descending)
	scores.NonMated = int64(len(nonMated))
	scores.Curve = exactCurve(scores.Mated, nonMated)
	return scores, values, nil
}

// Folds is the balanced accuracy in each fold at the threshold that is best on all the others (the protocol of
// Labeled Faces in the Wild). Fewer than two folds, or a fold without both kinds of trial, give none.
func Folds(trials []Trial, values []float64) []float64 {
	folds := 0
	for _, t := range trials {
		folds = max(folds, t.Fold+1)
	}
	if folds < 2 {
		return nil
	}
	accuracies := make([]float64, folds)
	for fold := range folds {
		in := foldCurve(trials, values, func(t Trial) bool { return t.Fold == fold })
		rest := foldCurve(trials, values, func(t Trial) bool { return t.Fold != fold })
		if in.mated == 0 || in.nonMated == 0 || rest.mated == 0 || rest.nonMated == 0 {
			return nil
		}
		accuracies[fold] = in.balanced(in.at(rest.bestBalanced()))
	}
	return accuracies
}

func foldCurve(trials []Trial, values []float64, chosen func(Trial) bool) Curve {
	var mated, nonMated []float64
	for i, t := range trials {
		switch {
		case !chosen(t):
		case t.Mated:
			mated = append(mated, values[i])
		default:
			nonMated = append(nonMated, values[i])
		}
	}
	slices.Sort(mated)
	slices.Sort(nonMated)
	return exactCurve(mated, nonMated)
}
