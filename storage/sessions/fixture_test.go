package sessions

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"testing"
	"time"

	"zhenni"
)

var testNow = time.Unix(1_800_000_000, 0).UTC()

func testOptions(t testing.TB) Options {
	return Options{Dir: t.TempDir(), Key: bytes.Repeat([]byte{7}, 32), Logger: slog.New(slog.DiscardHandler)}
}

func open(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeStore(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// credential is the credential of a number, from 1.
func credential(n uint64) (id zhenni.CredentialID) {
	binary.BigEndian.PutUint64(id[8:], n)
	return id
}

// counterSession is the session of a number.
func counterSession(t testing.TB, n uint64) zhenni.Session {
	t.Helper()
	s := zhenni.Session{
		Kind: zhenni.SessionCounter, Tenant: 1, Party: "office", Service: "registration", Purpose: "identify",
		Seats: make([]zhenni.Seat, 1), Secret: [32]byte{1}, Deadline: testNow.Add(time.Minute),
	}
	binary.BigEndian.PutUint64(s.ID[:], n)
	s.ID[15] = 1
	s, err := zhenni.NewSession(s, testNow)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t testing.TB, s *Store, session zhenni.Session) {
	t.Helper()
	if err := s.Put(context.Background(), session); err != nil {
		t.Fatal(err)
	}
}

// next is a session after an event at testNow.
func next(t testing.TB, s zhenni.Session, e zhenni.SessionEvent) zhenni.Session {
	t.Helper()
	after, err := s.Next(e, testNow)
	if err != nil {
		t.Fatal(err)
	}
	return after
}

func openedBy(n uint64) zhenni.SessionEvent {
	return zhenni.SessionEvent{Kind: zhenni.EventOpened, Credential: credential(n), Phone: sha256.Sum256([]byte("phone"))}
}

var cancelled = zhenni.SessionEvent{Kind: zhenni.EventCancelled}
