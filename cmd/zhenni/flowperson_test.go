package main

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"slices"
	"strings"

	"zhenni"
	sdk "zhenni/holder"
)

// asks has a person ask another one on behalf of the square, in a session of the next flow.
func (p *phoneParty) asks(more ...string) *askerParty {
	p.w.t.Helper()
	p.w.flows++
	a := &askerParty{w: p.w, name: p.name, file: p.in(fmt.Sprintf("asked-%d.json", p.w.flows)), person: true}
	args := append([]string{"holder", "person", "ask", "--party", "square", "--transaction", fmt.Sprintf("flow-%d", p.w.flows)}, more...)
	a.begin(append(args, "--keys", p.in("phone.keys"))...)
	return a
}

// begin has the person begin a session, and keeps it.
func (a *askerParty) begin(args ...string) {
	a.w.t.Helper()
	code, results, notes := a.w.command(append(args, a.as()...)...)
	a.begun = shown[sdk.Begun](results)
	a.w.say("   %-9s zhenni %s -> Read out %s.", a.name, a.w.brief(args), a.begun.Code)
	if code != 0 || len(a.begun.Code) != 2 {
		a.w.t.Fatalf("%s: exit code %d: %s", a.name, code, notes)
	}
}

// hears has the person who was asked open the link and type what the other one reads out.
func (p *phoneParty) hears(a *askerParty, link func() string) sdk.SeatView {
	p.w.t.Helper()
	seen := p.opens(link)
	p.does(0, "code", a.begun.Code)
	return seen
}

// selfie is a picture in the folder of a person.
func (p *phoneParty) selfie() string {
	p.w.t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 16, 16)), nil); err != nil {
		p.w.t.Fatal(err)
	}
	write(p.w.t, p.in("selfie.jpg"), b.String())
	return p.in("selfie.jpg")
}

// sharing has the asker be shown what the other person consented to, of which there is that and nothing else; and once. Where the server
// was killed since the other one answered it may be gone.
func (a *askerParty) sharing(killed int, want ...string) {
	a.w.t.Helper()
	code, results, notes := a.w.command(append([]string{"holder", "person", "shared"}, a.as()...)...)
	got, fields := shown[sdk.Shared](results), []string{}
	if got.Name != "" {
		fields = append(fields, "name")
	}
	if len(got.Selfie) > 0 {
		fields = append(fields, "selfie")
	}
	a.w.say("   %-9s zhenni holder person shared -> %s, %d bytes of a picture %s", a.name, got.Name, len(got.Selfie), strings.TrimSpace(notes))
	gone := a.w.gate.killed() != killed && code == exitNotSo && strings.Contains(notes, sdk.CodeSharedGone)
	if !gone && (code != 0 || !slices.Equal(fields, want) || got.Name != "" && !isMasked(got.Name)) {
		a.w.t.Errorf("%s is shown %v, want %v: exit code %d: %s", a.name, fields, want, code, notes)
	}
	a.w.refused(a.name, sdk.CodeSharedGone, append([]string{"holder", "person", "shared"}, a.as()...)...)
}

// isMasked reports whether a name is that of the people of the flows, as others see it.
func isMasked(name string) bool {
	return strings.HasPrefix(name, "阿*") && !strings.Contains(name, "卜")
}

// pair is who asks whom by name. A person may ask so for one name five times a day, so that it is not always the same.
func (w *flowWorld) pair() (a, b *phoneParty) {
	three := []*phoneParty{w.holders["ann"], w.holders["ben"], w.holders["eve"]}
	w.pairs++
	return three[w.pairs%3], three[(w.pairs+1)%3]
}

func personFlow(w *flowWorld) (*askerParty, []*phoneParty) {
	a, b := w.pair()
	killed := w.gate.killed()
	asks := a.asks("--expect", b.in("name"), "--own-name", a.in("name"), "--engine-key", w.beside("engine.jwk"))
	followed := []*following{asks.follows()}
	if seen := b.hears(asks, asks.link(0)); !isMasked(seen.Asker) || !seen.CodeWanted || seen.Code != "" {
		w.t.Errorf("%s sees %+v", b.name, seen)
	}
	followed = append(followed, b.follows())
	b.answers("--share-name", b.in("name"), "--share-selfie", b.selfie())
	w.both(followed)
	asks.sharing(killed, "name", "selfie")
	return asks, []*phoneParty{b}
}

func backFlow(w *flowWorld) (*askerParty, []*phoneParty) {
	a, b := w.holders["citizen"], w.holders["ann"]
	killed := w.gate.killed()
	asks := a.asks()
	if seen := b.hears(asks, asks.link(0)); seen.Asker != "" {
		w.t.Errorf("%s sees who did not say it: %+v", b.name, seen)
	}
	b.answers("--share-name", b.in("name"))
	asks.sharing(killed, "name")

	back := &askerParty{w: w, name: b.name, file: b.in(fmt.Sprintf("back-%d.json", w.flows)), person: true}
	back.begin("holder", "session", "ask-back", "--seat", b.seat(), "--own-name", b.in("name"))
	if len(back.begun.Links) != 0 {
		w.t.Error("who asks back has the link of the other one's seat")
	}
	link := asks.runs(0, asks.sees()...).Back
	if seen := a.hears(back, func() string { return link }); !isMasked(seen.Asker) {
		w.t.Errorf("%s sees %+v", a.name, seen)
	}
	a.answers()
	if got := w.told(back, []*phoneParty{a}); got != (outcome{zhenni.SessionCompleted, true}) {
		w.t.Errorf("asked back: %v", got)
	}
	return asks, []*phoneParty{b}
}

func declinedFlow(w *flowWorld) (*askerParty, []*phoneParty) {
	b := w.holders["pensioner"]
	asks := w.holders["citizen"].asks()
	b.opens(asks.link(0))
	b.does(0, "decline")
	return asks, []*phoneParty{b}
}

// blockedFlow: whoever has blocked is asked in vain, from the second time on without having to say so; to who asks it looks the same.
func blockedFlow(w *flowWorld) (*askerParty, []*phoneParty) {
	stranger, b := w.holders["payer"], w.holders["pensioner"]
	first := stranger.asks()
	b.opens(first.link(0))
	b.does(0, "decline", "--report", "--block")
	if got := w.told(first, []*phoneParty{b}); got.End != zhenni.SessionRefused {
		w.t.Errorf("%v", got)
	}
	again := stranger.asks()
	if seen := b.opens(again.link(0)); seen.State != zhenni.SeatDeclined {
		w.t.Errorf("%s is asked by who is blocked: %+v", b.name, seen)
	}
	return again, []*phoneParty{b}
}

func wrongCodeFlow(w *flowWorld) (*askerParty, []*phoneParty) {
	b := w.holders["citizen"]
	asks := w.holders["eve"].asks()
	b.opens(asks.link(0))
	b.does(exitNotSo, "code", otherCode(asks.begun.Code))
	return asks, []*phoneParty{b}
}
