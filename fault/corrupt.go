package fault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Fate is what became of a damaged store.
type Fate uint8

// The fates. Those from Mute on are defects.
const (
	Unharmed Fate = iota // it is served, every answer is right, and nothing was said
	Rebuilt              // it is served, every answer is right, and the log says what was wrong
	Closed               // it is refused, with a message that says how to repair it
	Partial              // it is served, and refuses answers or changes; no answer is wrong
	Mute                 // it is refused without such a message
	Panicked             // the process ended in a panic or by a signal
	Died                 // the process ended after it had begun to serve
	Hung                 // the process neither served nor ended
	Wrong                // it is served, and an answer is wrong or a credential missing
	fates
)

var fateNames = [...]string{"unharmed", "rebuilt", "refused", "partial", "mute", "panicked", "died", "hung", "wrong"}

// String implements fmt.Stringer.
func (f Fate) String() string { return fateNames[f] }

// Case is one damage and what became of it.
type Case struct {
	// Number and the seed of the run repeat it.
	Number int
	Class  string
	Damage Damage
	Fate   Fate
	// Did says what was damaged, Said what the server said last or which answer was wrong.
	Did, Said string
}

// CorruptReport is what damages led to.
type CorruptReport struct {
	Seed  uint64
	Cases []Case
}

// Count returns how many cases had each fate.
func (c *CorruptReport) Count() (count [fates]int) {
	for _, one := range c.Cases {
		count[one.Fate]++
	}
	return count
}

// Err reports a broken promise.
func (c *CorruptReport) Err() error {
	count := c.Count()
	for _, f := range []Fate{Mute, Panicked, Died, Hung, Wrong} {
		if count[f] > 0 {
			return fmt.Errorf("fault: %d damages: wrong %d, mute %d, panicked %d, died %d, hung %d",
				len(c.Cases), count[Wrong], count[Mute], count[Panicked], count[Died], count[Hung])
		}
	}
	return nil
}

// String is a table by class and damage, and a line for each defect.
func (c *CorruptReport) String() string {
	rows := make(map[string]*[fates]int)
	for _, one := range c.Cases {
		for _, name := range []string{one.Class + " | " + one.Damage.String(), "~all"} {
			if rows[name] == nil {
				rows[name] = new([fates]int)
			}
			rows[name][one.Fate]++
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%-44s", fmt.Sprintf("seed %d", c.Seed))
	for f := range fates {
		fmt.Fprintf(&text, "%9s", f)
	}
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		fmt.Fprintf(&text, "\n%-44s", name)
		for _, n := range rows[name] {
			fmt.Fprintf(&text, "%9d", n)
		}
	}
	c.writeWords(&text)
	return text.String()
}

// writeWords lists what servers said, with its numbers made alike, how often, and of defects the first three cases.
func (c *CorruptReport) writeWords(text *strings.Builder) {
	said := make(map[string][]Case)
	for _, one := range c.Cases {
		if one.Fate != Unharmed {
			words := one.Fate.String() + ": " + digits.ReplaceAllString(one.Said, "#")
			said[words] = append(said[words], one)
		}
	}
	for _, words := range slices.Sorted(maps.Keys(said)) {
		cases := said[words]
		fmt.Fprintf(text, "\n%4d × %s", len(cases), words[:min(len(words), 300)])
		if cases[0].Fate < Partial {
			continue
		}
		for _, one := range cases[:min(3, len(cases))] {
			fmt.Fprintf(text, "\n       case %d: %s", one.Number, one.Did)
		}
	}
}

// Cases are those of one run: numbers First … First+Count-1, Workers at a time, with Wounds damages each.
type Cases struct{ First, Count, Workers, Wounds int }

// Corrupt damages copies of a prepared store, serves them and asks about everything, twice: after the first start the
// server is killed.
func (r *Rig) Corrupt(ctx context.Context, cases Cases) (_ *CorruptReport, err error) {
	s, err := r.scratch("corrupt")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.remove()) }()
	stages, err := r.prepare(ctx, s)
	if err != nil {
		return nil, err
	}
	report := &CorruptReport{Seed: r.Seed}
	var mu sync.Mutex
	var running sync.WaitGroup
	numbers := make(chan int)
	for range cases.Workers {
		running.Go(func() {
			for number := range numbers {
				one, oneErr := r.corruptOne(ctx, s, stages, number, cases.Wounds)
				mu.Lock()
				if oneErr != nil {
					err = errors.Join(err, fmt.Errorf("case %d: %w", number, oneErr))
				} else {
					report.Cases = append(report.Cases, one)
				}
				if n := len(report.Cases); n%100 == 0 {
					r.Logf("corrupt: %d of %d", n, cases.Count)
				}
				mu.Unlock()
			}
		})
	}
	for number := cases.First; number < cases.First+cases.Count && ctx.Err() == nil; number++ {
		numbers <- number
	}
	close(numbers)
	running.Wait()
	slices.SortFunc(report.Cases, func(a, b Case) int { return a.Number - b.Number })
	return report, errors.Join(err, context.Cause(ctx), report.Err())
}

// corruptOne runs one case.
func (r *Rig) corruptOne(ctx context.Context, s *scratch, stages []prepared, number, wounds int) (one Case, err error) {
	random := rand.New(rand.NewPCG(r.Seed, 1000+uint64(number)))
	at := len(stages) - 1 - random.IntN(2) // ended in order or killed
	from, earlier := stages[at], stages[random.IntN(at)]
	dir := filepath.Join(s.dir, "case"+strconv.Itoa(number))
	if err := copyPrepared(from.dir, dir); err != nil {
		return one, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	store := filepath.Join(dir, "store")
	one.Number = number
	for range wounds {
		if err := one.draw(store, earlier.store(), random); err != nil {
			return one, err
		}
	}
	t := trial{r, store, from.key, from.register.fork()}
	one.Fate, one.Said = t.serve(ctx, random)
	if one.Fate <= Rebuilt || one.Fate == Partial {
		fate, said := t.serve(ctx, random)
		if fate > one.Fate && !(fate == Closed && one.Fate == Partial) {
			one.Fate, one.Said = fate, "at the second start: "+said
		}
	}
	return one, context.Cause(ctx)
}

// draw chooses a class, a damage and a file of the class until one can be done, and does it.
func (c *Case) draw(store, earlier string, random *rand.Rand) error {
	byClass, err := filesByClass(store)
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(byClass))
	for {
		c.Class, c.Damage = names[random.IntN(len(names))], Damage(random.IntN(int(damages)))
		files := byClass[c.Class]
		did, err := wound(c.Damage, store, earlier, files[random.IntN(len(files))], files, random)
		if errors.Is(err, errNotHere) {
			continue
		}
		if c.Did != "" {
			did = c.Did + "; " + did
		}
		c.Did = did
		return err
	}
}

// trial is a damaged store and what it must answer.
type trial struct {
	rig      *Rig
	store    string
	key      string
	register *Register
}

// serve starts a server on the store, asks about everything and kills it.
func (t *trial) serve(ctx context.Context, random *rand.Rand) (Fate, string) {
	server, err := t.rig.start(ctx, t.store, "127.0.0.1:0")
	if server == nil {
		return Hung, err.Error()
	}
	defer server.kill()
	if err != nil {
		return t.fateOfClosed(server, err)
	}
	found, err := t.register.Audit(server.URL, t.key, 40, random.Uint64())
	switch {
	case found.Wrong() > 0:
		return Wrong, fmt.Sprintf("missing %d, revived %d, impostors %d, misread %d of %d asked; %s; said: %s",
			found.Missing, found.Revived, found.Impostors, found.Misread, found.Asked, found.First, warnings(server))
	case err != nil && server.ended():
		return Died, lastLine(server.notes.String())
	case err != nil:
		return Wrong, "no answers: " + err.Error()
	case found.Unread > 0:
		return Partial, fmt.Sprintf("%d of %d answers refused; %s; said: %s", found.Unread, found.Asked, found.First, warnings(server))
	}
	return t.change(server, random)
}

// change enrols one more person, who must match from then on.
func (t *trial) change(server *Server, random *rand.Rand) (Fate, string) {
	client, err := newClient(server.URL, t.key)
	if err != nil {
		return Hung, err.Error()
	}
	defer client.Close()
	one := asker{client, t.register, random}
	if err := one.enrol(); err != nil {
		return Partial, "a change is refused: " + err.Error()
	}
	if said := warnings(server); said != "" {
		return Rebuilt, said
	}
	return Unharmed, ""
}

var (
	panicked = regexp.MustCompile(`(?m)^(panic:|fatal error:|SIG[A-Z]+:)`)
	// repair is what a refusal must hold: a command, or what to put back.
	repair = regexp.MustCompile(`zhenni (check|restore|serve|keys|audit) ?|restore (it|the)|[Pp]ut back|free some`)
	loud   = regexp.MustCompile(`(?i)level=(WARN|ERROR)|quarantine|rebuil|made again`)
)

func (t *trial) fateOfClosed(server *Server, err error) (Fate, string) {
	text := strings.ReplaceAll(server.notes.String(), t.store, "STORE")
	last := text[max(0, strings.LastIndex(text, "zhenni: ")):]
	last = strings.ReplaceAll(last, "zhenni serve makes one on its first start", "") // a new store repairs none
	last = strings.ReplaceAll(strings.TrimSpace(last), "\n", `\n`)
	switch {
	case errors.Is(err, errHung):
		return Hung, last
	case panicked.MatchString(text) || server.cmd.ProcessState.ExitCode() < 0:
		return Panicked, panicked.FindString(text) + " " + last
	case !repair.MatchString(last):
		return Mute, fmt.Sprintf("%v: %s", server.err, last[max(0, len(last)-600):])
	}
	return Closed, last
}

// warnings returns the first line in which the server says that something is wrong.
func warnings(server *Server) string {
	for line := range strings.Lines(server.notes.String()) {
		if loud.MatchString(line) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
