// Package lifecycle decides whether what many clients saw of a set of credentials can be explained by one order of
// events: whether enrolments, changes of status, reads and verifications are linearizable.
//
// A credential is a register of its status and generation. Two readings of it are checked, each with all changes:
//
//   - what [zhenni.Credential] reads say, which come from the store;
//   - what verifications say, which come from rows in memory that a change reaches before it is acknowledged. A mated
//     probe matches if and only if the credential is active.
//
// They are checked apart, because a read may tell of a change that is durable and not yet acknowledged, while a
// verification begun then may still be decided on the row before it; neither may, once it is acknowledged.
package lifecycle

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"zhenni"
)

// Kind is what an operation does to a credential.
type Kind uint8

// The kinds of operation.
const (
	KindEnrol Kind = iota + 1
	KindChange
	KindRead
	KindVerify
)

// Answer is what a client was told.
type Answer struct {
	// Unknown is an operation without an answer, or with one that leaves open whether it took effect.
	Unknown bool
	// Err is one of [zhenni.ErrExists], [zhenni.ErrNotFound] and [zhenni.ErrIllegalChange], or nil.
	Err        error
	Status     zhenni.Status
	Generation zhenni.Generation
	// Match is the verdict on a mated probe.
	Match bool
}

// operation is one entry of a history. Times are of the history's own clock.
type operation struct {
	client         int
	id             zhenni.CredentialID
	kind           Kind
	to             zhenni.Status
	answer         Answer
	called, ending int64
}

// History records operations. Its methods may be called from several goroutines.
type History struct {
	clock atomic.Int64
	mu    sync.Mutex
	all   []operation
}

// Now is a moment after every one before: what an operation is recorded to begin with.
func (h *History) Now() int64 { return h.clock.Add(1) }

// Record adds an operation that was called at the given moment and has just been answered. The status is the one that a
// change was to.
func (h *History) Record(client int, called int64, kind Kind, id zhenni.CredentialID, to zhenni.Status, a Answer) {
	op := operation{client: client, id: id, kind: kind, to: to, answer: a, called: called, ending: h.Now()}
	if a.Unknown {
		op.ending = math.MaxInt64
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, op)
}

// Len is the number of operations recorded.
func (h *History) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.all)
}

// patience bounds the search for an order of one credential's operations.
const patience = time.Minute

// Check reports the first credential whose operations no order explains, or that took too long to decide. No operation
// may be under way.
func (h *History) Check() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	byID := map[zhenni.CredentialID][]operation{}
	for _, op := range h.all {
		byID[op.id] = append(byID[op.id], op)
	}
	for id, ops := range byID {
		for _, unread := range []Kind{KindVerify, KindRead} {
			if err := check(ops, unread); err != nil {
				return fmt.Errorf("lifecycle: credential %s, %d operations: %w", id, len(ops), err)
			}
		}
	}
	return nil
}

// check looks for an order of the operations that are not of the kind left out.
func check(ops []operation, without Kind) error {
	var history []porcupine.Operation
	for _, op := range ops {
		if op.kind != without {
			history = append(history, porcupine.Operation{
				ClientId: op.client, Input: op, Output: op.answer, Call: op.called, Return: op.ending,
			})
		}
	}
	model := register.ToModel()
	switch porcupine.CheckOperationsTimeout(model, history, patience) {
	case porcupine.Illegal:
		return fmt.Errorf("%w:\n%s", errNoOrder, listing(ops, without))
	case porcupine.Unknown:
		return errTooLong
	}
	return nil
}

var (
	errNoOrder = errors.New("no order of events explains what was seen")
	errTooLong = fmt.Errorf("no decision within %v", patience)
)

// listing is the operations in the order of their calls, for people.
func listing(ops []operation, without Kind) string {
	ops = slices.Clone(ops)
	slices.SortFunc(ops, func(a, b operation) int { return int(a.called - b.called) })
	var text []byte
	for _, op := range ops {
		if op.kind != without {
			text = fmt.Appendf(text, "%6d–%-6d client %d kind %d to %d: %+v\n", op.called, op.ending, op.client, op.kind, op.to, op.answer)
		}
	}
	return string(text)
}

// state is a credential as the model has it; status 0 is one that was never enrolled.
type state struct {
	status     zhenni.Status
	generation zhenni.Generation
}

// register is the model of one credential. An operation without an answer took effect or did not.
var register = porcupine.NondeterministicModel{
	Init: func() []any { return []any{state{}} },
	Step: func(before, input, output any) []any {
		s, op, a := before.(state), input.(operation), output.(Answer)
		after, want := s.next(op)
		switch {
		case a.Unknown:
			return []any{s, after}
		case op.kind == KindVerify && a.Match == (s.status == zhenni.StatusActive):
			return []any{s}
		case op.kind != KindVerify && a == want:
			return []any{after}
		}
		return nil
	},
}

// next is the state after the operation, with the answer to it.
func (s state) next(op operation) (state, Answer) {
	switch {
	case op.kind == KindEnrol && s.status == 0:
		s = state{zhenni.StatusActive, 1}
	case op.kind == KindEnrol:
		return s, Answer{Err: zhenni.ErrExists}
	case s.status == 0:
		return s, Answer{Err: zhenni.ErrNotFound}
	case op.kind == KindChange && s.status != op.to:
		if !s.status.CanBecome(op.to) {
			return s, Answer{Err: zhenni.ErrIllegalChange}
		}
		s = state{op.to, s.generation + 1}
	}
	return s, Answer{Status: s.status, Generation: s.generation}
}
