package fault

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// Op is what was asked about one credential.
type Op uint8

// The operations of a history.
const (
	Enrol    Op = iota // answered Done; one without an answer left no id to ask about
	Revoke             // answered Done or Unknown
	Verify             // with a probe of the person behind the credential: Match or NoMatch
	Stranger           // with a probe of somebody else: Match or NoMatch
	Status             // the record read by its issuer: Active, Revoked or Absent
)

var opNames = [...]string{"enrol", "revoke", "verify", "stranger", "status"}

// Answer is what came back.
type Answer uint8

// The answers. Unknown is none: the operation took place once between its call and its return, or never.
const (
	Unknown Answer = iota
	Done
	Match
	NoMatch
	Active
	Revoked
	Absent
)

var answerNames = [...]string{"unknown", "done", "match", "no match", "active", "revoked", "absent"}

// Event is one operation of one client on one credential. Call and Return are nanoseconds on one clock; the operation
// took effect between them.
type Event struct {
	Credential   int
	Op           Op
	Answer       Answer
	Generation   uint32 // of a Status that is Active or Revoked
	Call, Return int64
}

// String implements fmt.Stringer.
func (e Event) String() string {
	return fmt.Sprintf("[%d–%d] %s: %s %d", e.Call, e.Return, opNames[e.Op], answerNames[e.Answer], e.Generation)
}

// open is the return of an operation that may still take effect.
const open = math.MaxInt64

// History collects events. It is safe for concurrent use.
type History struct {
	start time.Time
	mu    sync.Mutex
	list  []Event
}

// NewHistory starts the clock.
func NewHistory() *History { return &History{start: time.Now()} }

// Now is the time on the clock of the history.
func (h *History) Now() int64 { return int64(time.Since(h.start)) }

// add records an event that returned now, or never where its answer is Unknown.
func (h *History) add(e Event) {
	e.Return = h.Now()
	if e.Answer == Unknown {
		e.Return = open
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, e)
}

// Settle ends every operation that has no answer: a process that is gone, and whose successor serves, can not let one
// take effect any more.
func (h *History) Settle() {
	now := h.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.list) - 1; i >= 0; i-- {
		if h.list[i].Return == open {
			h.list[i].Return = now
		}
	}
}

// Events returns a copy of what was recorded.
func (h *History) Events() []Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.list)
}

// Violation is a credential whose answers no order of its events explains.
type Violation struct {
	Credential int
	// Undecided reports that the check ran out of time.
	Undecided bool
	Events    []Event
}

// String lists the events, in order of their calls.
func (v Violation) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "credential %d, undecided %t:", v.Credential, v.Undecided)
	for _, e := range v.Events {
		fmt.Fprintf(&text, "\n    %v", e)
	}
	return text.String()
}

// Check looks, for each credential by itself, for an order of its events that a register could have answered so, and
// returns those that have none.
func Check(events []Event) []Violation {
	byCredential := make(map[int][]Event)
	for _, e := range events {
		byCredential[e.Credential] = append(byCredential[e.Credential], e)
	}
	model := registerModel.ToModel()
	var violations []Violation
	for credential, of := range byCredential {
		slices.SortStableFunc(of, func(a, b Event) int { return cmp.Compare(a.Call, b.Call) })
		operations := make([]porcupine.Operation, len(of))
		for i, e := range of {
			operations[i] = porcupine.Operation{ClientId: i, Input: e, Call: e.Call, Return: e.Return}
		}
		if result := porcupine.CheckOperationsTimeout(model, operations, 20*time.Second); result != porcupine.Ok {
			violations = append(violations, Violation{credential, result == porcupine.Unknown, of})
		}
	}
	slices.SortFunc(violations, func(a, b Violation) int { return cmp.Compare(a.Credential, b.Credential) })
	return violations
}

// registerModel is a credential as its users may see it.
var registerModel = porcupine.NondeterministicModel{
	Init: func() []any { return []any{Absent} },
	Step: func(state, input, _ any) []any {
		var next []any
		for _, s := range after(state.(Answer), input.(Event)) {
			next = append(next, s)
		}
		return next
	},
}

// after returns the states that a register in state s can be in once it answered e so; none: it can not have.
func after(s Answer, e Event) []Answer {
	may := false
	switch e.Op {
	case Enrol:
		if s == Absent {
			return []Answer{Active}
		}
	case Revoke:
		switch {
		case e.Answer == Unknown && s == Active:
			return []Answer{Active, Revoked}
		case e.Answer == Unknown:
			return []Answer{s}
		case s != Absent:
			return []Answer{Revoked}
		}
	case Verify:
		may = (e.Answer == Match) == (s == Active)
	case Stranger:
		may = e.Answer == NoMatch
	case Status:
		may = e.Answer == s && (s == Absent || e.Generation == generations[s])
	}
	if may {
		return []Answer{s}
	}
	return nil
}

// generations are those of a credential that was enrolled and never issued again.
var generations = map[Answer]uint32{Active: 1, Revoked: 2}
