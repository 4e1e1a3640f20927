package fault

import (
	"fmt"
	"math/rand/v2"
	"time"

	"zhenni"
	"zhenni/bench"
)

// auditPart is the number of credentials asked about in one request.
const auditPart = 2048

// Findings are what asking about every acknowledged credential showed, while nobody changed any.
type Findings struct {
	Asked int
	// Missing counts credentials that are active and were not matched with their person; Revived those that are revoked
	// and were; Impostors those matched with a stranger; Unread those refused an answer; Misread those whose status or
	// generation is not what it must be.
	Missing, Revived, Impostors, Unread, Misread int
	// First says which was the first to be wrong.
	First string
}

// Wrong counts the answers that must never be given. A refusal says that something is wrong, so it is not among them.
func (f Findings) Wrong() int { return f.Missing + f.Revived + f.Impostors + f.Misread }

func (f *Findings) note(count *int, c credential, what string) {
	*count++
	if f.First == "" {
		f.First = fmt.Sprintf("credential %d %s, expected %s: %s", c.number, c.id, answerNames[c.expected()], what)
	}
}

// Audit asks about every credential, with a probe of its person and with one of a stranger, and reads up to statuses
// of their records. It adds what it sees to the history and settles changes that had no answer.
func (r *Register) Audit(url, key string, statuses int, seed uint64) (f Findings, err error) {
	client, err := bench.NewClient(bench.Target{URL: url, Key: key, Timeout: 30 * time.Second})
	if err != nil {
		return f, err
	}
	defer client.Close()
	random := rand.New(rand.NewPCG(seed, 1))
	list := r.snapshot()
	for first := 0; first < len(list); first += auditPart {
		part := list[first:min(first+auditPart, len(list))]
		for _, op := range []Op{Verify, Stranger} {
			if err := r.auditPart(client, &f, first, part, op, random); err != nil {
				return f, err
			}
		}
	}
	order := random.Perm(len(list))
	for _, at := range order[:min(statuses, len(order))] {
		if err := r.auditStatus(client, &f, list[at]); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (r *Register) auditPart(client *bench.Client, f *Findings, first int, part []credential, op Op, random *rand.Rand) error {
	ids := make([]zhenni.CredentialID, len(part))
	probes := bench.Vectors{Dim: dim}
	for i, c := range part {
		who := c.person()
		if op == Stranger {
			who = who.stranger()
		}
		ids[i], probes.Int8 = c.id, who.appendProbe(probes.Int8, random)
	}
	call := r.Now()
	outcomes, err := client.VerifyLines(ids, probes, nil)
	if err != nil {
		return err
	}
	for i, outcome := range outcomes {
		f.Asked++
		if outcome != zhenni.Match && outcome != zhenni.NoMatch {
			f.note(&f.Unread, part[i], "refused: "+outcome.Reason())
			continue
		}
		r.verified(first+i, op, call, outcome)
		r.judge(f, first+i, part[i], op, outcome)
	}
	return nil
}

func (r *Register) judge(f *Findings, at int, c credential, op Op, outcome zhenni.Outcome) {
	matched, expected := outcome == zhenni.Match, c.expected()
	switch {
	case op == Stranger && matched:
		f.note(&f.Impostors, c, "a stranger matches")
	case op == Stranger:
	case expected == Unknown && !matched:
		r.settle(at)
	case expected == Active && !matched:
		f.note(&f.Missing, c, "no match")
	case expected == Revoked && matched:
		f.note(&f.Revived, c, "match")
	}
}

func (r *Register) auditStatus(client *bench.Client, f *Findings, c credential) error {
	e := Event{Credential: c.number, Op: Status, Call: r.Now()}
	if err := e.read(client, c.id); err != nil {
		return err
	}
	r.add(e)
	f.Asked++
	expected := c.expected()
	if expected != Unknown && (e.Answer != expected || e.Generation != generations[expected]) {
		f.note(&f.Misread, c, fmt.Sprintf("status %s, generation %d", answerNames[e.Answer], e.Generation))
	}
	return nil
}
