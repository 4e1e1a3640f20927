package sessions

import (
	"encoding/binary"
	"math"
	"time"

	"zhenni"
)

// sessionForm is the form of a session's record. Integers are big-endian, texts stand behind their length in a byte, times are
// nanoseconds since 1970, the least number for none.
const sessionForm = 1

// Flags of a session.
const (
	flagReported = 1 << iota
	flagBlocked
	flagPayment
	flagIntroduction
	flagRemote
	flagCollected
	flagKeyed
	flagEvery
	knownFlags = flagReported | flagBlocked | flagPayment | flagIntroduction | flagRemote | flagCollected | flagKeyed | flagEvery
)

func appendSession(b []byte, s *zhenni.Session) []byte {
	b = append(b, sessionForm, byte(s.Kind), byte(s.End), flagsOf(s), s.Quorum, s.Tries, s.Code, s.Reminded)
	b = append(b, s.ID[:]...)
	b = append(b, s.Asker[:]...)
	b = append(b, s.Secret[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(s.Tenant))
	b = binary.BigEndian.AppendUint32(b, s.Version)
	for _, t := range []time.Time{s.CreatedAt, s.ChangedAt, s.Deadline, s.Due} {
		b = appendTime(b, t)
	}
	for _, text := range []string{s.Party, s.Service, s.Purpose} {
		b = appendText(b, text)
	}
	if p := s.Payment; p != nil {
		b = appendText(appendText(appendText(b, p.Payee), p.Reference), p.Currency)
		b = binary.BigEndian.AppendUint64(b, uint64(p.Amount))
	}
	if i := s.Introduction; i != nil {
		b = appendIntroduction(b, i)
	}
	if r := s.Remote; r != nil {
		b = appendText(b, r.Message)
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(r.Notify))), r.Notify...)
	}
	if s.Every > 0 {
		b = append(b, s.Every, s.DueDay)
	}
	b = append(b, byte(len(s.Seats)))
	for i := range s.Seats {
		seat := &s.Seats[i]
		b = append(b, byte(seat.State), seat.Tried, bit(seat.CodeRight))
		b = append(append(b, seat.Credential[:]...), seat.Phone[:]...)
	}
	return b
}

// appendIntroduction writes what may be longer than a byte says behind its length in two.
func appendIntroduction(b []byte, i *zhenni.Introduction) []byte {
	b = appendText(b, i.Transaction)
	for _, text := range []string{i.Expected, i.Asker} {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(text))), text...)
	}
	b = append(append(b, i.Towards[:]...), i.Answers[:]...)
	return append(b, byte(i.Shared))
}

func (r *reader) introduction() *zhenni.Introduction {
	return &zhenni.Introduction{
		Transaction: r.text(), Expected: r.long(), Asker: r.long(),
		Towards: [16]byte(r.take(16)), Answers: [16]byte(r.take(16)), Shared: zhenni.Sharing(r.byte()),
	}
}

func flagsOf(s *zhenni.Session) (flags byte) {
	return bit(s.Reported)*flagReported | bit(s.Blocked)*flagBlocked | bit(s.Payment != nil)*flagPayment |
		bit(s.Introduction != nil)*flagIntroduction | bit(s.Remote != nil)*flagRemote | bit(s.Collected)*flagCollected |
		bit(s.Keyed)*flagKeyed | bit(s.Every > 0)*flagEvery
}

func bit(set bool) byte {
	if set {
		return 1
	}
	return 0
}

func appendTime(b []byte, t time.Time) []byte {
	at := int64(math.MinInt64)
	if !t.IsZero() {
		at = t.UnixNano()
	}
	return binary.BigEndian.AppendUint64(b, uint64(at))
}

func appendText(b []byte, text string) []byte { return append(append(b, byte(len(text))), text...) }

// reader takes fields off the front of a record. Once it has run short it stays short.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if r.short = r.short || len(r.rest) < n; r.short {
		return make([]byte, n)
	}
	field := r.rest[:n]
	r.rest = r.rest[n:]
	return field
}

func (r *reader) byte() byte     { return r.take(1)[0] }
func (r *reader) uint32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) uint64() uint64 { return binary.BigEndian.Uint64(r.take(8)) }
func (r *reader) text() string   { return string(r.take(int(r.byte()))) }
func (r *reader) long() string   { return string(r.take(int(binary.BigEndian.Uint16(r.take(2))))) }

func (r *reader) time() time.Time {
	at := int64(r.uint64())
	if at == math.MinInt64 {
		return time.Time{}
	}
	return time.Unix(0, at).UTC()
}

// decodeSession reads the one form of a session: [zhenni.ErrCorrupt].
func decodeSession(b []byte) (s zhenni.Session, err error) {
	r := reader{rest: b}
	if r.byte() != sessionForm {
		return s, corrupt("a session of another form")
	}
	s.Kind, s.End = zhenni.SessionKind(r.byte()), zhenni.SessionEnd(r.byte())
	flags := r.byte()
	s.Quorum, s.Tries, s.Code, s.Reminded = r.byte(), r.byte(), r.byte(), r.byte()
	s.ID, s.Asker, s.Secret = [16]byte(r.take(16)), [16]byte(r.take(16)), [32]byte(r.take(32))
	s.Tenant, s.Version = zhenni.TenantID(r.uint32()), r.uint32()
	s.CreatedAt, s.ChangedAt, s.Deadline, s.Due = r.time(), r.time(), r.time(), r.time()
	s.Party, s.Service, s.Purpose = r.text(), r.text(), r.text()
	s.Reported, s.Blocked, s.Keyed = flags&flagReported != 0, flags&flagBlocked != 0, flags&flagKeyed != 0
	if flags&flagPayment != 0 {
		s.Payment = &zhenni.Payment{Payee: r.text(), Reference: r.text(), Currency: r.text(), Amount: int64(r.uint64())}
	}
	if flags&flagIntroduction != 0 {
		s.Introduction = r.introduction()
	}
	s.Collected = flags&flagCollected != 0
	if flags&flagRemote != 0 {
		s.Remote = &zhenni.Remote{Message: r.text()}
		s.Remote.Notify = string(r.take(int(binary.BigEndian.Uint16(r.take(2)))))
	}
	every := flags&flagEvery != 0
	if every {
		s.Every, s.DueDay = r.byte(), r.byte()
	}
	s.Seats = make([]zhenni.Seat, r.byte())
	known := flags&^knownFlags == 0 && every == (s.Every > 0) && len(s.Seats) >= 1 && len(s.Seats) <= zhenni.MaxSeats
	for i := range s.Seats {
		seat := &s.Seats[i]
		seat.State, seat.Tried = zhenni.SeatState(r.byte()), r.byte()
		code := r.byte()
		seat.CodeRight, known = code == 1, known && code <= 1
		seat.Credential, seat.Phone = [16]byte(r.take(16)), [32]byte(r.take(32))
	}
	if r.short || !known || len(r.rest) > 0 {
		return zhenni.Session{}, corrupt("a session is not as it was written")
	}
	return s, nil
}
