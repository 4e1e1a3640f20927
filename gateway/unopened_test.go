package gateway

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"zhenni"
	"zhenni/identity/pin"
)

// keep has a booth compare with PINs under other peppers, the last of which is the current one.
func (b *booth) keep(t *testing.T, params pin.Params, peppers ...pin.Pepper) {
	t.Helper()
	last := len(peppers) - 1
	held, err := pin.NewPeppers(peppers[last], peppers[:last]...)
	if err != nil {
		t.Fatal(err)
	}
	b.pins.Checker, err = pin.NewChecker(pin.Config{Peppers: held, Params: params, Concurrent: 4}, rand.NewChaCha8([32]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
}

func pepperOf(t *testing.T, version uint32, fill byte) pin.Pepper {
	t.Helper()
	p, err := pin.NewPepper(version, bytes.Repeat([]byte{fill}, pin.PepperSize))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var cheapPINs = pin.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}

// A PIN that can not be compared, for its pepper is lost or another or it is damaged, uses up no attempt, and is not to be told
// from no credential nor from a wrong PIN, from then on; a right one is still told yes. The log has it once.
//
// FAULTS: Z2 B2
func TestPINsThatDoNotOpen(t *testing.T) {
	for name, spoil := range map[string]func(*booth){
		"another pepper of its number": func(b *booth) { b.keep(t, cheapPINs, pepperOf(t, 1, 8)) },
		"its pepper is not held":       func(b *booth) { b.keep(t, cheapPINs, pepperOf(t, 2, 9)) },
		"damaged": func(b *booth) {
			kept := b.node.pins[testID(1)]
			kept.Verifier = append(bytes.Clone(kept.Verifier[:len(kept.Verifier)-1]), 1)
			b.node.pins[testID(1)] = kept
		},
		"not a verifier": func(b *booth) { b.node.pins[testID(1)] = zhenni.PIN{Verifier: []byte{1}} },
	} {
		lines := &syncBuffer{}
		b := startBooth(t, 1, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(lines, nil)) })
		b.enrol(testID(3), 1, zhenni.LevelFull, zhenni.StatusActive)
		spoil(b)
		b.give(testID(3))
		ask := func(id zhenni.CredentialID, digits string) answer {
			e := b.entry()
			e.id, e.digits, e.possessionBy, e.cardBy = id, digits, nil, b.terminal
			return b.enter(e)
		}
		there := ask(testID(1), rightPIN)
		if there.status != 503 || !bytes.Contains(there.body, []byte(`"unavailable"`)) || b.node.begun(testID(1)) != 0 {
			t.Errorf("%s: %d %s, %d attempts", name, there.status, there.body, b.node.begun(testID(1)))
		}
		for other, a := range map[string]answer{
			"again": ask(testID(1), rightPIN), "nobody": ask(testID(77), rightPIN), "a wrong one": ask(testID(3), "71940285"),
		} {
			if a.status != there.status || !bytes.Equal(a.body, there.body) {
				t.Errorf("%s: %s: %d %s, want %s", name, other, a.status, a.body, there.body)
			}
		}
		if b.node.begun(testID(1)) != 0 || b.node.begun(testID(3)) != 1 {
			t.Errorf("%s: %d and %d attempts are counted", name, b.node.begun(testID(1)), b.node.begun(testID(3)))
		}
		if a := ask(testID(3), rightPIN); a.status != 200 || !bytes.Contains(a.body, []byte(`"match"`)) {
			t.Errorf("%s: a PIN that opens: %d %s", name, a.status, a.body)
		}
		if n := strings.Count(lines.String(), "a PIN does not open"); n != 1 || strings.Contains(lines.String(), testID(1).String()) {
			t.Errorf("%s: %s", name, lines)
		}
	}
}
