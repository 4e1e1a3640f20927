package accuracy

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"zhenni"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden profile")

func calibrate(t testing.TB, set *Set, plan Plan) (zhenni.Profile, *Scores) {
	t.Helper()
	scorer, err := NewInt8(set)
	if err != nil {
		t.Fatal(err)
	}
	_, nonMated := set.Pairs()
	scores := allPairs(t, set, scorer, KeepToCalibrate(nonMated, plan.Target))
	profile, err := Calibrate(set, scores, plan)
	if err != nil {
		t.Fatal(err)
	}
	if err := profile.Validate(); err != nil {
		t.Errorf("profile: %v", err)
	}
	return profile, scores
}

func planFor(set *Set, target float64) Plan {
	return Plan{
		Model: zhenni.Model{ID: "test", Dim: set.Dim(), Factor: zhenni.FactorFace}, Synthetic: true, Target: target,
		CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

// TestProfileIsGolden holds the profile of a small population to testdata/profile.json. Run with -rewrite to accept a
// change, and say why in the commit: it changes what every calibration gives.
func TestProfileIsGolden(t *testing.T) {
	set := people(t, 700, 2, 128)
	got, _ := calibrate(t, set, planFor(set, 1e-4))
	path := filepath.Join("testdata", "profile.json")
	if *rewrite {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := got.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := zhenni.ReadProfile(f)
	if err != nil {
		t.Fatal(err)
	}
	if !alike(reflect.ValueOf(got), reflect.ValueOf(want)) {
		a, _ := json.MarshalIndent(got, "", " ")
		t.Errorf("another profile: %s", a)
	}
	if !got.Supported || got.SupportedFMR != 1e-4 || got.Reason != "" || got.FMRUpper95Subjects > 1e-4 || got.FMRUpper95 > 1e-4 {
		t.Errorf("supported %t, %g, %q", got.Supported, got.SupportedFMR, got.Reason)
	}
}

// alike compares two profiles; floats may differ in the last bits between instruction sets that fuse and those that
// do not, and the id with them.
func alike(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Float64:
		return near(a.Float(), b.Float(), 1e-9*math.Abs(b.Float()))
	case reflect.Slice:
		for i := range min(a.Len(), b.Len()) {
			if !alike(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return a.Len() == b.Len()
	case reflect.Struct:
		if when, ok := a.Interface().(time.Time); ok {
			return when.Equal(b.Interface().(time.Time))
		}
		for i := range a.NumField() {
			if a.Type().Field(i).Name != "ID" && !alike(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return a.Interface() == b.Interface()
}

// The threshold is the loosest whose bounds meet the target: with one error more, a bound exceeds it.
func TestCalibrateChoosesTheLoosest(t *testing.T) {
	set := people(t, 500, 2, 64)
	p, scores := calibrate(t, set, planFor(set, 1e-3))
	bootstrap := NewBootstrap(set, Draws, Seed)
	next := At(scores, bootstrap, 1e-3, scores.Highest[p.Errors].Score)
	if !p.Supported || max(p.FMRUpper95, p.FMRUpper95Subjects) > 1e-3 || max(next.FMRUpper95, next.FMRUpper95Subjects) <= 1e-3 {
		t.Errorf("supported %t; bounds %g and %g, with one more %g and %g",
			p.Supported, p.FMRUpper95, p.FMRUpper95Subjects, next.FMRUpper95, next.FMRUpper95Subjects)
	}
	if p.EffectiveComparisons*p.VarianceInflation < float64(p.Comparisons)*0.999 || p.ErrorPersonPairs < MinPersonPairs {
		t.Errorf("%g effective × %g, %d person pairs", p.EffectiveComparisons, p.VarianceInflation, p.ErrorPersonPairs)
	}
}

// Two look-alikes with many samples make most errors; the reason names them.
func TestReasonNamesTheConcentration(t *testing.T) {
	base := people(t, 60, 12, 64)
	var labels []Label
	var values []float32
	for i := range base.Len() {
		label := base.Label(i)
		if label.Person == "subject-00000007" {
			label = Label{"twin/" + label.ImageID, "twin"}
		}
		labels, values = append(labels, label), append(values, base.Embedding(i)...)
	}
	twin := base.Len() / 2
	for n := range 12 { // the twin of subject 30 has almost its embeddings
		from := base.Embedding(twin + n)
		labels = append(labels, Label{labels[twin+n].ImageID + "'", "zz twin"})
		for k, x := range from {
			values = append(values, x+0.01*float32(k%3))
		}
	}
	set, err := NewSet(64, labels, values)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := calibrate(t, set, planFor(set, 1e-5))
	if p.Supported || !strings.Contains(p.Reason, "(subject-00000030 and zz twin)") || !strings.Contains(p.Reason, "the strictest decade it supports is 1e-") {
		t.Errorf("supported %t: %s", p.Supported, p.Reason)
	}
	t.Log(p.Reason)
}

// Where nothing can be claimed there is still a valid profile, which says so.
func TestCalibrateWithoutErrorsOrThreshold(t *testing.T) {
	set := people(t, 5, 2, 64)
	p, scores := calibrate(t, set, planFor(set, 1e-6))
	if p.Supported || p.SupportedFMR != 0 || p.Errors != 0 || p.Cosine <= scores.Highest[0].Score || !strings.Contains(p.Reason, "no decade") {
		t.Errorf("%+v", p)
	}
	// The same image under two names: no threshold is above a cosine of 1.
	labels := []Label{{"a", "p"}, {"b", "p"}, {"c", "q"}, {"d", "q"}}
	twins, err := NewSet(2, labels, []float32{1, 2, 1, 3, 1, 2, 3, 1})
	if err != nil {
		t.Fatal(err)
	}
	p, _ = calibrate(t, twins, planFor(twins, 1e-3))
	if p.Supported || p.Cosine != 1 || p.Errors != 1 {
		t.Errorf("%+v", p)
	}
	// Embeddings that point away from each other have no positive non-mated score.
	apart, err := NewSet(1, labels, []float32{1, 2, -1, -2})
	if err != nil {
		t.Fatal(err)
	}
	if p, _ = calibrate(t, apart, planFor(apart, 1e-3)); p.Supported || p.Errors != 0 || p.FNMR != 0 {
		t.Errorf("%+v", p)
	}
}

// So many pairs tie at the top that none of them is held. No threshold is known to have few errors, so the strictest is
// frozen, with the errors it has.
func TestCalibrateWhereAllScoresTie(t *testing.T) {
	var labels []Label
	var values []float32
	for person := range 60 {
		for sample := range 2 {
			labels = append(labels, Label{fmt.Sprintf("%d/%d", person, sample), fmt.Sprintf("%02d", person)})
			values = append(values, 1, 2)
		}
	}
	set, err := NewSet(2, labels, values)
	if err != nil {
		t.Fatal(err)
	}
	p, scores := calibrate(t, set, planFor(set, 1e-3))
	if len(scores.Highest) != 0 || scores.complete(1) {
		t.Fatalf("%d pairs are held", len(scores.Highest))
	}
	if p.Supported || p.Cosine != 1 || p.Errors != p.Comparisons || p.FMRUpper95 != 1 || p.FMRUpper95Subjects != 1 {
		t.Errorf("supported %t, threshold %v, %d of %d errors, bounds %v and %v",
			p.Supported, p.Cosine, p.Errors, p.Comparisons, p.FMRUpper95, p.FMRUpper95Subjects)
	}
}

func TestPlanIsChecked(t *testing.T) {
	set := people(t, 3, 2, 8)
	for name, spoil := range map[string]func(p *Plan){
		"target 0": func(p *Plan) { p.Target = 0 }, "target NaN": func(p *Plan) { p.Target = math.NaN() },
		"target 1": func(p *Plan) { p.Target = 1 }, "dimension": func(p *Plan) { p.Model.Dim = 9 },
		"model id": func(p *Plan) { p.Model.ID = "A B" }, "factor": func(p *Plan) { p.Model.Factor = 9 },
		"draws": func(p *Plan) { p.Draws = 1001 }, "fewer draws": func(p *Plan) { p.Draws = -1 },
	} {
		plan := planFor(set, 1e-3)
		spoil(&plan)
		if err := plan.Check(set); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// More errors reach a threshold than are held: the count is of the histogram and the subject bound is given up.
func TestAtBeyondWhatIsHeld(t *testing.T) {
	set := people(t, 200, 2, 16)
	scores := allPairs(t, set, NewFloat(set), 1024)
	if scores.complete(0.05) {
		t.Fatal("all is held")
	}
	p := At(scores, NewBootstrap(set, Draws, Seed), 1e-3, 0.05)
	if all := scores.Curve.at(0.05).falseMatches; p.FMRUpper95Subjects != 1 || p.Errors < all || p.Errors > all+all/100 {
		t.Errorf("%d errors of about %d, bound %v", p.Errors, all, p.FMRUpper95Subjects)
	}
}
