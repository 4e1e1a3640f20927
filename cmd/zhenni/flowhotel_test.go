package main

import (
	"fmt"
	"strings"

	"zhenni"
	sdk "zhenni/holder"
)

func hotelFlow(w *flowWorld) (*askerParty, []*phoneParty) {
	guest := w.holders["citizen"]
	hotel := w.desk("hotel")
	code := guest.arrives("hotel")
	if w.apart {
		w.refused("hotel", sdk.CodeNoArrival, append([]string{"session", "claim", otherCode(code)}, hotel.as()...)...)
	}
	hotel.runs(0, "session", "claim", code)
	followed := []*following{hotel.follows(), w.follow(guest.name, guest.arriving("hotel")...)}
	hotel.runs(0, "terminal", "capture", "--probe", w.beside("hotel/face"), "--liveness", "passive", "--patience", "1m")
	w.both(followed)
	hotel.runs(0, "session", "results")
	return hotel, []*phoneParty{guest}
}

// desk is a party with a session that others begin, the one of the next flow.
func (w *flowWorld) desk(name string) *askerParty {
	w.flows++
	return &askerParty{w: w, name: name, file: w.beside(fmt.Sprintf("%s/session-%d.json", name, w.flows))}
}

// arriving is the command by which a guest's phone arrives, with its rotation key.
func (p *phoneParty) arriving(hotel string) []string {
	return []string{"holder", "arrive", hotel, "--keys", p.in("phone.keys"), "--seat", p.seat(), "--engine-key", p.w.beside("engine.jwk")}
}

// arrives has a guest arrive, and returns the digits that are read out.
func (p *phoneParty) arrives(hotel string) (code string) {
	p.w.t.Helper()
	p.flow = p.w.flows
	exit, results, notes := p.w.command(p.arriving(hotel)...)
	v := shown[sdk.SeatView](results)
	p.w.say("   %-9s zhenni holder arrive %s -> %s", p.name, hotel, seatText(v))
	if exit != 0 || v.State != zhenni.SeatOpened || len(v.Code) != 2 {
		p.w.t.Fatalf("%s arrives: exit code %d: %s%s", p.name, exit, seatText(v), notes)
	}
	return v.Code
}

// otherCode is two digits that are not those.
func otherCode(code string) string {
	if strings.HasSuffix(code, "0") {
		return code[:1] + "1"
	}
	return code[:1] + "0"
}
