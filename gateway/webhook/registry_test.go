package webhook

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"zhenni"
)

// A party moves its webhook among the hosts that the operator gave it, to no other, and is never told of what was before it had one.
func TestPartyMovesWithinItsHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		defer w.close()
		ctx, office := context.Background(), w.parties["office"]
		w.changed(w.after(w.begin(1, "office", 0), cancelled))
		if _, err := w.courier.Move(ctx, office, "https://office.example/"); !errors.Is(err, zhenni.ErrNotFound) {
			t.Errorf("a webhook that no operator gave: %v", err)
		}
		time.Sleep(time.Second)
		first, err := w.courier.Set(ctx, office, Registration{URL: "https://office.example/a", Hosts: []string{"hooks.example"}, Events: []Event{EventEnded}})
		if err != nil {
			t.Fatal(err)
		}
		for address, want := range map[string]error{
			"https://evil.example/": ErrHost, "https://office.example.evil.example/": ErrHost, "http://127.0.0.1/": zhenni.ErrBadValue,
			"https://169.254.169.254/": zhenni.ErrBadValue, "https://hooks.example@evil.example/": zhenni.ErrBadValue,
		} {
			if _, err := w.courier.Move(ctx, office, address); !errors.Is(err, want) {
				t.Errorf("%s: %v", address, err)
			}
		}
		moved, err := w.courier.Move(ctx, office, "https://hooks.example/b")
		if err != nil || moved.Secret == first.Secret || moved.Previous != first.Secret || !moved.Since.Equal(first.Since) {
			t.Fatalf("%+v %v", moved, err)
		}
		w.changed(w.after(w.begin(2, "office", 0), cancelled))
		synctest.Wait()
		sent := w.take()
		if len(sent) != 1 || sent[0].URL != "https://hooks.example/b" || len(sent[0].Secrets) != 2 {
			t.Errorf("%+v", sent)
		}
		if err := w.courier.Remove(ctx, "office"); err != nil {
			t.Fatal(err)
		}
		w.changed(w.after(w.begin(3, "office", 0), cancelled))
		time.Sleep(time.Hour)
		if sent := w.take(); len(sent) != 0 {
			t.Errorf("without a webhook: %+v", sent)
		}
	})
}

func TestRegistrationFitsTheParty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		defer w.close()
		for name, c := range map[string]struct {
			party string
			r     Registration
		}{
			"waiting for a verifier":  {"office", Registration{URL: "https://a.example/", Events: []Event{EventWaiting}}},
			"sessions for an issuer":  {"registry", Registration{URL: "https://a.example/", Events: []Event{EventEnded}}},
			"an event that is none":   {"office", Registration{URL: "https://a.example/", Events: []Event{"session.*"}}},
			"an event twice":          {"office", Registration{URL: "https://a.example/", Events: []Event{EventEnded, EventEnded}}},
			"a test":                  {"office", Registration{URL: "https://a.example/", Events: []Event{EventTest}}},
			"a host inside":           {"office", Registration{URL: "https://a.example/", Hosts: []string{"10.0.0.1"}}},
			"a host that is an url":   {"office", Registration{URL: "https://a.example/", Hosts: []string{"b.example/c#"}}},
			"a host with a path":      {"office", Registration{URL: "https://a.example/", Hosts: []string{"b.example/c"}}},
			"a host with a port":      {"office", Registration{URL: "https://a.example/", Hosts: []string{"b.example:80"}}},
			"too many hosts":          {"office", Registration{URL: "https://a.example/", Hosts: manyHosts()}},
			"a grace that never ends": {"office", Registration{URL: "https://a.example/", Grace: MaxGrace + 1}},
			"an address inside":       {"office", Registration{URL: "https://127.0.0.1/"}},
		} {
			if _, err := w.courier.Set(context.Background(), w.parties[c.party], c.r); !errors.Is(err, zhenni.ErrBadValue) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if len(w.courier.Endpoints()) != 0 {
			t.Error("what was refused is registered")
		}
	})
}

func manyHosts() (hosts []string) {
	for i := range maxHosts {
		hosts = append(hosts, string(rune('b'+i))+".example")
	}
	return hosts
}

// A party that is suspended is told nothing until it is resumed, and one of another tenant under the same id never.
func TestOnlyThePartyIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		defer w.close()
		w.register("office", EventEnded)
		office := w.parties["office"]
		for _, change := range []func(*zhenni.RelyingParty){
			func(p *zhenni.RelyingParty) { p.Suspended = true }, func(p *zhenni.RelyingParty) { p.Tenant = 2 },
		} {
			changed := office
			change(&changed)
			w.become("office", changed)
			w.changed(w.after(w.begin(uint64(changed.Tenant)*2, "office", 0), cancelled))
			time.Sleep(2 * time.Minute)
			expect(t, w)
		}
	})
}

// What waits for a party is not sent once it is told less, has lost the role for it, or nobody is waited for any more.
func TestWhatIsOwedNoMoreIsNotSent(t *testing.T) {
	for name, change := range map[string]func(*world, zhenni.Session){
		"told less": func(w *world, _ zhenni.Session) {
			both := w.parties["registry"]
			both.Roles |= zhenni.RoleVerifier
			w.become("registry", both)
			w.register("registry", EventEnded)
		},
		"another role": func(w *world, _ zhenni.Session) {
			w.become("registry", zhenni.RelyingParty{ID: "registry", Tenant: 1, Roles: zhenni.RoleVerifier})
		},
		"answered": func(w *world, s zhenni.Session) { w.changed(w.after(s, openedBy(11, 0))) },
		"over":     func(w *world, s zhenni.Session) { w.changed(w.after(s, cancelled)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.start()
				defer w.close()
				w.register("registry")
				w.answers(fails)
				s := w.begin(1, "office", 11)
				synctest.Wait()
				expect(t, w, "0s registry session.waiting")
				change(w, s)
				time.Sleep(24 * time.Hour)
				expect(t, w)
				if stats := w.courier.Stats(); stats.Queued != 0 || len(w.shelf.Notes()) != 1 {
					t.Errorf("%+v, notes %q", stats, w.shelf.Notes())
				}
			})
		})
	}
}

func TestTestMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		defer w.close()
		w.register("office")
		w.answers(func(Message) (int, error) { return 418, nil })
		if status, err := w.courier.Test(context.Background(), "office"); status != 418 || err != nil {
			t.Error(status, err)
		}
		time.Sleep(time.Hour)
		expect(t, w, "0s office webhook.test")
		if _, err := w.courier.Test(context.Background(), "bank"); !errors.Is(err, zhenni.ErrNotFound) {
			t.Error(err)
		}
	})
}
