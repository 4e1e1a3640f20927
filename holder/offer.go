package holder

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"zhenni"
	"zhenni/evidence"
	"zhenni/identity"
)

// OfferStep is how often the code of an offer changes, and OfferLife how long after it was shown a phone's answer to it is taken.
const (
	OfferStep = 5 * time.Second
	OfferLife = 30 * time.Second
)

// offerPrefix begins every code of an offer.
const offerPrefix = "zhenni-issue:"

// Offer is an issue at a terminal, of one capture. The terminal shows it as a code, which is another every [OfferStep]: a picture of it is
// of no use a minute later. A code names party, transaction, capture and, where the terminal signs its request, the nonce of that. An
// Offer is kept by the terminal alone, as JSON, and does not change.
type Offer struct {
	// Party is the relying party as which the terminal issues.
	Party   string `json:"party"`
	Capture []byte `json:"capture"`
	Secret  []byte `json:"secret"`
	// Signed says that the request will be signed; else an API key proves the party.
	Signed bool `json:"signed"`
}

// NewOffer offers an issue of a capture: zhenni.ErrBadValue.
func NewOffer(party string, capture [sha256.Size]byte, signed bool) (*Offer, error) {
	o := &Offer{Party: party, Capture: capture[:], Secret: make([]byte, sha256.Size), Signed: signed}
	_, _ = rand.Read(o.Secret) // which ends the program where it fails
	return o, o.Validate()
}

// Validate reports what no offer has: zhenni.ErrBadValue.
func (o *Offer) Validate() error {
	if !zhenni.ValidName(o.Party) || len(o.Capture) != sha256.Size || len(o.Secret) != sha256.Size {
		return fmt.Errorf("%w: offer: want the id of a party, a digest and a secret", zhenni.ErrBadValue)
	}
	return nil
}

// question is what evidence for the issue is signed for, where the code of a step is scanned.
func (o *Offer) question(step int64) Question {
	mac := hmac.New(sha256.New, o.Secret)
	mac.Write(binary.BigEndian.AppendUint64([]byte("zhenni offer v1"), uint64(step)))
	q := Question{Party: o.Party, Transaction: "issue-" + hex.EncodeToString(mac.Sum(nil)[:16]), Capture: [sha256.Size]byte(o.Capture)}
	if o.Signed {
		q.Nonce = q.Transaction
	}
	return q
}

func offerStep(at time.Time) int64 { return at.UnixMilli() / OfferStep.Milliseconds() }

// Code is what is shown at a time.
func (o *Offer) Code(at time.Time) string {
	q := o.question(offerStep(at))
	code := offerPrefix + q.Party + "/" + q.Transaction + "/" + base64.RawURLEncoding.EncodeToString(q.Capture[:])
	if q.Nonce != "" {
		code += "/" + q.Nonce
	}
	return code
}

// Question is that of the code whose transaction a phone has answered: zhenni.ErrBadValue for one that was not shown in the last
// [OfferLife]. The evidence of the terminal is signed for it.
func (o *Offer) Question(transaction string, at time.Time) (Question, error) {
	for newest, step := offerStep(at), offerStep(at.Add(-OfferLife)); step <= newest; step++ {
		if q := o.question(step); hmac.Equal([]byte(q.Transaction), []byte(transaction)) {
			return q, nil
		}
	}
	return Question{}, fmt.Errorf("%w: the code that the phone scanned was not shown in the last %s: have it scan the one that is shown now", zhenni.ErrBadValue, OfferLife)
}

// Acceptance is what a phone answers an offer with. The terminal can not read who it is.
type Acceptance struct {
	Transaction string `json:"transaction"`
	// Identity is sealed for the party and the transaction.
	Identity string `json:"identity"`
	// Device is the key of the phone, as zhenni.ParsePublicKey reads it; Possession its evidence of being there.
	Device     []byte `json:"device"`
	Possession string `json:"possession"`
	// Rotation is of the key by which the phone has rotated the template, as of [Phone.Commitment]; absent where it has not.
	Rotation []byte `json:"rotation,omitempty"`
}

// Accept answers the code of an offer: it seals who the phone's holder is to the engine, for this issue alone, and signs that the phone
// is the device which the credential is issued to. A text that is no code is zhenni.ErrBadValue.
func (p *Phone) Accept(code string, engine identity.PublicKey, name, number string, at time.Time) (a Acceptance, err error) {
	q, err := readOffer(code)
	if err != nil {
		return a, err
	}
	token, err := evidence.Sign(q.claims(evidence.Possession, at), p.private)
	if err != nil {
		return a, err
	}
	sealed, err := identity.Seal(engine, name, number, q.Party+"/"+q.Transaction)
	if err != nil {
		return a, err
	}
	return Acceptance{Transaction: q.Transaction, Identity: sealed, Device: p.Public().Append(nil), Possession: string(token)}, nil
}

// readOffer reads the code of an offer.
func readOffer(code string) (q Question, err error) {
	bad := fmt.Errorf("%w: not the code of an issue", zhenni.ErrBadValue)
	text, found := strings.CutPrefix(code, offerPrefix)
	parts := strings.Split(text, "/")
	if !found || len(parts) < 3 || len(parts) > 4 {
		return q, bad
	}
	q.Party, q.Transaction = parts[0], parts[1]
	capture, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(capture) != sha256.Size || !zhenni.ValidName(q.Party) || !zhenni.ValidName(q.Transaction) {
		return Question{}, bad
	}
	q.Capture = [sha256.Size]byte(capture)
	if len(parts) == 4 {
		if q.Nonce = parts[3]; q.Nonce == "" {
			return Question{}, bad
		}
	}
	return q, nil
}

// Accepted completes an issue by what a phone has answered: its device, the identity that it sealed, its evidence and by which key it has
// rotated the template. An answer that says so is zhenni.ErrBadValue for an issue without a Reference beside its Probe: a capture is not
// rotated.
func (i *Issue) Accepted(a Acceptance) error {
	device, err := zhenni.ParsePublicKey(a.Device)
	if err != nil || a.Identity == "" || a.Possession == "" {
		return fmt.Errorf("%w: acceptance: want a key, a sealed identity and a token", zhenni.ErrBadValue)
	}
	if len(a.Rotation) > 0 {
		if len(a.Rotation) != len(i.Rotation) || zhenni.RotationCommitment(a.Rotation).IsZero() {
			return fmt.Errorf("%w: acceptance: rotation is not the commitment to a key", zhenni.ErrBadValue)
		}
		if len(i.Probe) == 0 || len(i.Reference) == 0 {
			return fmt.Errorf("%w: acceptance: the phone has rotated the template, and none is sent beside the capture", zhenni.ErrBadValue)
		}
		i.Rotation = zhenni.RotationCommitment(a.Rotation)
	}
	i.Device, i.Sealed = device, a.Identity
	i.Evidence = append(i.Evidence, a.Possession)
	return nil
}
