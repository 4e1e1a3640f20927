package receipt

import (
	"encoding/base64"
	"fmt"

	"zhenni"
)

// SandboxIssuer is the name of every sandbox in what it signs. No host has it (RFC 2606), and no result of that name is taken for one
// of a real person, or by who does not ask for it by name.
const SandboxIssuer = "https://sandbox.zhenni.invalid"

// An Issuer signs the results of a service. It does not change and is safe for concurrent use.
type Issuer struct {
	name       string
	signers    []Signer
	pseudonyms *Pseudonyms
	jwks       []byte
}

// NewIssuer makes an issuer of that name, which is in every result. The first signer signs; the others sign again what they
// signed before, for answers that are given again. Published are the keys of all of them and published's: those of before
// and of soon. A name that is none, no signer, or more than 32 keys are [zhenni.ErrBadValue].
func NewIssuer(name string, pseudonyms *Pseudonyms, published Keys, signers ...Signer) (*Issuer, error) {
	if !validIssuer(name) || pseudonyms == nil || len(signers) == 0 {
		return nil, fmt.Errorf("%w: an issuer of results needs a name of 1–%d visible ASCII characters, pseudonyms and a key",
			zhenni.ErrBadValue, maxIssuer)
	}
	var keys Keys
	for _, s := range signers {
		keys = keys.Add(s.Key())
	}
	if keys = keys.Add(published...); len(keys) > maxKeys {
		return nil, fmt.Errorf("%w: %d keys of results, want at most %d", zhenni.ErrBadValue, len(keys), maxKeys)
	}
	return &Issuer{name, signers, pseudonyms, keys.JWKS()}, nil
}

// JWKS returns the published keys as a JSON Web Key Set. It is the issuer's own memory, and not to be written to.
func (i *Issuer) JWKS() []byte { return i.jwks }

// What a draft is: 1 for a batch and 0 for a single verification, the first bytes of the id of the key, the payload as far
// as it is known. It is kept with a stored answer.
const (
	draftKey  = 12
	draftHead = 1 + draftKey
)

// maxPlace is no less than what a place adds to a draft.
const maxPlace = 128

// MaxDraft bounds a draft, in bytes.
const MaxDraft = draftHead + maxPayload

// Draft returns the result of a finding as far as it can be told before it is recorded. [zhenni.ErrBadResult] is a finding
// of which there is no result: a refusal, or one whose parts do not fit.
func (i *Issuer) Draft(f zhenni.Finding) ([]byte, error) {
	c := Claims{
		Issuer: i.name, Audience: f.Party.ID, At: f.At, Transaction: f.Transaction, Profile: f.Profile,
		Unsupported: f.Unsupported, Service: f.Service, Purpose: f.Purpose, Evaluation: f.Party.Evaluation,
		Bound: f.Bound, Outcome: f.Outcome, Items: f.Items,
	}
	if g := f.Grounds; g != nil {
		c.Subject = i.pseudonyms.Of(f.Party, g.Credential)
		c.Level, c.Methods, c.Assertions, c.FMR = g.Level, g.Methods, g.Assertions, g.FMR
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	draft := append(make([]byte, 0, 512), 0)
	if f.Items > 0 {
		draft[0] = 1
	}
	draft = append(draft, i.signers[0].Key().ID()[:draftKey]...)
	return c.append(draft), nil
}

// Sign returns the result that a draft was made for, once it is recorded: index is the place of its leaf in the audit log,
// or [NotRecorded], leaf the hash of that. The same draft and place give the same bytes. A draft of a key that the issuer
// does not have any more is [zhenni.ErrEvicted]; one that is none, or a batch that is in no log, is [zhenni.ErrBadResult].
func (i *Issuer) Sign(draft []byte, index int64, leaf [32]byte) ([]byte, error) {
	if len(draft) < draftHead || draft[0] > 1 || draft[0] == 1 && index == NotRecorded || index < NotRecorded {
		return nil, bad("not the draft of a result, or not its place")
	}
	signer, err := i.signerOf(string(draft[1:draftHead]))
	if err != nil {
		return nil, err
	}
	payload := appendPlace(append(make([]byte, 0, len(draft)+maxPlace), draft[draftHead:]...), draft[0] == 1, leaf, index)
	if len(payload) > maxPayload {
		return nil, bad("a payload of %d bytes, want at most %d", len(payload), maxPayload)
	}
	return sign(signer, payload)
}

func (i *Issuer) signerOf(id string) (Signer, error) {
	for _, s := range i.signers {
		if s.Key().ID()[:draftKey] == id {
			return s, nil
		}
	}
	return nil, fmt.Errorf("%w: receipt: the key that signed it is not in use any more", zhenni.ErrEvicted)
}

// sign returns the result with that payload.
func sign(s Signer, payload []byte) ([]byte, error) { return seal(s, s.Key().protected, payload) }

// seal returns a payload signed under a header of the signer's key.
func seal(s Signer, header string, payload []byte) ([]byte, error) {
	text := append(make([]byte, 0, 1024), header...)
	text = base64.RawURLEncoding.AppendEncode(append(text, '.'), payload)
	signature, err := s.Sign(text)
	if err != nil {
		return nil, err
	}
	return base64.RawURLEncoding.AppendEncode(append(text, '.'), signature), nil
}

// Sign returns the result that says c: [zhenni.ErrBadResult] where c can not be said.
func Sign(s Signer, c Claims) (string, error) {
	if err := c.check(); err != nil {
		return "", err
	}
	result, err := sign(s, c.payload())
	return string(result), err
}
