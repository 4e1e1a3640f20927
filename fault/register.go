package fault

import (
	"math/rand/v2"
	"sync"

	"zhenni"
)

// credential is what the rig knows of one enrolment that was acknowledged.
type credential struct {
	number int // of the person and in the history
	id     zhenni.CredentialID
	// asked is set when a revocation is sent; acknowledged is the time of the first answer to one, 0 before.
	asked        bool
	kept         bool // is never revoked
	acknowledged int64
	// settled is set when the credential, asked to be revoked without an answer, was seen revoked.
	settled bool
}

func (c *credential) person() person { return person(c.number) }

// expected is what the credential must answer while nobody changes it; Unknown where both is right.
func (c *credential) expected() Answer {
	switch {
	case c.acknowledged > 0 || c.settled:
		return Revoked
	case c.asked:
		return Unknown
	}
	return Active
}

// Register is every enrolment that was acknowledged, with the history of all questions. It outlives the servers it
// asks. It is safe for concurrent use.
type Register struct {
	*History
	mu     sync.Mutex
	list   []credential
	people int // numbers given out, to enrolments without an answer too
	// unanswered counts changes that were sent and not acknowledged; late counts matches begun after an acknowledged
	// revocation.
	unanswered, late int
}

// NewRegister is empty.
func NewRegister() *Register { return &Register{History: NewHistory()} }

// fork returns a register with the same credentials and a history of its own.
func (r *Register) fork() *Register {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &Register{History: NewHistory(), list: append([]credential(nil), r.list...), people: r.people}
}

// Len is the number of acknowledged enrolments.
func (r *Register) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.list)
}

// next is the number of a new person.
func (r *Register) next() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.people++
	return r.people
}

// enrolled records an acknowledged enrolment.
func (r *Register) enrolled(number int, id zhenni.CredentialID, call int64) {
	r.add(Event{Credential: number, Op: Enrol, Answer: Done, Call: call})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, credential{number: number, id: id})
}

// lost counts a change that was not acknowledged.
func (r *Register) lost() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unanswered++
}

// pick returns a copy of a credential, one of the newest half of the time, so that some are asked about by several
// clients at once; ok is false where there is none.
func (r *Register) pick(random *rand.Rand) (at int, c credential, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.list)
	if n == 0 {
		return 0, c, false
	}
	at = random.IntN(n)
	if random.IntN(2) == 0 {
		at = n - 1 - random.IntN(min(n, 8))
	}
	return at, r.list[at], true
}

// keep has a credential never be revoked, so that somebody can watch it, and returns it.
func (r *Register) keep(at int) credential {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list[at].kept = true
	return r.list[at]
}

// revoking marks a credential as asked to be revoked.
func (r *Register) revoking(at int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list[at].asked = true
}

// revoked records the answer to a revocation.
func (r *Register) revoked(at int, call int64, answer Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &r.list[at]
	r.add(Event{Credential: c.number, Op: Revoke, Answer: answer, Call: call})
	if answer == Unknown {
		r.unanswered++
	} else if c.acknowledged == 0 {
		c.acknowledged = r.Now()
	}
}

// verified records a verdict.
func (r *Register) verified(at int, op Op, call int64, outcome zhenni.Outcome) {
	answer := NoMatch
	if outcome == zhenni.Match {
		answer = Match
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &r.list[at]
	if op == Verify && answer == Match && c.acknowledged > 0 && call > c.acknowledged {
		r.late++
	}
	r.add(Event{Credential: c.number, Op: op, Answer: answer, Call: call})
}

// snapshot copies the list.
func (r *Register) snapshot() []credential {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]credential(nil), r.list...)
}

// settle notes that a revocation without an answer has taken place.
func (r *Register) settle(at int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list[at].settled = true
}

// Totals are counts over the life of a register.
type Totals struct {
	Enrolled, Revoked, Unanswered int
	// Late counts matches begun after an acknowledged revocation. It must be 0.
	Late   int
	Events int
}

// Totals returns the counts so far.
func (r *Register) Totals() Totals {
	events := len(r.Events())
	r.mu.Lock()
	defer r.mu.Unlock()
	t := Totals{Enrolled: len(r.list), Unanswered: r.unanswered, Late: r.late, Events: events}
	for i := range r.list {
		if r.list[i].expected() == Revoked {
			t.Revoked++
		}
	}
	return t
}
