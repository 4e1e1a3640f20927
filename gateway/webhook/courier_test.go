package webhook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zhenni"
)

// summary is what was sent, in no order of what was sent at once.
func summary(t testing.TB, sent []sending) (all []string) {
	for _, s := range sent {
		host, _, _ := strings.Cut(strings.TrimPrefix(s.URL, "https://"), ".")
		all = append(all, fmt.Sprint(s.after, " ", host, " ", typeOf(t, s.Body)))
	}
	slices.Sort(all)
	return all
}

func expect(t testing.TB, w *world, want ...string) {
	t.Helper()
	if got := summary(t, w.take()); !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
}

// Each is told what is theirs: who asks of what they asked, an issuer whom of its tenant is waited for, nobody what is another's.
func TestEachIsToldWhatIsTheirs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		defer w.close()
		for _, party := range []string{"office", "bank", "registry", "abroad"} {
			w.register(party)
		}
		s := w.begin(1, "office", 11, 12)
		synctest.Wait()
		sent := w.take()
		if got := summary(t, sent); !slices.Equal(got, []string{"0s registry session.waiting", "0s registry session.waiting"}) {
			t.Error(got)
		}
		for _, m := range sent {
			if strings.Contains(string(m.Body), "office") || strings.Contains(string(m.Body), "registration") {
				t.Errorf("an issuer is told who asks: %s", m.Body)
			}
		}
		s = w.changed(w.after(s, openedBy(11, 0)))
		synctest.Wait()
		expect(t, w, "0s office session.opened")
		s = w.changed(w.after(s, openedBy(12, 1)))
		synctest.Wait()
		expect(t, w)
		w.changed(w.after(s, cancelled))
		synctest.Wait()
		expect(t, w, "0s office session.ended")
		time.Sleep(48 * time.Hour)
		expect(t, w)
	})
}

// A message that nobody takes is sent again by the schedule, under one id and with one body, and is a dead letter then; sent again by
// hand it is taken.
func TestScheduleAndDeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		defer w.close()
		e := w.register("office")
		w.answers(func(Message) (int, error) { return 503, nil })
		w.changed(w.after(w.begin(1, "office", 0), cancelled))
		time.Sleep(24 * time.Hour)
		var want []string
		at := time.Duration(0)
		for i := range len(schedule) + 1 {
			want = append(want, at.String())
			if i < len(schedule) {
				at += schedule[i]
			}
		}
		sent := w.take()
		var got []string
		for _, s := range sent {
			got = append(got, s.after.String())
			if s.ID != sent[0].ID || string(s.Body) != string(sent[0].Body) || s.At.Sub(w.begun) != s.after || s.Secrets[0] != e.Secret {
				t.Errorf("attempts differ: %+v %+v", s, sent[0])
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("sent at %q, want %q", got, want)
		}
		letters := w.courier.Letters("office")
		if len(letters) != 1 || letters[0].ID != sent[0].ID || letters[0].Tries != 8 || letters[0].Status != 503 || letters[0].Event != EventEnded {
			t.Fatalf("%+v", letters)
		}
		w.answers(func(Message) (int, error) { return 200, nil })
		if err := w.courier.Redeliver(context.Background(), "bank", sent[0].ID); !errors.Is(err, zhenni.ErrNotFound) {
			t.Errorf("another's letter: %v", err)
		}
		if err := w.courier.Redeliver(context.Background(), "office", sent[0].ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(longestRest)
		again := w.take()
		if len(again) != 1 || again[0].ID != sent[0].ID || string(again[0].Body) != string(sent[0].Body) || len(w.courier.Letters("office")) != 0 {
			t.Errorf("sent again %+v, letters %+v", again, w.courier.Letters("office"))
		}
		if s := w.courier.Stats(); s.Delivered != 1 || s.Failed != 8 || s.Dead != 1 || s.Queued != 0 || s.InHand != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// Wherever a crash falls between the end of a session and its record, the next start tells of it, under the same id, and a start after
// that does not.
//
// FAULTS: C10 C11
func TestCrashLosesNothing(t *testing.T) {
	for name, crash := range map[string]func(*world, zhenni.Session){
		"before anybody heard":   func(w *world, s zhenni.Session) { w.shelf.put(s) },
		"while it was in hand":   func(w *world, s zhenni.Session) { w.answers(hangs(w)); w.changed(s); synctest.Wait() },
		"after it failed":        func(w *world, s zhenni.Session) { w.answers(fails); w.changed(s); synctest.Wait() },
		"before it was recorded": func(w *world, s zhenni.Session) { w.shelf.broken = true; w.changed(s); synctest.Wait() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.start()
				w.register("office")
				ended := w.after(w.begin(1, "office", 0), cancelled)
				crash(w, ended)
				w.close()
				first := w.take()
				w.shelf.broken = false
				w.answers(func(Message) (int, error) { return 200, nil })
				w.start()
				time.Sleep(longestIdle)
				second := w.take()
				w.close()
				if len(second) != 1 || second[0].ID != messageID("office", ended.ID, occasion{EventEnded, 0}) {
					t.Errorf("after the crash: %+v", second)
				}
				if len(first) > 0 && string(first[0].Body) != string(second[0].Body) {
					t.Errorf("%s, then %s", first[0].Body, second[0].Body)
				}
				w.start()
				time.Sleep(24 * time.Hour)
				w.close()
				expect(t, w)
			})
		})
	}
}

func fails(Message) (int, error) { return 0, errors.New("refused") }

// hangs answers only when the courier of now is closed.
func hangs(w *world) func(Message) (int, error) {
	alive := w.courier.alive
	return func(Message) (int, error) { <-alive.Done(); return 0, alive.Err() }
}

// An endpoint that is slow has four messages in hand, and the others are told meanwhile; one that fails is left alone, and is tried
// with one message then.
//
// FAULTS: O7
func TestSlowAndBrokenEndpointsDelayNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		defer w.close()
		w.register("office", EventEnded)
		w.register("bank", EventEnded)
		hang := hangs(w)
		w.answers(func(m Message) (int, error) {
			if strings.Contains(m.URL, "office") {
				return hang(m)
			}
			return 200, nil
		})
		for n := range uint64(20) {
			w.changed(w.after(w.begin(2*n, "office", 0), cancelled))
			w.changed(w.after(w.begin(2*n+1, "bank", 0), cancelled))
		}
		synctest.Wait()
		told := map[string]int{}
		for _, s := range w.take() {
			told[s.URL]++
		}
		if told["https://office.example/hook"] != maxInHandOfOne || told["https://bank.example/hook"] != 20 {
			t.Error(told)
		}
	})
}

func TestBrokenEndpointRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		defer w.close()
		w.register("office", EventEnded)
		w.answers(fails)
		for n := range uint64(100) {
			w.changed(w.after(w.begin(n, "office", 0), cancelled))
		}
		synctest.Wait()
		if first := len(w.take()); first > failuresToRest+maxInHandOfOne || w.courier.Stats().Resting != 1 {
			t.Errorf("%d attempts at once, %+v", first, w.courier.Stats())
		}
		time.Sleep(2 * time.Hour)
		if n := len(w.take()); n > 10 {
			t.Errorf("%d attempts at an endpoint that is broken in two hours", n)
		}
		w.answers(func(Message) (int, error) { return 200, nil })
		time.Sleep(2 * time.Hour)
		if s := w.courier.Stats(); s.Delivered != 100 || s.Queued != 0 || s.Resting != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// An endpoint that says that it is gone is sent nothing, until it is set again; then all that it is owed.
func TestGoneIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		w.register("office", EventEnded)
		w.answers(func(Message) (int, error) { return 410, nil })
		w.changed(w.after(w.begin(1, "office", 0), cancelled))
		synctest.Wait()
		expect(t, w, "0s office session.ended")
		w.changed(w.after(w.begin(2, "office", 0), cancelled))
		time.Sleep(time.Hour)
		w.close()
		w.start()
		defer w.close()
		time.Sleep(time.Hour)
		expect(t, w)
		if s := w.courier.Stats(); s.Disabled != 1 {
			t.Errorf("%+v", s)
		}
		w.answers(func(Message) (int, error) { return 200, nil })
		w.register("office", EventEnded)
		synctest.Wait()
		expect(t, w, "2h0m0s office session.ended", "2h0m0s office session.ended")
	})
}

// However much there is to tell, so much is held in memory and no more; what found no room is told once there is.
//
// FAULTS: O8
func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		defer w.close()
		w.register("office", EventEnded)
		w.register("bank", EventEnded)
		w.answers(fails)
		const sessions = 3 * maxQueued
		for n := range uint64(sessions) {
			w.changed(w.after(w.begin(n, "office", 0), cancelled))
		}
		w.changed(w.after(w.begin(sessions, "bank", 0), cancelled))
		synctest.Wait()
		// A scan meanwhile may have found no room for some of them once more.
		if s := w.courier.Stats(); s.Queued > maxQueued+1 || s.Deferred < sessions-maxQueued {
			t.Errorf("%+v", s)
		}
		w.answers(func(Message) (int, error) { return 200, nil })
		time.Sleep(12 * time.Hour)
		if s := w.courier.Stats(); s.Delivered != sessions+1 || s.Queued != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// What was told is remembered for as long as its session, and no longer; dead letters for a week.
func TestRecordsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		defer w.close()
		w.register("office", EventEnded)
		kept := w.changed(w.after(w.begin(1, "office", 0), cancelled))
		gone := w.changed(w.after(w.begin(2, "office", 0), cancelled))
		w.answers(func(m Message) (int, error) { return 500, nil })
		dead := w.changed(w.after(w.begin(3, "office", 0), cancelled))
		w.shelf.mu.Lock()
		delete(w.shelf.sessions, gone.ID)
		w.shelf.mu.Unlock()
		id := func(s zhenni.Session) string { return messageID("office", s.ID, occasion{EventEnded, 0}) }
		there := func(s zhenni.Session) bool { _, ok := w.shelf.Noted(id(s)); return ok }
		time.Sleep(30 * time.Hour)
		_ = dead
		if len(w.courier.Letters("office")) == 0 {
			t.Error("no dead letter")
		}
		time.Sleep(letterLife)
		if len(w.courier.Letters("office")) != 0 || !there(kept) || there(gone) {
			t.Errorf("letters %v, kept %v, gone %v", w.courier.Letters("office"), there(kept), there(gone))
		}
		w.become("office", zhenni.RelyingParty{})
		time.Sleep(2 * sweepPause)
		if len(w.courier.Endpoints()) != 0 {
			t.Error("a party that was removed has a webhook")
		}
		time.Sleep(sweepPause)
	})
}
