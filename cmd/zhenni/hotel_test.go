package main

import (
	"fmt"
	"testing"

	"zhenni/engine/rotation"
)

// checkIn has the desk claim the guest who shows a code, capture so many faces, and returns the session as it is then.
func (w *sessionWorld) checkIn(code string, probes ...[]byte) (a seen) {
	w.t.Helper()
	a = w.post("/v1/arrivals/claim", "", map[string]any{"code": code}, 200)
	for _, probe := range probes {
		a = w.post("/v1/sessions/"+a.text("session")+"/capture", "", shows(probe), 200)
	}
	return a
}

// refusesOtherKeys expects that a guest who is enrolled rotated arrives with the own key alone, whether or not the phone has it, and that one who
// is not has none to choose. Nobody waits at the desk for it, and no try is used up.
func (w *sessionWorld) refusesOtherKeys(guest, plain *citizen) {
	w.t.Helper()
	for _, c := range []struct {
		citizen *citizen
		key     rotation.Key
	}{{guest, rotation.Key{}}, {guest, rotation.Key{1}}, {plain, rotation.Key{1}}} {
		phone := *c.citizen
		phone.key, phone.token[1] = c.key, 77
		if a := w.arrival(&phone, 422); a.text("code") != "rotation_key_refused" {
			w.t.Errorf("under %x: %v", c.key[:1], a)
		}
	}
	if a := w.get("/v1/arrivals", ""); fmt.Sprint(a["waiting"]) != "0" {
		w.t.Errorf("%v", a)
	}
}

// The face of a guest who was enrolled rotated is captured in the clear by the hotel, and matches by the key that the phone sealed
// into the session, and by no other. Whoever stole the key has to have the face too; whoever stole the template has nothing without the key, nor with
// another one. The server is killed while a guest is served, and the phone sends the key again. Nowhere is the key: not in a file,
// not in a line of the log, nor is the face or its rotation.
//
// FAULTS: B7 B8 C11
func TestAGuestOfAHotel(t *testing.T) {
	t.Parallel()
	w := startSessionWorld(t)
	guest, plain := w.citizen(1, rotation.Key{11, 22, 33, 31: 44}), w.citizen(5, rotation.Key{})
	face, other := faceBytes(1, 1), faceBytes(2, 1)
	stolen := rotated(t, faceBytes(1, -1), guest.key) // the template as it lies in the store

	if a := w.checkIn(w.arrives(guest).text("code"), face); !a.is("confirmed") {
		t.Errorf("the guest: %v", a)
	}
	again := func(key rotation.Key, probes ...[]byte) seen {
		t.Helper()
		guest.token[0]++
		thief := *guest
		thief.key = key
		return w.checkIn(w.arrives(&thief).text("code"), probes...)
	}
	for name, a := range map[string]seen{
		"the key, and another face": again(guest.key, other, other, other),
		"the template, and the key": again(guest.key, stolen, stolen, stolen),
	} {
		if a.text("outcome") != "completed" || a.is("confirmed") {
			t.Errorf("%s: %v", name, a)
		}
		w.send("POST", "/v1/credentials/"+guest.id+"/re-prove", "", nil, 200)
	}

	w.refusesOtherKeys(guest, plain)
	w.restart()
	w.refusesOtherKeys(guest, plain)

	guest.token[0]++
	served := w.checkIn(w.arrives(guest).text("code"))
	w.restart()
	seat := "/v1/sessions/" + served.text("session")
	w.post(seat+"/capture", "", shows(face), 409)
	if a := w.get(seat+"/seats/0", guest.token.String()); !a.is("rotation_wanted") {
		t.Errorf("%v", a)
	}
	if a := w.arrives(guest); a.is("rotation_wanted") || a.text("session") != served.text("session") {
		t.Errorf("%v", a)
	}
	if a := w.post(seat+"/capture", "", shows(face), 200); !a.is("confirmed") {
		t.Errorf("after a kill: %v", a)
	}
	if err := w.server.terminate(t); err != nil {
		t.Error(err)
	}
	canary := canaries{}
	canary.bytes("rotation key", guest.key[:])
	canary.bytes("face", face[:64])
	canary.bytes("rotated face", rotated(t, face, guest.key)[:64])
	canary.scan(t, "the log of the server", w.server.notes.Bytes())
	if canary.scanFolder(t, w.store) == 0 {
		t.Error("no file was read")
	}
	if find(append([]byte("x"), guest.key[:]...), guest.key[:]) != 1 {
		t.Error("the scan would not find it")
	}
}
