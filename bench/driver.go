package bench

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"

	"zhenni"
	"zhenni/simd"
)

// Driver is a drill made ready: its clients, and the requests they send. It is used by one goroutine at a time.
type Driver struct {
	askers []*asker
}

// An asker is one client with what only it uses.
type asker struct {
	client   *Client
	ids      []zhenni.CredentialID
	batches  []question
	next     int // of batches, in turn
	item     int // of batches[next], for single questions
	random   *rand.Rand
	outcomes []zhenni.Outcome
	tally    Tally
}

// A question is a batch whose item i holds a probe of subject subjects[i]. Even items are mated. Odd ones claim the
// credential of somebody else, drawn anew each time the batch is sent, so that the non-mated comparisons of a run
// differ though its probes repeat.
type question struct {
	*ArrowBatch
	subjects []int32
}

// Prepare makes the clients and their requests, on as many cores as there are connections.
func (d Drill) Prepare(ctx context.Context) (*Driver, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	driver := &Driver{askers: make([]*asker, d.Connections)}
	errs := make([]error, d.Connections)
	var working sync.WaitGroup
	for i := range driver.askers {
		working.Go(func() { driver.askers[i], errs[i] = d.newAsker(ctx, i) })
	}
	working.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return driver, nil
}

// Close closes the connections.
func (d *Driver) Close() {
	for _, a := range d.askers {
		a.client.Close()
	}
}

func (d Drill) newAsker(ctx context.Context, number int) (*asker, error) {
	client, err := NewClient(d.Target)
	if err != nil {
		return nil, err
	}
	a := &asker{
		client: client, ids: d.IDs, random: rand.New(rand.NewPCG(d.Seed, uint64(number))),
		outcomes: make([]zhenni.Outcome, 0, d.BatchItems),
	}
	share := d.Connections * d.BatchItems
	for range max(1, (d.Distinct+share-1)/share) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		q, err := d.newQuestion(a.random)
		if err != nil {
			return nil, err
		}
		a.batches = append(a.batches, q)
	}
	return a, nil
}

func (d Drill) newQuestion(random *rand.Rand) (question, error) {
	q := question{subjects: make([]int32, d.BatchItems)}
	probes := Vectors{Dim: d.Dim, Int8: make([]int8, d.BatchItems*d.Dim)}
	claims := make([]zhenni.CredentialID, d.BatchItems)
	embedding := make([]float32, d.Dim)
	for i := range q.subjects {
		subject := random.IntN(len(d.IDs))
		q.subjects[i], claims[i] = int32(subject), d.IDs[subject]
		// Sample 0 is left to whoever enrols; a probe is never the capture that was enrolled.
		d.Subjects.Probe(subject, 1+int(random.Uint32()>>1), embedding)
		simd.Quantize(probes.Slice(i, i+1).Int8, embedding, 0)
	}
	var err error
	q.ArrowBatch, err = NewArrowBatch(claims, probes)
	return q, err
}

func mated(item int) bool { return item%2 == 0 }

// stranger draws a subject other than the given one.
func (a *asker) stranger(subject int32) int32 {
	other := int32(a.random.IntN(len(a.ids) - 1))
	if other >= subject {
		other++
	}
	return other
}

func (a *asker) askBatch() (int, error) {
	q := &a.batches[a.next]
	a.next = (a.next + 1) % len(a.batches)
	for i := 1; i < q.Len(); i += 2 {
		q.Claim(i, a.ids[a.stranger(q.subjects[i])])
	}
	var err error
	a.outcomes, err = a.client.VerifyArrow(q.ArrowBatch, a.outcomes[:0])
	if err != nil {
		return 0, err
	}
	for i, outcome := range a.outcomes {
		a.tally.note(mated(i), outcome)
	}
	return q.Len(), nil
}

func (a *asker) askOne() (int, error) {
	q := &a.batches[a.next]
	i := a.item
	if a.item++; a.item == q.Len() {
		a.item, a.next = 0, (a.next+1)%len(a.batches)
	}
	claim := q.subjects[i]
	if !mated(i) {
		claim = a.stranger(claim)
	}
	outcome, err := a.client.Verify(a.ids[claim], q.Probes().Slice(i, i+1))
	if err != nil {
		return 0, err
	}
	a.tally.note(mated(i), outcome)
	return 1, nil
}
