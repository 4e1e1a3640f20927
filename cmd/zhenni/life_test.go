package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"zhenni"
)

// The people of the life: whose credentials these are, and somebody else.
const (
	holder   = 3
	stranger = 4
)

var personName = map[int]string{holder: "holder", stranger: "stranger"}

// The life of one person's credentials, as the parties around it live it over HTTP, from the photograph of the registry to the
// deletion. After each step the server is killed, and while it takes a change too: the change, sent again, is answered as
// it would have been. Run with -v it is the transcript.
//
// FAULTS: C2 C6 C7 C8 C9 C14
func TestLife(t *testing.T) {
	t.Parallel()
	w := startLife(t)
	l := &life{lifeWorld: w}
	for i, step := range []struct {
		title string
		live  func()
	}{
		{"The registry brings in its photograph of a person.", l.imported},
		{"The app asks for a credential, with the live face against that photograph.", l.lite},
		{"At a terminal, with the card, a full credential takes its place.", l.full},
		{"The holder moves to another device.", l.moved},
		{"The holder loses it.", l.lost},
		{"With the card, a terminal issues the credential anew.", l.reissued},
		{"The holder locks the face, and unlocks it.", l.locked},
		{"A credential of a few seconds expires, and the app may ask for another.", l.expired},
		{"The holder is deleted.", l.deleted},
	} {
		w.say("\n%d. %s", i+1, step.title)
		step.live()
		w.restart()
	}
	w.say("\n10. A backup from before the deletion is restored.")
	l.restored()
	w.scan(t)
}

// life has the credentials that the person comes to have.
type life struct {
	*lifeWorld
	reference, first, second, third, short, last string
}

// verified has the bank ask whether the holder is a credential's.
func (l *life) verified(id string, want zhenni.Outcome) {
	l.t.Helper()
	l.ask(l.shown("bank", id, holder), 200, `"outcome":"`+want.Verdict()+`"`)
}

func (l *life) imported() {
	l.reference = l.name(l.insist(l.issued("registry", "photograph", `"reference_float32":"`+face(holder, -1)+`"`), 201, `"active"`), "REFERENCE")
	l.verified(l.reference, zhenni.NoMatch) // is of a tenant that is nobody's to ask about
}

func (l *life) lite() {
	l.ask(l.issued("app", "face of stranger", `"probe_float32":"`+face(stranger, 1)+`"`), 403, `"not_proved"`)
	l.first = l.name(l.insist(l.issued("app", "face of holder", `"probe_float32":"`+face(holder, 1)+`",`+deviceFields("device_", 1)), 201, `"lite"`), "FIRST")
	l.insist(l.shown("bank", l.first, holder), 200, `"match"`)
	l.ask(l.shown("bank", l.first, stranger), 200, `"no_match"`)
}

func (l *life) full() {
	q := l.issued("desk", "full, with the card", `"level":"full","reference_float32":"`+face(holder, -1)+`",`+deviceFields("device_", 1))
	l.second = l.name(l.insist(q, 201, `"full"`), "SECOND")
	l.verified(l.first, zhenni.NoMatch)
	l.ask(l.next("app", "GET", "/v1/credentials/"+l.first), 200, `"superseded"`)
	l.verified(l.second, zhenni.Match)
}

// move is from one device to another.
func (l *life) move(from, to byte) lifeQuestion {
	q := l.next("app", "POST", "/v1/credentials/"+l.second+"/move-device")
	q.about = fmt.Sprintf("device %d to %d", from, to)
	q.body = "{" + deviceFields("from_", from) + "," + deviceFields("to_", to) + "}"
	return q
}

func (l *life) moved() {
	l.ask(l.paid(l.second, 1), 200, `"match"`)
	l.insist(l.move(1, 2), 200, `"device"`)
	l.ask(l.paid(l.second, 1), 200, `"no_match"`)
	l.ask(l.paid(l.second, 2), 200, `"match"`)
	l.ask(l.move(1, 3), 409, `"illegal_change"`)
}

func (l *life) lost() {
	l.insist(l.next("app", "POST", "/v1/credentials/"+l.second+"/report-loss"), 200, `"suspended"`)
	l.verified(l.second, zhenni.NoMatch)
	l.ask(l.paid(l.second, 2), 200, `"no_match"`)
	l.ask(l.issued("app", "face of holder", `"probe_float32":"`+face(holder, 2)+`"`), 409, `"illegal_change"`) // not by the app alone
}

func (l *life) reissued() {
	q := l.issued("desk", "full, by card, device 3", `"level":"full","issue":"card","reference_float32":"`+face(holder, -1)+`",`+deviceFields("device_", 3))
	l.third = l.name(l.insist(q, 201, `"full"`), "THIRD")
	l.verified(l.second, zhenni.NoMatch)
	l.ask(l.paid(l.second, 2), 200, `"no_match"`)
	l.verified(l.third, zhenni.Match)
	l.ask(l.paid(l.third, 3), 200, `"match"`)
}

func (l *life) locked() {
	lock := l.next("app", "POST", "/v1/credentials/"+l.third+"/lock")
	lock.body, lock.about = `{"factor":"face"}`, "face"
	l.insist(lock, 200, `"locked":["face"]`)
	l.verified(l.third, zhenni.NoMatch)
	unlock := l.next("app", "POST", "/v1/credentials/"+l.third+"/unlock")
	unlock.body, unlock.about = lock.body, lock.about
	l.insist(unlock, 200, `"active"`)
	l.verified(l.third, zhenni.Match)
}

func (l *life) expired() {
	until := time.Now().Add(15 * time.Second).UTC().Format(time.RFC3339)
	q := l.issued("desk", "full, by card, for fifteen seconds", `"level":"full","issue":"card","valid_until":"`+until+`","reference_float32":"`+face(holder, -1)+`"`)
	l.short = l.name(l.ask(q, 201, `"valid_until"`), "SHORT")
	l.verified(l.third, zhenni.NoMatch)
	l.verified(l.short, zhenni.Match)
	l.awaitNoMatch(l.short)
	l.restart()
	l.verified(l.short, zhenni.NoMatch)
	l.last = l.name(l.insist(l.issued("app", "face of holder", `"probe_float32":"`+face(holder, 3)+`"`), 201, `"lite"`), "LAST")
	l.ask(l.next("app", "GET", "/v1/credentials/"+l.short), 200, `"expired"`)
	l.verified(l.last, zhenni.Match)
}

// awaitNoMatch asks until the validity of a credential has ended.
func (l *life) awaitNoMatch(id string) {
	l.t.Helper()
	tick, over := time.NewTicker(100*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		if _, text, err := l.try(l.shown("bank", id, holder), func() {}); err != nil || strings.Contains(text, `"no_match"`) {
			return
		}
		select {
		case <-tick.C:
		case <-over:
			l.t.Fatal("a credential matches past its end")
		}
	}
}

func (l *life) deleted() {
	l.command("backup", l.beside("backup"))
	q := l.next("app", "POST", "/v1/credentials/"+l.last+"/erase")
	q.body, q.about = `{"also":["credentials","reference"]}`, "and all there is of the holder"
	l.insist(q, 200, `"erased"`)
	for _, id := range []string{l.first, l.second, l.third, l.short} {
		l.ask(l.next("app", "GET", "/v1/credentials/"+id), 200, `"erased"`)
	}
	l.ask(l.next("registry", "GET", "/v1/credentials/"+l.reference), 200, `"erased"`)
	l.verified(l.last, zhenni.NoMatch)
	l.ask(l.issued("app", "face of holder", `"probe_float32":"`+face(holder, 4)+`"`), 403, `"not_proved"`)
}

// restored serves the backup, with the keys of templates as they are by now.
func (l *life) restored() {
	l.server.kill(l.t)
	made := l.beside("restored")
	text := mustRun(l.t, "restore", l.beside("backup"), "--store", made, "--key-file", l.store+".key", "--keys-copy", l.store+"/keys")
	l.say("zhenni restore backup --store restored --keys-copy keys\n%s", strings.ReplaceAll(text, l.beside("")+"/", ""))
	if !strings.Contains(text, "6 credentials have no key") {
		l.t.Error(text)
	}
	l.server = serveAsTold(l.t, text)
	l.ask(l.shown("clerk", l.last, holder), 200, `"refused"`)
	status, text, err := l.try(l.next("app", "GET", "/v1/credentials/"+l.last), func() {})
	if err != nil || status != 200 || strings.Contains(text, "330100") {
		l.t.Errorf("the backup tells of whom the deleted credential was: %d %s, %v", status, text, err)
	}
}
