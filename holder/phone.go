package holder

import (
	"fmt"
	"time"

	"zhenni"
	"zhenni/engine/rotation"
	"zhenni/evidence"
	"zhenni/identity"
)

// Phone is the device of one person with one credential. It is for one goroutine at a time; it does not print.
type Phone struct {
	key
	// Credential is zero before the issue.
	Credential zhenni.CredentialID
	rotation   rotation.Key
}

// NewPhone draws the key of a device and a rotation key: zhenni.ErrBadValue, zhenni.ErrUnavailable.
func NewPhone(a zhenni.KeyAlgorithm) (*Phone, error) {
	k, err := newKey(a)
	if err != nil {
		return nil, err
	}
	return &Phone{key: k, rotation: rotation.NewKey()}, nil
}

// Renew draws another rotation key, under which the person is enrolled anew: a template under the old one is of no use any
// more. It is on the device alone until [Phone.Save].
func (p *Phone) Renew() { p.rotation = rotation.NewKey() }

// Rotate returns the embedding of a capture in the domain of this phone's credential, of rotation.Padded elements of the
// model's dimension. It is what leaves the device. Errors are those of package rotation.
func (p *Phone) Rotate(embedding []float32, model zhenni.Model) ([]float32, error) {
	r, err := rotation.New(p.rotation, model)
	if err != nil {
		return nil, err
	}
	defer r.Destroy()
	rotated := make([]float32, r.Dim())
	if err := r.Apply(rotated, embedding); err != nil {
		return nil, err
	}
	return rotated, nil
}

// Commitment is what an issue of a rotated template names, so that the credential is compared by this phone's rotation key alone.
func (p *Phone) Commitment() zhenni.RotationCommitment { return p.rotation.Commitment() }

// SealRotation seals the rotation key to the engine for one session, in which another device captures. Whoever opens it
// can rotate, and invert, every template of this credential: it goes nowhere else.
func (p *Phone) SealRotation(to identity.PublicKey, session string) (string, error) {
	return identity.SealRotation(to, p.rotation, session)
}

// Possession signs that this is the device of the credential. A question about another credential is
// zhenni.ErrBadValue: a phone speaks for its own.
func (p *Phone) Possession(q Question, at time.Time) ([]byte, error) {
	if err := p.owns(q); err != nil {
		return nil, err
	}
	return evidence.Sign(q.claims(evidence.Possession, at), p.private)
}

// Liveness signs that a living, present person was captured, as far as this phone can tell.
func (p *Phone) Liveness(q Question, level zhenni.Liveness, at time.Time) ([]byte, error) {
	if err := p.owns(q); err != nil {
		return nil, err
	}
	claims := q.claims(evidence.Liveness, at)
	claims.Level = level
	return evidence.Sign(claims, p.private)
}

func (p *Phone) owns(q Question) error {
	if p.Credential == (zhenni.CredentialID{}) || q.Credential != p.Credential {
		return fmt.Errorf("%w: the phone has another credential, or none", zhenni.ErrBadValue)
	}
	return nil
}

// Forget overwrites the rotation key and lets go of the other; the phone is of no use any more. Its file stays.
func (p *Phone) Forget() { *p = Phone{} }
