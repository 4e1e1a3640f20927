package sessions

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"zhenni"
)

func containsAny(b []byte, parts ...[]byte) bool {
	for _, part := range parts {
		if bytes.Contains(b, part) {
			return true
		}
	}
	return false
}

// fullSessions are sessions that between them set every field.
func fullSessions(t testing.TB) []zhenni.Session {
	payment, life := counterSession(t, 2), counterSession(t, 3)
	payment.Kind, payment.Payment = zhenni.SessionPayment, &zhenni.Payment{Payee: "水务局", Reference: "2026-11", Amount: 1230, Currency: "CNY"}
	life.Kind, life.Due, life.Reminded = zhenni.SessionLife, testNow.Add(time.Hour), 2
	group := counterSession(t, 4)
	group.Kind, group.Seats = zhenni.SessionGroup, make([]zhenni.Seat, zhenni.MaxSeats)
	for i := range group.Seats {
		group.Seats[i] = zhenni.Seat{State: zhenni.SeatState(1 + i%6), Credential: credential(uint64(i)), Phone: [32]byte{byte(i)}, Tried: 1, CodeRight: i%2 == 0}
	}
	person := next(t, counterSession(t, 5), openedBy(1))
	person.Kind, person.Asker, person.Reported, person.Blocked, person.End = zhenni.SessionPerson, credential(9), true, true, zhenni.SessionRefused
	introduced := person
	introduced.Introduction = &zhenni.Introduction{
		Transaction: "person.1", Expected: strings.Repeat("e", zhenni.MaxSealedName), Towards: zhenni.NameTag{1}, Asker: "张*三",
		Answers: zhenni.SessionID{2}, Shared: zhenni.ShareName,
	}
	hotel, recurring := counterSession(t, 6), life
	hotel.Kind, hotel.Keyed = zhenni.SessionHotel, true
	recurring.ID, recurring.Every, recurring.DueDay = zhenni.SessionID{15: 7}, 12, 31
	remote := counterSession(t, 8)
	remote.Kind, remote.Remote, remote.Collected = zhenni.SessionRemote, &zhenni.Remote{Message: "4711", Notify: strings.Repeat("t", zhenni.MaxRemoteNotify)}, true
	return []zhenni.Session{counterSession(t, 1), payment, life, group, person, introduced, hotel, recurring, remote}
}

func TestSessionsReadBack(t *testing.T) {
	for _, s := range fullSessions(t) {
		b := appendSession(nil, &s)
		if got, err := decodeSession(b); err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%v\n%+v\n%+v", err, got, s)
		}
		if len(b) > maxSealed/2 {
			t.Errorf("%d bytes", len(b))
		}
	}
}

// FuzzSession: a record is read only in the form in which it is written.
func FuzzSession(f *testing.F) {
	for _, s := range fullSessions(f) {
		f.Add(appendSession(nil, &s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeSession(b)
		if err == nil && !bytes.Equal(appendSession(nil, &s), b) {
			t.Errorf("%x is read as %+v", b, s)
		}
		if err != nil && !errors.Is(err, zhenni.ErrCorrupt) {
			t.Error(err)
		}
	})
}

// A snapshot is whole, or is no snapshot: cut anywhere, with any bit turned, or made of the parts of two.
//
// FAULTS: S3 S4
func TestSnapshotsAreWhole(t *testing.T) {
	s := open(t, testOptions(t))
	defer closeStore(t, s)
	put(t, s, counterSession(t, 1))
	if err := s.Block(context.Background(), Pair{1}); err != nil {
		t.Fatal(err)
	}
	first, second := snapshotOf(t, s), snapshotOf(t, s)
	m := s.machine
	if err := m.VerifySnapshot(bytes.NewReader(first)); err != nil {
		t.Fatal(err)
	}
	for cut := range first {
		turned := bytes.Clone(first)
		turned[cut] ^= 1
		for _, bad := range [][]byte{first[:cut], turned} {
			if err := m.VerifySnapshot(bytes.NewReader(bad)); !errors.Is(err, zhenni.ErrCorrupt) {
				t.Fatalf("at %d: %v", cut, err)
			}
		}
	}
	size := len(magic) + 8 + 4 + int(binary.BigEndian.Uint32(first[len(magic)+8:]))
	mixed := append(bytes.Clone(first[:size]), second[size:]...)
	if err := m.VerifySnapshot(bytes.NewReader(mixed)); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("of two: %v", err)
	}
	if err := m.VerifySnapshot(bytes.NewReader(append(bytes.Clone(first), 0))); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("with more behind it: %v", err)
	}
}

func snapshotOf(t *testing.T, s *Store) []byte {
	t.Helper()
	s.machine.mu.Lock()
	s.machine.saved = 0
	s.machine.mu.Unlock()
	frozen, err := s.machine.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := frozen.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
