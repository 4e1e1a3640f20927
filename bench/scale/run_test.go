package scale

import (
	"bytes"
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"zhenni"
	"zhenni/bench/ingress"
	"zhenni/bench/result"
)

// A run in processes of its own says all that it is to say, in a form that is fit to be kept, and leaves nothing behind.
func TestRun(t *testing.T) {
	t.Parallel()
	s := small(t)
	s.Program = []string{os.Args[0], StepCommand}
	var began []string
	done, err := s.Run(t.Context(), host(plenty, func(step string) { began = append(began, step) }))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{stepImport, stepOpen, stepHot, stepMakeCold, stepCold}; !slices.Equal(began, want) {
		t.Errorf("steps %v", began)
	}
	run := &result.Run{Layer: "scale", Settings: map[string]string{"credentials": "4096", "dim": "128"}, Measurements: done.Measurements}
	if err := run.Finish(); err != nil {
		t.Fatal(err)
	}
	if head := run.Measurements[0]; head.Name != "verify/hot/credentials=4096" || head.Limit != "bare/credentials=4096" || head.Latency == nil {
		t.Errorf("the headline is %+v", head)
	}
	for _, name := range []string{
		"verify/hot/credentials=409", "bare/credentials=409", "warm", "verify/cold", "open/cold tier", "import", "open/cached", "answer/cached", "tables read/cached", "cold/make",
		"disk/base", "disk/keys", "disk/cold", "hot/arena rows", "hot/arena index", "cold/" + placeCold, "time/import", "time/cold",
	} {
		if run.Find(name) == nil {
			t.Errorf("%s is not measured", name)
		}
	}
	if runtime.GOOS == "linux" && (run.Find("hot/"+placeHot) == nil || run.Find("hot/page tables") == nil) {
		t.Error("the memory of a hot credential is not measured")
	}
	if v := run.Find(verifyCold); v.Counts[countMissed] == 0 || v.Counts[countPages] == 0 || v.Counts[countMissed] > v.Counts[countVerified] {
		t.Errorf("cold verification counts %v", v.Counts)
	}
	if len(done.LeftOut) != 0 || len(leftBehind(t, s.Dir)) != 0 {
		t.Errorf("left out %v, behind %v", done.LeftOut, leftBehind(t, s.Dir))
	}
	checkMarkdown(t, done, run)
}

func checkMarkdown(t *testing.T, done *Report, run *result.Run) {
	t.Helper()
	var text bytes.Buffer
	if err := done.WriteMarkdown(&text, run, "zhenni bench scale"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# 4096 templates of 128", "    zhenni bench scale\n", "| verify/cold |", "| cost among 4096 credentials", "| disk | base |", "| seed |"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the document lacks %q:\n%s", want, &text)
		}
	}
	if strings.Contains(text.String(), "| hot/arena rows") {
		t.Error("bytes are said twice")
	}
}

// What memory has no room for is measured in part, or not at all, and said.
func TestHotAsFarAsItFits(t *testing.T) {
	t.Parallel()
	s := small(t)
	for _, one := range []struct {
		hot    float64
		memory int64
		said   string
	}{
		{1, s.aside() + s.arena(0.5), "of 4096 credentials are in memory"},
		{1, s.aside() + s.level(), "Nothing is verified from memory"},
		{0, plenty, "not asked for"},
	} {
		s.Hot = one.hot
		_, least := s.refused()
		fits := max(one.memory, least)
		hot := false
		h := host(fits, func(step string) { hot = hot || step == stepHot })
		rooms := []int64{fits, one.memory} // before the first step, and before the hot one
		h.Room = func() (Room, error) {
			free := rooms[0]
			rooms = rooms[1:]
			return Room{Disk: plenty, Memory: free}, nil
		}
		done, err := s.Run(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		if len(done.LeftOut) != 1 || !strings.Contains(done.LeftOut[0], one.said) {
			t.Errorf("%v of %d: %q, want %q", one.hot, one.memory, done.LeftOut, one.said)
		}
		if inPart := strings.Contains(one.said, "are in memory"); hot != inPart {
			t.Errorf("%v of %d: hot step %v", one.hot, one.memory, hot)
		}
	}
}

// However a run ends early, nothing of it stays; unless it is to be kept.
func TestRunEndsEarly(t *testing.T) {
	t.Parallel()
	s := small(t)
	interrupted := errors.New("interrupted")
	for _, at := range []string{stepImport, stepHot} {
		ctx, cancel := context.WithCancelCause(t.Context())
		_, err := s.Run(ctx, host(plenty, func(step string) {
			if step == at {
				cancel(interrupted)
			}
		}))
		if !errors.Is(err, interrupted) {
			t.Errorf("%s: %v", at, err)
		}
		if left := leftBehind(t, s.Dir); len(left) != 0 {
			t.Errorf("%s: %v is left", at, left)
		}
	}
	s.Keep = true
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := s.Run(ctx, host(plenty, func(string) { cancel(interrupted) }))
	if left := leftBehind(t, s.Dir); !errors.Is(err, interrupted) || len(left) != 1 {
		t.Errorf("kept: %v, %v", left, err)
	}
}

func TestProcessRefuses(t *testing.T) {
	var said bytes.Buffer
	if err := Serve(t.Context(), strings.NewReader("no order"), &said); err == nil {
		t.Error("no order is taken for one")
	}
	s := small(t)
	o := order{Scale: s, Step: "dance"}
	if _, err := o.start(t.Context(), nil); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("an unknown step: %v", err)
	}
	o.Scale.Program = []string{os.Args[0], StepCommand}
	if _, err := o.start(t.Context(), nil); err == nil || !strings.Contains(err.Error(), `no step "dance"`) {
		t.Errorf("an unknown step of another process: %v", err)
	}
	o.Scale.Program = []string{"/nowhere"}
	if _, err := o.start(t.Context(), nil); err == nil {
		t.Error("a program that is not there runs")
	}
}

func TestValidate(t *testing.T) {
	for name, change := range map[string]func(*Scale){
		"folder": func(s *Scale) { s.Dir = "/nowhere" }, "few": func(s *Scale) { s.Credentials = 10 }, "many": func(s *Scale) { s.Credentials = 1 << 40 },
		"dim": func(s *Scale) { s.Dim = 64 }, "hot": func(s *Scale) { s.Hot = 1.5 }, "cold": func(s *Scale) { s.ColdShare = 0 },
		"threads": func(s *Scale) { s.Threads = 65 }, "batch": func(s *Scale) { s.Batch = 1 }, "questions": func(s *Scale) { s.Questions = 0 },
		"rounds": func(s *Scale) { s.Rounds = 0 }, "time": func(s *Scale) { s.Time = 0 },
	} {
		s := small(t)
		change(&s)
		if _, err := s.Run(t.Context(), host(plenty, func(string) { t.Error("a step begins") })); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The cost of a verification is held against that of its dot products, round by round.
func TestGrowth(t *testing.T) {
	rates := func(name, limit string, x float64, rounds ...float64) result.Measurement {
		return result.Measurement{Name: name, Unit: result.PerSecond, Limit: limit, X: x, Rounds: rounds}
	}
	findings := growth([]result.Measurement{
		rates("v/100", "b/100", 100, 2, 4), rates("b/100", "", 100, 10, 20),
		rates("v/10", "b/10", 10, 4, 8), rates("b/10", "", 10, 20, 40),
		rates("v/1", "b/1", 1, 10, 20), rates("b/1", "", 1, 40, 80),
	})
	want := []float64{1.25, 1.25} // 5 for 4, although the machine of the second round is twice as fast
	if len(findings) != len(want) {
		t.Fatalf("%+v", findings)
	}
	for i, f := range findings {
		if f.Measured != want[i] || f.Wanted != growthMargin || f.Met() {
			t.Errorf("%+v", f)
		}
	}
}

func TestColdFindings(t *testing.T) {
	allocations := 0.5
	cold := []result.Measurement{
		{Name: verifyCold, Rounds: []float64{60}, Allocations: &allocations, Counts: map[string]int64{countVerified: 100, countMissed: 50, countPages: 49}},
		{Name: diskReads(32), Sweep: sweepDepth, X: 32, Rounds: []float64{75}}, {Name: diskReads(64), Sweep: sweepDepth, X: 64, Rounds: []float64{100}},
	}
	want := []ingress.Finding{{Measured: 80}, {Measured: 60}, {Measured: 1}, {Measured: 0.49}}
	findings := coldFindings(cold)
	for i, f := range findings {
		if len(findings) != len(want) || f.Measured != want[i].Measured || f.Met() != (i != 1) {
			t.Errorf("%+v", findings)
		}
	}
}
