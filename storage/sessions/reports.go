package sessions

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"zhenni"
)

// Bounds of reports.
const (
	// DefaultBar is by how many persons somebody has to be reported within [ReportWindow] to ask no more.
	DefaultBar = 5
	// ReportWindow is how long a report counts.
	ReportWindow = 30 * 24 * time.Hour
	// MaxReported bounds the persons of whom reports are kept, MaxBar the reports of one.
	MaxReported = 1 << 18
	MaxBar      = 32
)

// person is the keyed digest of a person.
type person [32]byte

// reports are those about one person that count, of different persons, the oldest first, and whether they may not ask. As a
// change they take the place of those before.
type reports struct {
	of     person
	by     []report
	barred bool
}

type report struct {
	by person
	at int64 // Unix time in seconds
}

// person is the digest of a subject, by which nothing but equality is known of them without the key.
func (s *Store) person(subject zhenni.SubjectHandle) person {
	mac := hmac.New(sha256.New, s.opts.Key)
	mac.Write([]byte("zhenni session person 1"))
	mac.Write(subject[:])
	return person(mac.Sum(nil))
}

// Pair is the digest of who does not want to be asked and by whom.
func (s *Store) Pair(by, of zhenni.SubjectHandle) Pair {
	mac := hmac.New(sha256.New, s.opts.Key)
	mac.Write([]byte("zhenni session pair 1"))
	mac.Write(by[:])
	mac.Write(of[:])
	return Pair(mac.Sum(nil))
}

// Report notes, durably, that a person reports another one, and says whether that bars them from asking: from then on they are
// until [Store.Lift]. Who reports again counts once. Beyond [MaxReported] persons it is [zhenni.ErrOverloaded].
func (s *Store) Report(ctx context.Context, by, of zhenni.SubjectHandle, at time.Time) (barred bool, err error) {
	s.reporting.Lock()
	defer s.reporting.Unlock()
	who, from := s.person(of), s.person(by)
	known, kept := s.reportsOf(who)
	if known.of == (person{}) && kept >= MaxReported {
		return false, fmt.Errorf("%w: of %d persons reports are kept", zhenni.ErrOverloaded, MaxReported)
	}
	next := reports{of: who, by: known.since(at.Add(-ReportWindow)), barred: known.barred}
	next.by = slices.DeleteFunc(next.by, func(r report) bool { return r.by == from })
	next.by = append(next.by, report{from, at.Unix()})
	next.by = next.by[max(0, len(next.by)-MaxBar):]
	next.barred = next.barred || len(next.by) >= s.opts.Bar
	return next.barred, s.propose(ctx, change{reports: &next})
}

// Barred reports whether a person may not ask another one.
func (s *Store) Barred(subject zhenni.SubjectHandle) bool {
	known, _ := s.reportsOf(s.person(subject))
	return known.barred
}

// Lift lets a person, by the name that [Store.Reported] has, ask again, durably, and forgets the reports: [zhenni.ErrNotFound].
func (s *Store) Lift(ctx context.Context, name string) error {
	raw, err := hex.DecodeString(name)
	if err != nil || len(raw) != len(person{}) || strings.ToLower(name) != name {
		return fmt.Errorf("%w: no such person", zhenni.ErrNotFound)
	}
	s.reporting.Lock()
	defer s.reporting.Unlock()
	if known, _ := s.reportsOf(person(raw)); known.of == (person{}) {
		return fmt.Errorf("%w: no such person", zhenni.ErrNotFound)
	}
	return s.propose(ctx, change{reports: &reports{of: person(raw)}})
}

// Reported is a person of whom reports are kept.
type Reported struct {
	// Person is a keyed digest: without the key it says nothing of who it is.
	Person string `json:"person"`
	// Reports counts the persons who reported them within [ReportWindow] of the last one.
	Reports int  `json:"reports"`
	Barred  bool `json:"barred"`
}

// Reported returns the persons of whom reports are kept, those of whom there are most first, at most limit.
func (s *Store) Reported(limit int) []Reported {
	s.machine.mu.RLock()
	all := make([]Reported, 0, len(s.machine.reports))
	for who, r := range s.machine.reports {
		all = append(all, Reported{hex.EncodeToString(who[:]), len(r.by), r.barred})
	}
	s.machine.mu.RUnlock()
	slices.SortFunc(all, func(a, b Reported) int {
		if a.Reports != b.Reports {
			return b.Reports - a.Reports
		}
		return strings.Compare(a.Person, b.Person)
	})
	return all[:min(limit, len(all))]
}

// reportsOf returns the reports of a person, none where there are none, and of how many persons some are kept.
func (s *Store) reportsOf(who person) (reports, int) {
	s.machine.mu.RLock()
	defer s.machine.mu.RUnlock()
	return s.machine.reports[who], len(s.machine.reports)
}

// since are the reports from a time on.
func (r reports) since(from time.Time) (by []report) {
	for _, one := range r.by {
		if one.at > from.Unix() {
			by = append(by, one)
		}
	}
	return by
}

// forgetReports forgets those that count no more, of persons who may ask.
func (s *Store) forgetReports(ctx context.Context, now time.Time) error {
	s.reporting.Lock()
	defer s.reporting.Unlock()
	var past []person
	s.machine.mu.RLock()
	for who, r := range s.machine.reports {
		if !r.barred && len(r.since(now.Add(-ReportWindow))) == 0 && len(past) < forgetAtOnce {
			past = append(past, who)
		}
	}
	s.machine.mu.RUnlock()
	for _, who := range past {
		if err := s.propose(ctx, change{reports: &reports{of: who}}); err != nil {
			return err
		}
	}
	return nil
}

// keep takes the place of the reports before; without any, and not barred, there are none.
func (r reports) keep(m *machine) {
	if len(r.by) == 0 && !r.barred {
		delete(m.reports, r.of)
		return
	}
	m.reports[r.of] = r
}

const reportSize = len(person{}) + 8

func appendReports(b []byte, r *reports) []byte {
	b = append(append(b, r.of[:]...), bit(r.barred))
	for _, one := range r.by {
		b = binary.BigEndian.AppendUint64(append(b, one.by[:]...), uint64(one.at))
	}
	return b
}

func decodeReports(b []byte) (*reports, error) {
	head := len(person{}) + 1
	if len(b) < head || (len(b)-head)%reportSize != 0 || len(b) > head+MaxBar*reportSize || b[head-1] > 1 {
		return nil, corrupt("reports are not as they were written")
	}
	r := &reports{of: person(b), barred: b[head-1] == 1}
	for one := range slices.Chunk(b[head:], reportSize) {
		r.by = append(r.by, report{person(one), int64(binary.BigEndian.Uint64(one[len(person{}):]))})
	}
	return r, nil
}
