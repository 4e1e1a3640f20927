package lifecycle

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"zhenni"
)

// registrar is one of those who issue, change and verify the credentials of the same subjects at the same time.
type registrar struct {
	number   int
	random   *rand.Rand
	system   *system
	lives    *Lives
	subjects []int
	// live is the credential of each subject that it saw live last.
	live map[int]int
}

// Issues, re-issues, device moves, locks, losses, erasures, reads and verifications of the same subjects at once, while
// shards move and after the node was opened again: one order of events explains every answer. A subject has at most one
// live credential and that at most one device in every one of them.
//
// FAULTS: C1 C2 C3 C4 C6 C7 C8 C9 C14
func TestLivesHaveAnOrder(t *testing.T) {
	for name, s := range map[string]*system{"warm": newSystem(t, 512, 0), "cold": newSystem(t, 1, 0)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var lives Lives
			for round := range liveRounds {
				s.open(t)
				crowd := round / 2
				var subjects []int
				for n := range 16 {
					subjects = append(subjects, crowd*16+n)
				}
				raceLives(t, s, &lives, subjects, uint64(round))
				s.close(t)
				lives.Settle()
			}
			if err := lives.Check(); err != nil {
				t.Error(err)
			}
			t.Logf("%d operations", lives.Len())
		})
	}
}

// raceLives lets eight registrars loose and moves shards until they are done.
func raceLives(t *testing.T, s *system, lives *Lives, subjects []int, seed uint64) {
	t.Helper()
	done, moved := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(moved)
		for shards := 1; ; shards = shards%5 + 1 {
			select {
			case <-done:
				return
			default:
			}
			if err := s.node.SetShards(context.Background(), shards); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	var all sync.WaitGroup
	for number := range 8 {
		r := &registrar{number, rand.New(rand.NewPCG(seed, uint64(number))), s, lives, subjects, map[int]int{}}
		all.Go(func() {
			for range liveTurns {
				r.act(t)
			}
		})
	}
	all.Wait()
	close(done)
	<-moved
}

func (r *registrar) act(t *testing.T) {
	switch n := r.random.IntN(100); {
	case n < 30:
		r.change(t)
	case n < 35:
		r.find(t, r.subject())
	case n < 40:
		r.read(t)
	default:
		r.verify(t)
	}
}

func (r *registrar) subject() int { return r.subjects[r.random.IntN(len(r.subjects))] }

// lifeID is the id of a credential of a subject. Those that follow each other lie in other segments.
func lifeID(subject, number int) zhenni.CredentialID {
	return zhenni.CredentialID{byte(number % 3 << 6), 0, byte(subject), byte(subject >> 8), byte(number), 9}
}

// handleOf is the handle of a subject.
func handleOf(subject int) zhenni.SubjectHandle {
	return zhenni.SubjectHandle{byte(subject), byte(subject >> 8), 1}
}

// lifeRow is the reference of a subject, whose person has one face under every credential.
func lifeRow(subject int) []int8 {
	return rowOf(zhenni.CredentialID{2: byte(subject), 3: byte(subject>>8) + 77})
}

// find asks for the live credential of a subject and returns its number, 0 for none.
func (r *registrar) find(t *testing.T, subject int) (live Seen) {
	called := r.lives.Now()
	c, err := r.system.store.Subject(tenant, handleOf(subject))
	live = seenOf(t, c, err)
	r.lives.Record(r.number, subject, called, Asked{Deed: DeedFind}, live)
	if live.Credential != 0 {
		r.live[subject] = live.Credential
	}
	return live
}

func (r *registrar) read(t *testing.T) {
	subject, number := r.subject(), 1+r.random.IntN(MaxLives)
	called := r.lives.Now()
	c, err := r.system.node.Credential(lifeID(subject, number))
	r.lives.Record(r.number, subject, called, Asked{Deed: DeedRead, Credential: number}, seenOf(t, c, err))
}

// seenOf is what a client was told by a record or an error.
func seenOf(t *testing.T, c zhenni.Credential, err error) Seen {
	t.Helper()
	if err == nil {
		return lifeOf(c).seen(int(c.ID[4]))
	}
	for _, known := range []error{zhenni.ErrExists, zhenni.ErrNotFound, zhenni.ErrIllegalChange} {
		if errors.Is(err, known) {
			return Seen{Err: known}
		}
	}
	t.Error(err)
	return Seen{Unknown: true}
}

// ask draws what is done next to a subject, of which live was seen to be the credential.
func (r *registrar) ask(live Seen) Asked {
	a := Asked{Credential: live.Credential, From: live.Device, Device: 1 + r.random.IntN(3)}
	n := r.random.IntN(100)
	switch {
	case live.Credential == 0 || n < 6:
		a.Deed, a.Credential, a.Replaces = DeedIssue, 1+r.random.IntN(MaxLives), live.Credential
		// What is issued under an id is always the same.
		a.Level, a.Device, a.From = zhenni.Level(1+a.Credential%4/3), 1, 0
		a.Issue = zhenni.Issue(a.Credential % 3)
	case n < 40:
		a.Deed = DeedMove
	case n < 52:
		a.Deed = DeedLock
	case n < 68:
		a.Deed = DeedUnlock
	case n < 78:
		a.Deed = DeedLoss
	case n < 98:
		a.Deed, a.To = DeedStatus, zhenni.StatusActive
	case n < 99:
		a.Deed, a.To = DeedStatus, zhenni.StatusRevoked
	default:
		a.Deed = DeedErase
	}
	return a
}

// command is what was asked, as the store takes it.
func (a Asked) command(subject int) zhenni.Command {
	id, face := lifeID(subject, a.Credential), zhenni.FactorsOf(zhenni.FactorFace)
	switch a.Deed {
	case DeedIssue:
		e := zhenni.Enrol{ID: id, Tenant: tenant, Level: a.Level, Model: model.ID, Row: lifeRow(subject),
			Subject: handleOf(subject), Device: device(a.Device), Issue: a.Issue}
		if a.Replaces != 0 {
			e.Replaces = lifeID(subject, a.Replaces)
		}
		return e
	case DeedMove:
		return zhenni.MoveDevice{ID: id, Tenant: tenant, From: device(a.From), To: device(a.Device)}
	case DeedLock, DeedUnlock:
		return zhenni.LockFactors{ID: id, Tenant: tenant, Factors: face, Locked: a.Deed == DeedLock}
	case DeedLoss:
		return zhenni.ReportLoss{ID: id, Tenant: tenant}
	case DeedErase:
		return zhenni.Erase{ID: id, Tenant: tenant}
	}
	return zhenni.ChangeStatus{ID: id, Tenant: tenant, To: a.To}
}

// change does something to one subject, and now and then sends it twice, or gives up.
func (r *registrar) change(t *testing.T) {
	subject := r.subject()
	a := r.ask(r.find(t, subject))
	for range 1 + r.random.IntN(8)/7 {
		ctx, cancel := context.Background(), context.CancelFunc(func() {})
		if r.random.IntN(10) == 0 {
			ctx, cancel = context.WithTimeout(ctx, time.Duration(r.random.IntN(2000))*time.Microsecond)
		}
		called := r.lives.Now()
		results, err := r.system.node.Apply(ctx, []zhenni.Command{a.command(subject)})
		cancel()
		switch {
		case errors.Is(err, zhenni.ErrDeadline), errors.Is(err, zhenni.ErrOverloaded): // nothing was started
		case err != nil:
			r.lives.Record(r.number, subject, called, a, Seen{Unknown: true})
		default:
			r.lives.Record(r.number, subject, called, a, seenOf(t, results[0].Credential, results[0].Err))
		}
	}
}

// verify asks for one credential of each of some subjects in one batch. A refusal says nothing of a credential.
func (r *registrar) verify(t *testing.T) {
	subjects := []int{r.subject()}
	if r.random.IntN(3) == 0 {
		subjects = slices.Clone(r.subjects)
	}
	b := &zhenni.Batch{Tenant: tenant, Evaluation: true, Dim: model.Dim, Outcomes: make([]zhenni.Outcome, len(subjects))}
	numbers := make([]int, len(subjects))
	for i, subject := range subjects {
		if numbers[i] = r.live[subject]; numbers[i] == 0 || r.random.IntN(4) == 0 {
			numbers[i] = 1 + r.random.IntN(MaxLives)
		}
		b.IDs = append(b.IDs, lifeID(subject, numbers[i]))
		b.Int8 = append(b.Int8, lifeRow(subject)...)
	}
	called := r.lives.Now()
	if err := r.system.node.Verify(b, time.Now().Add(30*time.Second)); err != nil {
		t.Error(err)
		return
	}
	for i, outcome := range b.Outcomes {
		if outcome == zhenni.Match || outcome == zhenni.NoMatch {
			r.lives.Record(r.number, subjects[i], called, Asked{Deed: DeedVerify, Credential: numbers[i]}, Seen{Match: outcome == zhenni.Match})
		}
	}
}
