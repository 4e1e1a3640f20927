package gateway

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"zhenni"

	"github.com/valyala/fasthttp"
)

// Receipts signs what is answered, so that it holds up later. Its methods may be called from several goroutines.
type Receipts interface {
	// Draft returns the result of a finding as far as it is known before it is recorded, in at most 3 KiB.
	Draft(f zhenni.Finding) ([]byte, error)
	// Sign returns the result, in visible ASCII, once the request is recorded: index is the place of its leaf in the audit
	// log and leaf the hash of that. Of a single verification that is not recorded the index is -1. The same arguments give
	// the same bytes. [zhenni.ErrEvicted] is a draft whose key is not in use any more.
	Sign(draft []byte, index int64, leaf [32]byte) ([]byte, error)
	// Summarise returns what is said, signed, of a group that a relying party asked, in visible ASCII: the same bytes for as long as
	// the key is in use.
	Summarise(party zhenni.RelyingParty, g zhenni.GroupOutcome) ([]byte, error)
	// JWKS returns the public keys as a JSON Web Key Set, which is not written to.
	JWKS() []byte
}

// notRecorded is the index of what is in no log.
const notRecorded = -1

// resultField carries the result of a request in bulk, resultPreference is how an evaluation party asks for one (RFC 7240).
const (
	resultField      = "Result"
	resultPreference = "signed-result"
)

// signs reports whether the answer is signed: to everybody where results are signed at all, and to an evaluation party
// that asks for it, since what it does is to be measured without.
func (s *Server) signs(rq *request) bool {
	return s.config.Receipts != nil && (!rq.party.Evaluation || rq.prefers(resultPreference))
}

// prefers reports whether the client names a preference.
func (rq *request) prefers(preference string) bool {
	for _, list := range rq.ctx.Request.Header.PeekAll("Prefer") {
		for item := range strings.SplitSeq(string(list), ",") {
			name, _, _ := strings.Cut(item, ";")
			if strings.EqualFold(strings.TrimSpace(name), preference) {
				return true
			}
		}
	}
	return false
}

// draftOne begins the result of a single verification, about the record that matched. A refusal has none.
func (s *Server) draftOne(rq *request, outcome zhenni.Outcome, record zhenni.Credential, at time.Time) error {
	if !s.signs(rq) || outcome != zhenni.Match && outcome != zhenni.NoMatch {
		return nil
	}
	f := s.finding(rq, at)
	f.Outcome = outcome
	if outcome == zhenni.Match {
		f.Grounds = s.grounds(rq, record)
	}
	return s.draft(rq, f)
}

// draftMany begins the result of a request in bulk, which is signed only where it is recorded: it is the root of its leaf.
func (s *Server) draftMany(rq *request, at time.Time, items int) error {
	if !s.signs(rq) || !rq.inHand {
		return nil
	}
	f := s.finding(rq, at)
	f.Items = items
	return s.draft(rq, f)
}

func (s *Server) finding(rq *request, at time.Time) zhenni.Finding {
	return zhenni.Finding{
		Party: rq.party, Transaction: rq.transaction, At: at,
		Profile: s.by(rq).profile.ID, Unsupported: !s.by(rq).profile.Supported,
		Service: rq.terms.service, Purpose: rq.terms.purpose, Bound: rq.terms.bound,
	}
}

func (s *Server) draft(rq *request, f zhenni.Finding) (err error) {
	rq.draft, err = s.config.Receipts.Draft(f)
	return err
}

// methods are the words of RFC 8176 for the means, but for a look at a document, for which it has none.
var methods = map[zhenni.Means]string{
	zhenni.MeansFace: "face", zhenni.MeansVoice: "vbm", zhenni.MeansFingerprint: "fpt", zhenni.MeansPIN: "pin",
	zhenni.MeansPossession: "pop", zhenni.MeansCard: "sc", zhenni.MeansDocument: "document",
}

// matched returns the record of a credential that matched, where the answer is signed or for a service: what it asserts of the
// identity is then known. One that has changed since it was compared, and is not active any more, is asked about anew: nothing
// is said about a credential that is gone. So is one that was moved from the device by which something was signed.
func (s *Server) matched(rq *request, batch *zhenni.Batch) (zhenni.Credential, error) {
	if batch.Outcomes[0] != zhenni.Match || rq.terms.granted == nil && !s.signs(rq) {
		return zhenni.Credential{}, nil
	}
	c, err := s.current(rq, batch.IDs[0])
	if errors.Is(err, zhenni.ErrNotFound) || err == nil && c.Status != zhenni.StatusActive {
		return c, refuse(kindUnavailable, "the credential changed while it was verified")
	}
	if l := &rq.terms.looked; err == nil && l.found && c.Device != l.record.Device {
		return c, refuse(kindUnavailable, "the credential changed while it was verified")
	}
	if c.Subject.IsZero() {
		rq.terms.admission.Assertions.IdentityAuthentic = false
	}
	return c, err
}

// current returns the record of a credential as it is now. Where its slot has not changed since the look at its device, that is what
// was found then.
func (s *Server) current(rq *request, id zhenni.CredentialID) (zhenni.Credential, error) {
	if l := &rq.terms.looked; l.found && l.record.ID == id && s.config.Devices.Unchanged(id, l.since) {
		return l.record, nil
	}
	return s.node.Credential(id)
}

// grounds are what a yes about a credential rests on.
func (s *Server) grounds(rq *request, c zhenni.Credential) *zhenni.Grounds {
	if rq.terms.granted != nil {
		return admitted(c, &rq.terms.admission)
	}
	return &zhenni.Grounds{Credential: c, Level: c.Level, Methods: []string{methods[zhenni.Means(s.by(rq).profile.Model.Factor)]}}
}

// admitted are the grounds of a yes for a service: what the policy made of the evidence, and no more of the credential.
func admitted(c zhenni.Credential, a *zhenni.Admission) *zhenni.Grounds {
	g := &zhenni.Grounds{
		Credential: c, Level: a.Level, FMR: float64(a.FMR), Methods: make([]string, 0, len(methods)), Assertions: make([]string, 0, 3),
	}
	for m := range a.Means.All {
		g.Methods = append(g.Methods, methods[m])
	}
	for _, assertion := range []struct {
		word string
		made bool
	}{
		{"identity_authentic", a.Assertions.IdentityAuthentic},
		{"document_valid", a.Assertions.DocumentValid},
		{"same_person", a.Assertions.SamePerson},
	} {
		if assertion.made {
			g.Assertions = append(g.Assertions, assertion.word)
		}
	}
	return g
}

// sign completes the result, where one was begun.
func (s *Server) sign(rq *request, index int64, leaf [32]byte) error {
	if rq.draft == nil {
		return nil
	}
	var err error
	if rq.result, err = s.config.Receipts.Sign(rq.draft, index, leaf); err != nil {
		return err
	}
	if rq.party.Evaluation {
		rq.ctx.Response.Header.Set("Preference-Applied", resultPreference)
	}
	return nil
}

// withResult ends the document of an answer with its result.
func (rq *request) withResult(document []byte) []byte {
	if rq.result == nil {
		return document
	}
	answer := make([]byte, 0, len(document)+len(rq.result)+16)
	answer = append(answer, document[:len(document)-1]...)
	answer = append(append(answer, `,"result":"`...), rq.result...)
	return append(answer, `"}`...)
}

// setResult has the answer to a request in bulk carry its result.
func (rq *request) setResult() {
	if rq.result != nil {
		rq.ctx.Response.Header.SetBytesV(resultField, rq.result)
	}
}

// What is kept of an answer that was signed and can be asked for again: draftMark u8, length u16, draft, and what is kept of
// one that was not, which never begins with the mark. The result itself has its place in the log in it, which is not known
// when this is stored; signed again it is the same.

const draftMark = 0xff

// withDraft puts the draft before what is kept of an answer.
func (rq *request) withDraft(answer []byte) []byte {
	if rq.draft == nil || !rq.named {
		return answer
	}
	kept := append(make([]byte, 0, 3+len(rq.draft)+len(answer)), draftMark)
	kept = binary.BigEndian.AppendUint16(kept, uint16(len(rq.draft)))
	return append(append(kept, rq.draft...), answer...)
}

// recall takes the draft from a stored answer, if it has one, and signs it again. Where results are not signed any more, or
// not by its key, the answer is gone: it would be another.
func (s *Server) recall(rq *request, stored *zhenni.Answered) error {
	kept := stored.Answer
	if len(kept) == 0 || kept[0] != draftMark {
		return nil
	}
	if len(kept) < 3 || len(kept) < 3+int(binary.BigEndian.Uint16(kept[1:])) {
		return fmt.Errorf("%w: a stored answer whose draft is cut", zhenni.ErrCorrupt)
	}
	if s.config.Receipts == nil {
		return fmt.Errorf("%w: it was signed, and results are not signed any more", zhenni.ErrEvicted)
	}
	end := 3 + int(binary.BigEndian.Uint16(kept[1:]))
	rq.draft, stored.Answer = kept[3:end], kept[end:]
	return s.sign(rq, stored.LogIndex, stored.Leaf)
}

// Keys change rarely, and a new one is published before it signs.
const keysFresh = "public, max-age=300"

// resultKeys is GET /.well-known/jwks.json: the public keys of results.
func (s *Server) resultKeys(rq *request) error {
	if s.config.Receipts == nil {
		return refuse(kindNotFound, "")
	}
	return rq.writeKeys(s.config.Receipts.JWKS())
}

// sealingKeys is GET /.well-known/identity-keys.json: the public keys that identities and PINs are sealed to.
func (s *Server) sealingKeys(rq *request) error {
	if s.config.SealingKeys == nil {
		return refuse(kindNotFound, "")
	}
	return rq.writeKeys(s.config.SealingKeys)
}

func (rq *request) writeKeys(set []byte) error {
	rq.writeJSON(200, set)
	rq.ctx.Response.Header.SetContentType("application/jwk-set+json")
	rq.ctx.Response.Header.Set(fasthttp.HeaderCacheControl, keysFresh)
	return nil
}
