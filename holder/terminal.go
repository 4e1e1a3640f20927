package holder

import (
	"fmt"
	"time"

	"zhenni"
	"zhenni/evidence"
)

// Terminal is the device of a counter, a hotel or a kiosk, which a relying party's id names. It does not change, is safe for
// concurrent use, and does not print.
type Terminal struct {
	key
	id string
}

// NewTerminal draws the key of a terminal. The id is that of the relying party as which it is registered, a
// zhenni.ValidName: zhenni.ErrBadValue, zhenni.ErrUnavailable.
func NewTerminal(id string, a zhenni.KeyAlgorithm) (*Terminal, error) {
	k, err := newKey(a)
	if err != nil {
		return nil, err
	}
	return terminalOf(id, k)
}

func terminalOf(id string, k key) (*Terminal, error) {
	if !zhenni.ValidName(id) {
		return nil, fmt.Errorf("%w: terminal: want the id of a relying party", zhenni.ErrBadValue)
	}
	return &Terminal{k, id}, nil
}

// ID is that of the relying party as which the terminal is registered.
func (t *Terminal) ID() string { return t.id }

// Liveness signs that a living, present person was captured, by means of the level.
func (t *Terminal) Liveness(q Question, level zhenni.Liveness, at time.Time) ([]byte, error) {
	claims := q.claims(evidence.Liveness, at)
	claims.Level = level
	return t.sign(claims)
}

// Card signs that the chip of the identity card answered.
func (t *Terminal) Card(q Question, at time.Time) ([]byte, error) {
	return t.sign(q.claims(evidence.Card, at))
}

// Document signs that somebody looked at the document.
func (t *Terminal) Document(q Question, at time.Time) ([]byte, error) {
	return t.sign(q.claims(evidence.Document, at))
}

func (t *Terminal) sign(claims evidence.Claims) ([]byte, error) {
	claims.Terminal = t.id
	return evidence.Sign(claims, t.private)
}
