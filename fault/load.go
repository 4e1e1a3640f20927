package fault

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"zhenni"
	"zhenni/bench"
)

// Load is a number of clients that change and ask at the same time.
type Load struct {
	URL, Key string
	Clients  int
	// Pause is how long a client rests between two requests.
	Pause time.Duration
	// Stubborn clients go on after a connection is cut; others end.
	Stubborn bool
	Seed     uint64
}

// Run asks until ctx ends, or until every client was cut off. What is not answered then is recorded as such.
func (l Load) Run(ctx context.Context, r *Register) error {
	var running sync.WaitGroup
	for i := range l.Clients {
		client, err := newClient(l.URL, l.Key)
		if err != nil {
			return err
		}
		running.Go(func() {
			defer client.Close()
			one := asker{client, r, rand.New(rand.NewPCG(l.Seed, uint64(i)))}
			for ctx.Err() == nil {
				if err := one.ask(); err != nil && !l.rest(ctx, err) {
					return
				}
				wait(ctx, l.Pause)
			}
		})
	}
	running.Wait()
	return nil
}

func newClient(url, key string) (*bench.Client, error) {
	return bench.NewClient(bench.Target{URL: url, Key: key, Timeout: 15 * time.Second})
}

// rest waits after a failure; false: there is nobody left to ask.
func (l Load) rest(ctx context.Context, err error) bool {
	var refused *bench.Refusal
	if errors.As(err, &refused) {
		return wait(ctx, 5*time.Millisecond)
	}
	return l.Stubborn && wait(ctx, 20*time.Millisecond)
}

// wait reports whether the time passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// asker is one client and what it records.
type asker struct {
	client *bench.Client
	to     *Register
	random *rand.Rand
}

// ask does one thing: of a hundred, 30 enrolments, 15 revocations, 35 mated and 10 non-mated questions, 10 readings.
func (a *asker) ask() error {
	at, c, ok := a.to.pick(a.random)
	dice := a.random.IntN(100)
	switch {
	case dice < 30 || !ok:
		return a.enrol()
	case dice < 45 && !c.kept:
		return a.revoke(at, c)
	case dice < 80:
		return a.verify(at, c, Verify, c.person())
	case dice < 90:
		return a.verify(at, c, Stranger, c.person().stranger())
	}
	return a.status(c)
}

func (a *asker) enrol() error {
	number := a.to.next()
	call := a.to.Now()
	id, err := a.client.Enrol(zhenni.LevelFull, person(number).reference())
	if err != nil {
		a.to.lost()
		return err
	}
	a.to.enrolled(number, id, call)
	return nil
}

func (a *asker) revoke(at int, c credential) error {
	a.to.revoking(at)
	call, answer := a.to.Now(), Done
	err := a.client.Revoke(c.id)
	if err != nil {
		answer = Unknown
	}
	a.to.revoked(at, call, answer)
	return err
}

// verify asks for one verdict. A refusal is none and leaves no event.
func (a *asker) verify(at int, c credential, op Op, who person) error {
	call := a.to.Now()
	outcome, err := a.client.Verify(c.id, who.probe(a.random))
	if err != nil || outcome != zhenni.Match && outcome != zhenni.NoMatch {
		return err
	}
	a.to.verified(at, op, call, outcome)
	return nil
}

func (a *asker) status(c credential) error {
	e := Event{Credential: c.number, Op: Status, Call: a.to.Now()}
	if err := e.read(a.client, c.id); err != nil {
		return err
	}
	a.to.add(e)
	return nil
}

// read asks for the record of a credential.
func (e *Event) read(client *bench.Client, id zhenni.CredentialID) error {
	answer, err := client.Get("/v1/credentials/" + id.String())
	var refused *bench.Refusal
	if errors.As(err, &refused) && refused.Status == 404 {
		e.Answer = Absent
		return nil
	}
	if err != nil {
		return err
	}
	var record struct {
		Status     string `json:"status"`
		Generation uint32 `json:"generation"`
	}
	if err := json.Unmarshal(answer, &record); err != nil {
		return errors.Join(bench.ErrAnswer, err)
	}
	e.Answer, e.Generation = Absent, record.Generation
	switch record.Status {
	case zhenni.StatusActive.String():
		e.Answer = Active
	case zhenni.StatusRevoked.String():
		e.Answer = Revoked
	}
	return nil
}
