package gateway

import (
	"bytes"
	"context"
	"reflect"
	"testing"

	"zhenni"
	"zhenni/identity/pin"
)

// renewed waits for the renewal that a right PIN has begun, and returns what is kept of the PIN of credential 1.
func (b *booth) renewed() pin.Verifier {
	b.t.Helper()
	if err := b.server.awaitRenewal(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	b.node.mu.Lock()
	defer b.node.mu.Unlock()
	v, err := pin.ParseVerifier(b.node.pins[testID(1)].Verifier)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

func (b *booth) mustEnter(t *testing.T, transaction, digits, want string) {
	t.Helper()
	e := b.entry()
	e.txn, e.digits = transaction, digits
	if a := b.enter(e); a.status != 200 || !bytes.Contains(a.body, []byte(`"`+want+`"`)) {
		t.Errorf("%s: %d %s, want %s", transaction, a.status, a.body, want)
	}
}

// A right PIN that was set with other parameters, or under an earlier pepper, is kept in the way of now from then on: also
// where the earlier pepper is destroyed. A wrong one leaves it.
func TestPINsAreRenewedOnUse(t *testing.T) {
	dearer := pin.Params{MemoryKiB: 128, Passes: 1, Lanes: 1}
	for name, c := range map[string]struct {
		params  pin.Params
		version uint32
	}{"another pepper": {cheapPINs, 2}, "other parameters": {dearer, 1}, "both": {dearer, 2}} {
		b := startBooth(t, 1, nil)
		now := pepperOf(t, c.version, 8+byte(c.version))
		if c.version == 1 {
			now = pepperOf(t, 1, 9)
			b.keep(t, c.params, now)
		} else {
			b.keep(t, c.params, pepperOf(t, 1, 9), now)
		}
		before := b.renewed()
		if b.mustEnter(t, "t-1", "71940285", "no_match"); b.renewed() != before {
			t.Errorf("%s: a wrong PIN is made anew", name)
		}
		b.mustEnter(t, "t-2", rightPIN, "match")
		after := b.renewed()
		if after.Params() != c.params || after.Pepper() != c.version || b.node.begun(testID(1)) != 0 {
			t.Errorf("%s: %+v under pepper %d", name, after.Params(), after.Pepper())
		}
		b.keep(t, c.params, now)
		if b.mustEnter(t, "t-3", rightPIN, "match"); b.renewed() != after {
			t.Errorf("%s: it is made anew again", name)
		}
	}
}

// One that can not be made anew is told yes all the same, and is left as it was: where the state takes no change, where another
// is being made anew, and where it was set meanwhile.
func TestRenewalFailsNoAnswer(t *testing.T) {
	b := startBooth(t, 1, nil)
	b.keep(t, cheapPINs, pepperOf(t, 1, 9), pepperOf(t, 2, 10))
	b.server.renewing <- struct{}{}
	b.mustEnter(t, "t-1", rightPIN, "match")
	<-b.server.renewing
	before := b.renewed()
	if before.Pepper() != 1 {
		t.Error("two are made anew at once")
	}
	kept := openedPIN{verifier: before, binding: pin.Binding{Credential: testID(1), Generation: b.node.pins[testID(1)].Generation}}
	digits, err := pin.Parse([]byte(rightPIN))
	if err != nil {
		t.Fatal(err)
	}
	b.enrol(testID(3), 1, zhenni.LevelFull, zhenni.StatusActive)
	b.give(testID(3))
	other := b.node.pins[testID(1)]
	other.Verifier = b.node.pins[testID(3)].Verifier
	b.node.pins[testID(1)] = other
	b.server.renewPIN(1, kept, digits)
	if b.renewed(); !reflect.DeepEqual(b.node.pins[testID(1)], other) {
		t.Error("a PIN that was set meanwhile is gone")
	}
	b.node.applyErr = zhenni.ErrUnavailable
	b.server.renewPIN(1, kept, digits)
	if b.renewed(); !reflect.DeepEqual(b.node.pins[testID(1)], other) {
		t.Error("a change was made that was refused")
	}
}

// Nothing is made anew once a server has shut down.
func TestShutdownAwaitsRenewals(t *testing.T) {
	b := startBooth(t, 1, nil)
	b.server.renewing <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.server.awaitRenewal(ctx); err == nil {
		t.Error("it is not waited for")
	}
	<-b.server.renewing
	if err := b.server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
