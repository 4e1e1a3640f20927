package lifecycle

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/anishathalye/porcupine"

	"zhenni"
)

// MaxLives is how many credentials a subject of a [Lives] may be issued, one after the other.
const MaxLives = 12

// Deed is what is done to a subject or one of its credentials.
type Deed uint8

// The deeds. A find asks for the live credential of the subject, a read and a verification for one that is named.
const (
	DeedIssue Deed = iota + 1
	DeedMove
	DeedLock
	DeedUnlock
	DeedLoss
	DeedStatus
	DeedErase
	DeedFind
	DeedRead
	DeedVerify
	// deedReplaced is what an issue is to the credential that it replaces.
	deedReplaced
)

// Asked is one operation on a subject. Credentials and devices are numbered from 1; 0 is none.
type Asked struct {
	Deed Deed
	// Credential is the one that is issued or meant.
	Credential int
	// Replaces, Level and Issue are of an issue, Device too.
	Replaces int
	Level    zhenni.Level
	Issue    zhenni.Issue
	// From is of a move, which is to Device; To is of a change of status.
	From, Device int
	To           zhenni.Status
}

// Seen is what a client was told of it.
type Seen struct {
	// Unknown is an operation without an answer, or with one that leaves open whether it took effect.
	Unknown bool
	// Err is one of [zhenni.ErrExists], [zhenni.ErrNotFound] and [zhenni.ErrIllegalChange], or nil.
	Err        error
	Credential int
	Status     zhenni.Status
	Generation zhenni.Generation
	Device     int
	Locked     bool
	// Match is the verdict on a mated probe.
	Match bool
}

// lived is one entry of a history of subjects.
type lived struct {
	client, subject int
	asked           Asked
	seen            Seen
	called, ending  int64
}

// Lives records operations on subjects, each of which has one credential after the other. Its methods may be called from
// several goroutines.
type Lives struct {
	clock atomic.Int64
	mu    sync.Mutex
	all   []lived
}

// Now is a moment after every one before: what an operation is recorded to begin with.
func (l *Lives) Now() int64 { return l.clock.Add(1) }

// Record adds an operation that was called at the given moment and has just been answered.
func (l *Lives) Record(client, subject int, called int64, asked Asked, seen Seen) {
	entry := lived{client, subject, asked, seen, called, l.Now()}
	if seen.Unknown {
		entry.ending = math.MaxInt64
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, entry)
}

// Settle ends every operation without an answer: what it asked of is gone, and its successor serves.
func (l *Lives) Settle() {
	now := l.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.all {
		l.all[i].ending = min(l.all[i].ending, now)
	}
}

// Len is the number of operations recorded.
func (l *Lives) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// Check reports the first subject whose operations no order explains, or that took too long to decide. Two readings are
// checked, each with all changes:
//
//   - what records say, of each subject as a whole: an issue and the end of what it replaces are one event;
//   - what verifications say, of each credential by itself. While an issue is under way its two credentials may be decided
//     on by two shards, one of which knows of it: both match then. Once it is acknowledged the one replaced does not.
//
// No operation may be under way.
func (l *Lives) Check() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	records, verdicts := map[int][]lived{}, map[[2]int][]lived{}
	for _, entry := range l.all {
		a := entry.asked
		if a.Deed != DeedVerify {
			records[entry.subject] = append(records[entry.subject], entry)
		}
		if a.Deed != DeedRead && a.Deed != DeedFind {
			one := [2]int{entry.subject, a.Credential}
			verdicts[one] = append(verdicts[one], entry)
		}
		if a.Deed == DeedIssue && a.Replaces != 0 && a.Replaces != a.Credential {
			one := [2]int{entry.subject, a.Replaces}
			entry.asked.Deed = deedReplaced
			verdicts[one] = append(verdicts[one], entry)
		}
	}
	for subject, entries := range records {
		if err := checkLife(entries, subjectModel); err != nil {
			return fmt.Errorf("lifecycle: records of subject %d: %w", subject, err)
		}
	}
	for one, entries := range verdicts {
		if err := checkLife(entries, credentialModel); err != nil {
			return fmt.Errorf("lifecycle: verdicts on credential %d of subject %d: %w", one[1], one[0], err)
		}
	}
	return nil
}

// checkLife looks for an order of the operations that a model could have answered so.
func checkLife(entries []lived, of porcupine.NondeterministicModel) error {
	history := make([]porcupine.Operation, len(entries))
	for i, e := range entries {
		history[i] = porcupine.Operation{ClientId: e.client, Input: e.asked, Output: e.seen, Call: e.called, Return: e.ending}
	}
	model := of.ToModel()
	switch porcupine.CheckOperationsTimeout(model, history, patience) {
	case porcupine.Illegal:
		slices.SortFunc(entries, func(a, b lived) int { return cmp.Compare(a.called, b.called) })
		var text []byte
		for _, e := range entries {
			text = fmt.Appendf(text, "%6d–%-6d client %d %+v: %+v\n", e.called, e.ending, e.client, e.asked, e.seen)
		}
		return fmt.Errorf("%w of %d:\n%s", errNoOrder, len(entries), text)
	case porcupine.Unknown:
		return errTooLong
	}
	return nil
}

// life is a credential as the model has it; status 0 is one that was never issued.
type life struct {
	level      zhenni.Level
	status     zhenni.Status
	generation zhenni.Generation
	device     int8
	locked     bool
}

// subject is the model of one subject: every credential that it may be issued, and the last that it was.
type subject struct {
	lives [MaxLives + 1]life
	last  int8
}

// subjectModel says what may be answered. An operation without an answer took effect or did not.
var subjectModel = porcupine.NondeterministicModel{
	Init: func() []any { return []any{subject{}} },
	Step: func(before, input, output any) []any {
		s, asked, seen := before.(subject), input.(Asked), output.(Seen)
		after, want := s.next(asked)
		switch {
		case seen.Unknown && after == s:
			return []any{s}
		case seen.Unknown:
			return []any{s, after}
		case seen == want:
			return []any{after}
		}
		return nil
	},
}

// credentialModel is the model of one credential, which does not know whether an issue is legal.
var credentialModel = porcupine.NondeterministicModel{
	Init: func() []any { return []any{life{}} },
	Step: func(before, input, output any) (after []any) {
		for _, l := range before.(life).next(input.(Asked), output.(Seen)) {
			after = append(after, l)
		}
		return after
	},
}

// next are the states that a credential can be in once it answered so; none: it can not have.
func (l life) next(a Asked, seen Seen) []life {
	switch {
	case a.Deed == DeedVerify && seen.Match == (l.status == zhenni.StatusActive && !l.locked):
		return []life{l}
	case a.Deed == DeedVerify:
		return nil
	case a.Deed == deedReplaced:
		return l.replaced(seen)
	case a.Deed == DeedIssue && l.status == 0:
		return l.issued(a, seen)
	}
	var s subject
	s.lives[a.Credential] = l
	s, want := s.next(a)
	switch after := s.lives[a.Credential]; {
	case seen.Unknown && after != l:
		return []life{l, after}
	case seen.Unknown || seen == want:
		return []life{after}
	}
	return nil
}

// issued is next of a credential that was not issued before.
func (l life) issued(a Asked, seen Seen) []life {
	born := life{a.Level, zhenni.StatusActive, 1, int8(a.Device), false}
	switch {
	case seen.Unknown:
		return []life{l, born}
	case seen == born.seen(a.Credential):
		return []life{born}
	case seen == Seen{Err: zhenni.ErrIllegalChange}:
		return []life{l}
	}
	return nil
}

// replaced is next of a credential that another was issued in the place of. The answer to an issue that was made before
// shows what became of it since, unless nothing did; the credential that it replaced is void by then.
func (l life) replaced(seen Seen) []life {
	made := seen.Err == nil && seen.Status == zhenni.StatusActive && seen.Generation == 1
	if !l.credential().Live() || !made && !seen.Unknown {
		return []life{l}
	}
	void := l
	void.status, void.generation = zhenni.StatusSuperseded, l.generation+1
	if seen.Unknown {
		return []life{l, void}
	}
	return []life{void}
}

// device is the key of a number, for the table of the root package.
func device(n int) zhenni.PublicKey { return devices[n] }

// credential is a life as the root package has it: the table is the oracle of what is legal, and tested by itself.
func (l life) credential() zhenni.Credential {
	c := zhenni.Credential{Level: l.level, Status: l.status, Generation: l.generation, Device: device(int(l.device))}
	if l.locked {
		c.Locked = zhenni.FactorsOf(zhenni.FactorFace)
	}
	return c
}

func lifeOf(c zhenni.Credential) life {
	return life{c.Level, c.Status, c.Generation, int8(slices.Index(devices[:], c.Device)), c.Locked != 0}
}

func (l life) seen(number int) Seen {
	return Seen{Credential: number, Status: l.status, Generation: l.generation, Device: int(l.device), Locked: l.locked}
}

// next is the subject after the operation, with the answer to it.
func (s subject) next(a Asked) (subject, Seen) {
	l := s.lives[a.Credential]
	switch {
	case a.Deed == DeedVerify:
		return s, Seen{Match: l.status == zhenni.StatusActive && !l.locked}
	case a.Deed == DeedFind:
		if last := s.lives[s.last]; last.credential().Live() {
			return s, last.seen(int(s.last))
		}
		return s, Seen{Err: zhenni.ErrNotFound}
	case a.Deed == DeedIssue:
		return s.issue(a)
	case l.status == 0:
		return s, Seen{Err: zhenni.ErrNotFound}
	}
	c, err := l.after(a)
	if err != nil {
		return s, Seen{Err: zhenni.ErrIllegalChange}
	}
	s.lives[a.Credential] = lifeOf(c)
	if c.Status == zhenni.StatusErased && int(s.last) == a.Credential {
		s.last = 0
	}
	return s, lifeOf(c).seen(a.Credential)
}

// issue is next of an issue. One that is repeated is answered with the credential, unless that is erased.
func (s subject) issue(a Asked) (subject, Seen) {
	if l := s.lives[a.Credential]; l.status == zhenni.StatusErased {
		return s, Seen{Err: zhenni.ErrExists}
	} else if l.status != 0 {
		return s, l.seen(a.Credential)
	}
	last, live := s.lives[s.last].credential(), 0
	if last.Live() {
		live = int(s.last)
	}
	if live != a.Replaces {
		return s, Seen{Err: zhenni.ErrIllegalChange}
	}
	void, err := last.SucceededBy(a.Issue, a.Level, last.ChangedAt)
	if err != nil {
		return s, Seen{Err: zhenni.ErrIllegalChange}
	}
	if s.last != 0 {
		s.lives[s.last] = lifeOf(void)
	}
	s.lives[a.Credential] = life{a.Level, zhenni.StatusActive, 1, int8(a.Device), false}
	s.last = int8(a.Credential)
	return s, s.lives[a.Credential].seen(a.Credential)
}

// after is what a deed makes of a credential by the table.
func (l life) after(a Asked) (zhenni.Credential, error) {
	c, face := l.credential(), zhenni.FactorsOf(zhenni.FactorFace)
	switch a.Deed {
	case DeedMove:
		return c.WithDevice(device(a.From), device(a.Device), c.ChangedAt)
	case DeedLock, DeedUnlock:
		return c.WithLock(face, a.Deed == DeedLock, c.ChangedAt)
	case DeedLoss:
		return c.Lost(c.ChangedAt)
	case DeedErase:
		a.To = zhenni.StatusErased
	case DeedRead:
		return c, nil
	}
	if c.Status == a.To {
		return c, nil
	}
	return c.WithStatus(a.To, c.ChangedAt)
}
