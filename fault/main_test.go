//go:build fault && linux

package fault

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

var (
	rounds    = flag.Int("rounds", 0, "how many faults; 0 is the short form of each test")
	seed      = flag.Uint64("seed", uint64(time.Now().UnixNano()), "where the random choices come from")
	first     = flag.Int("first", 0, "number of the first case of TestCorrupt, to repeat one: -rounds 1 -first N -seed S")
	wounds    = flag.Int("wounds", 1, "damages of each case of TestCorrupt")
	duration  = flag.Duration("duration", 10*time.Second, "how long TestSoak runs")
	scratchAt = flag.String("scratch", "", "folder to work in; the default is that of the system for temporary files")
)

// built is the program under test and interrupted ends with the first interrupt, so that every run can clean up.
var (
	built       string
	interrupted context.Context
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	var stop context.CancelFunc
	interrupted, stop = signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "zhenni-fault-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	defer os.RemoveAll(dir)
	built = filepath.Join(dir, "zhenni")
	if out, err := exec.CommandContext(interrupted, "go", "build", "-o", built, "zhenni/cmd/zhenni").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v: %s\n", err, out)
		return 3
	}
	return m.Run()
}

// rig is the rig of one test.
func rig(t *testing.T) *Rig {
	t.Helper()
	profile, err := filepath.Abs("../cmd/zhenni/profiles/synthetic-128.json")
	if err != nil {
		t.Fatal(err)
	}
	at := *scratchAt
	if at == "" {
		at = os.TempDir()
	}
	t.Logf("seed %d, %s/%s, %d cores", *seed, runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	r := &Rig{Binary: built, Profile: profile, Scratch: at, Seed: *seed, Logf: t.Logf}
	if *rounds == 0 {
		r.Slack = 10 * time.Second // the promise is held by the long form, on a machine of its own
	}
	return r
}

// count is the number of rounds asked for, or short.
func count(short int) int {
	if *rounds > 0 {
		return *rounds
	}
	return short
}

// FAULTS: S1 C1 C2 C9
func TestCrash(t *testing.T) {
	report, err := rig(t).Crash(interrupted, count(15))
	if report != nil {
		t.Log(report)
	}
	if err != nil {
		t.Error(err)
	}
}

// mounting skips a test where nothing can be mounted.
func mounting(t *testing.T) *Rig {
	t.Helper()
	if err := CanMount(); err != nil {
		t.Skipf("skipped, not passed: %v", err)
	}
	return rig(t)
}

// FAULTS: S2
func TestPower(t *testing.T) {
	report, err := mounting(t).Power(interrupted, count(8), 0)
	if report != nil {
		t.Log(report)
	}
	if err != nil {
		t.Error(err)
	}
}

// The control: on a disk that acknowledges flushes and ignores them, acknowledged changes are lost, and the rig sees it.
func TestPowerSeesALyingDisk(t *testing.T) {
	report, err := mounting(t).Power(interrupted, 3, 300*time.Millisecond)
	if report != nil {
		t.Log(report)
	}
	if err == nil || report == nil || report.Worst.Missing+report.Worst.Revived == 0 {
		t.Errorf("nothing acknowledged was found missing: %v", err)
	}
}

// FAULTS: S8 S9 S11
func TestFull(t *testing.T) {
	report, err := mounting(t).Full(interrupted, count(8))
	if report != nil {
		t.Log(report)
	}
	if err != nil {
		t.Error(err)
	}
}

// FAULTS: S3 S4 S5 S7 S17
func TestCorrupt(t *testing.T) {
	report, err := rig(t).Corrupt(interrupted, Cases{First: *first, Count: count(60), Workers: 2, Wounds: *wounds})
	if report != nil {
		t.Log(report)
	}
	if err != nil {
		t.Error(err)
	}
}

// FAULTS: S1 S8 S9 S11
func TestSoak(t *testing.T) {
	report, err := rig(t).Soak(interrupted, *duration)
	if report != nil {
		t.Log(report)
	}
	if err != nil {
		t.Error(err)
	}
}

// The control: where a store does not answer what the register expects, the rig says so.
func TestCorruptSeesWrongAnswers(t *testing.T) {
	r := rig(t)
	s, err := r.scratch("control")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.remove(); err != nil {
			t.Error(err)
		}
	}()
	stages, err := r.prepare(interrupted, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, forged := range []Answer{Active, Revoked} {
		p := stages[len(stages)-1]
		register := p.register.fork()
		for i := range register.list {
			if c := &register.list[i]; c.expected() != forged {
				*c = credential{number: c.number, id: c.id}
				if forged == Revoked {
					c.acknowledged = 1
				}
				break
			}
		}
		one := trial{r, p.store(), p.key, register}
		if fate, said := one.serve(interrupted, rand.New(rand.NewPCG(1, 1))); fate != Wrong {
			t.Errorf("expected %s: %s, want wrong: %s", answerNames[forged], fate, said)
		}
	}
}
