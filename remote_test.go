package zhenni_test

import (
	"errors"
	"testing"
	"time"

	"zhenni"
)

var collected = zhenni.SessionEvent{Kind: zhenni.EventCollected}

// The yes of a remote session is handed out once, after the end, which stays as it is; nothing else can be.
//
// FAULTS: C11
func TestAYesIsCollectedOnce(t *testing.T) {
	s := begun(t, zhenni.SessionRemote)
	next := func(e zhenni.SessionEvent) {
		t.Helper()
		var err error
		if s, err = s.Next(e, sessionNow); err != nil {
			t.Fatal(err)
		}
	}
	next(openedBy(0, holderA, phoneA))
	if after, err := s.Next(collected, sessionNow); !errors.Is(err, zhenni.ErrSessionStep) || after.Collected {
		t.Errorf("before the answer: %v", err)
	}
	next(answered(0, zhenni.Match)(s))
	ended := s
	s, err := s.Next(collected, sessionNow.Add(time.Hour))
	if err != nil || !s.Collected || s.End != ended.End || s.Version != ended.Version+1 {
		t.Fatalf("%v, %+v", err, s)
	}
	if again, err := s.Next(collected, sessionNow); !errors.Is(err, zhenni.ErrSessionEnded) || again.Version != s.Version {
		t.Errorf("again: %v", err)
	}
}

// The token of a request is of its session alone, and none of its other tokens.
func TestRequestToken(t *testing.T) {
	s, other := begun(t, zhenni.SessionRemote), begun(t, zhenni.SessionRemote)
	other.ID = zhenni.SessionID{8}
	if token := s.RequestToken(); !s.IsRequest(token) || other.IsRequest(token) || s.IsAsker(token) || s.IsInvited(0, token) {
		t.Error("the token lets in elsewhere")
	}
	if s.IsRequest(s.AskerToken()) {
		t.Error("the asker's token is taken for the request's")
	}
}
