package gateway

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"time"

	"zhenni"
	"zhenni/evidence"
	"zhenni/identity"
	"zhenni/identity/pin"
)

// PINs keeps the PINs of credentials. Its methods may be called from several goroutines.
type PINs interface {
	// OpenPIN opens a PIN that was sealed for a transaction of a party. What is wrong with it is an [identity.Fault] or a
	// [pin.Fault]; any other error says that none can be opened now. The digits are the caller's to forget.
	OpenPIN(sealed []byte, party, transaction string) (pin.Digits, error)
	// Holder opens an identity that was sealed likewise, for whose it is and the date of birth, and forgets it again.
	Holder(sealed []byte, party, transaction string, today time.Time) (zhenni.SubjectHandle, time.Time, error)
	// Salt returns the salt of the PIN that a party sets by a sealed text: the same for the same arguments, and not to be
	// foretold. Its first half is that of the transaction, whatever is sealed.
	Salt(sealed []byte, party, transaction string) [pin.SaltSize]byte
	// Admit takes a turn to compute: [zhenni.ErrOverloaded].
	Admit() (*pin.Turn, error)
	// Stale reports whether a verifier is not as one made now would be.
	Stale(v pin.Verifier) bool
	// PIN returns what is kept of a credential's PIN, of whatever tenant: [zhenni.ErrNotFound].
	PIN(id zhenni.CredentialID) (zhenni.PIN, error)
}

// refusePIN is the error of a sealed text that was opened for the sake of a PIN.
func refusePIN(err error) error {
	var sealed identity.Fault
	var digits pin.Fault
	switch {
	case errors.As(err, &sealed):
		return refuse(kindPIN, sealed.Error())
	case errors.As(err, &digits):
		return refuse(kindPIN, digits.Error())
	}
	return refuse(kindUnavailable, "no PIN can be opened")
}

const (
	setSealed = iota
	setIdentity
	setTransaction
	setEvidence
	setFields
)

// setPIN is POST /v1/credentials/{id}/pin, by an issuer or a terminal. It clears the count of attempts, once: sent again under
// its transaction it gets the stored answer, whatever was set since.
func (s *Server) setPIN(rq *request) error {
	body, err := s.readDocument(rq)
	if err != nil {
		return err
	}
	if s.config.PINs == nil {
		return refuse(kindNotFound, "this server keeps no PINs")
	}
	s.digest(rq, mediaJSON, body)
	fields := [setFields]field{{name: "pin"}, {name: "identity"}, {name: "transaction"}, {name: "evidence", list: true}}
	if err := s.readSetting(rq, body, &fields); err != nil {
		return err
	}
	stored, err := s.begin(rq, 1)
	if err != nil {
		return err
	}
	if stored != nil {
		return rq.replayOne(stored)
	}
	defer s.drop(rq)
	credential, err := s.pinnedCredential(rq)
	if err != nil {
		return err
	}
	if err := s.permitPIN(rq, credential, fields[setSealed].value); err != nil {
		return err
	}
	if credential, err = s.givePIN(rq, credential, fields[setSealed].value, fields[setIdentity].value); err != nil {
		return err
	}
	return s.settlePIN(rq, credential)
}

// readSetting reads the document of a PIN to be set.
func (s *Server) readSetting(rq *request, body []byte, fields *[setFields]field) error {
	if err := parseDocument(body, fields[:]); err != nil {
		return err
	}
	if err := s.takeNames(rq, &fields[setTransaction], &field{}); err != nil {
		return err
	}
	switch sealed, who := &fields[setSealed], &fields[setIdentity]; {
	case !rq.named:
		return refuse(kindSyntax, "a PIN wants a transaction id, for which it is sealed")
	case sealed.value == nil || sealed.number || who.number:
		return refuse(kindItem, "pin, or identity, is not a sealed text")
	}
	return rq.takeEvidence(&fields[setEvidence], &field{})
}

// permitPIN holds a PIN that a terminal sets to what the terminal saw, where terminals have to prove what they bring: that the chip of the
// card answered, or that somebody looked at the document, for this credential and the PIN as it is sealed. A PIN counts where the face
// is not asked for, so whoever sets one to their liking comes near to being the person. Elsewhere evidence is not looked at, as with
// an issue.
func (s *Server) permitPIN(rq *request, c zhenni.Credential, sealed []byte) error {
	if !s.heldTerminal(rq) {
		return nil
	}
	service, err := s.heldTo(s.config.TerminalIssueService)
	if err != nil {
		return err
	}
	var shown zhenni.Shown
	byDevice, err := s.readTokens(rq, evidence.Expected{
		Subject: c.ID, Capture: sha256.Sum256(sealed), Transaction: rq.transaction, Party: rq.party.ID, Nonce: rq.nonce, MaxAge: service.EvidenceMaxAge(),
	}, nil, s.config.Now(), &shown)
	switch {
	case err != nil:
		return err
	case len(byDevice) > 0:
		return refuse(kindEvidence, "evidence: a PIN is set on what a terminal saw: a device signs nothing for it")
	case !shown.Others.Has(zhenni.MeansCard) && !shown.Others.Has(zhenni.MeansDocument):
		return refuse(kindEvidence, "evidence: a PIN wants a terminal's token on card or document")
	}
	return nil
}

// settlePIN answers with the credential once that is recorded. Between the change and the record the process may end: the
// transaction is then sent again, and finds its salt.
func (s *Server) settlePIN(rq *request, c zhenni.Credential) error {
	answer := s.credentialDocument(rq, c)
	if rq.inHand {
		err := s.settle(rq, time.Now().Add(s.config.BatchTimeout), zhenni.Decision{
			Change: true, At: s.config.Now(), IDs: []zhenni.CredentialID{c.ID}, Outcomes: []zhenni.Outcome{zhenni.Pending},
			Answer: storedSingle(200, answer),
		})
		if err != nil {
			return err
		}
	}
	rq.writeJSON(200, answer)
	return nil
}

// pinnedCredential returns the credential whose PIN the party may set. That of a full one is a terminal's to set.
func (s *Server) pinnedCredential(rq *request) (c zhenni.Credential, err error) {
	id, err := rq.credentialID()
	if err != nil {
		return c, err
	}
	if c, err = s.owned(rq, id); err != nil {
		return c, err
	}
	if c.Level == zhenni.LevelFull && !rq.party.Roles.Has(zhenni.RoleTerminal) {
		return c, refuse(kindRole, "the PIN of a full credential is set at a terminal")
	}
	return c, nil
}

// givePIN has a credential's PIN be the sealed one, unless that is what the transaction has done already.
func (s *Server) givePIN(rq *request, c zhenni.Credential, sealed, who []byte) (zhenni.Credential, error) {
	digits, err := s.chosenPIN(rq, c, sealed, who)
	if err != nil {
		return c, err
	}
	defer digits.Forget()
	salt := s.config.PINs.Salt(sealed, rq.party.ID, rq.transaction)
	if done, err := s.hasPIN(c.ID, salt); done || err != nil {
		return c, err
	}
	turn, err := s.config.PINs.Admit()
	if err != nil {
		return c, err
	}
	defer turn.End()
	verifier, err := turn.Make(digits, pin.Binding{Credential: c.ID, Generation: c.Generation}, salt)
	if err != nil {
		return c, err
	}
	result, err := s.applyOne(zhenni.SetPIN{
		ID: c.ID, Tenant: c.Tenant, Verifier: verifier.Append(nil), Generation: c.Generation, At: s.config.Now(),
	})
	return result.Credential, err
}

// chosenPIN opens a PIN that is not weak, as far as is known whose it is. With an identity that is not of the credential's
// subject there is no such credential: whose else it is is not said.
func (s *Server) chosenPIN(rq *request, c zhenni.Credential, sealed, who []byte) (pin.Digits, error) {
	var birth time.Time
	if who != nil {
		subject, born, err := s.config.PINs.Holder(who, rq.party.ID, rq.transaction, s.config.Now())
		if err != nil {
			return pin.Digits{}, refusePIN(err)
		}
		if c.Subject.IsZero() || subject != c.Subject {
			return pin.Digits{}, refuse(kindNoCredential, "")
		}
		birth = born
	}
	digits, err := s.unsealPIN(rq, sealed)
	if err != nil {
		return pin.Digits{}, err
	}
	if err := digits.Weak(birth); err != nil {
		digits.Forget()
		return pin.Digits{}, refusePIN(err)
	}
	return digits, nil
}

// hasPIN reports whether a credential's PIN was set with that salt. One of the same transaction that was set by another text is
// [kindReused].
func (s *Server) hasPIN(id zhenni.CredentialID, salt [pin.SaltSize]byte) (bool, error) {
	kept, err := s.config.PINs.PIN(id)
	if errors.Is(err, zhenni.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	verifier, err := pin.ParseVerifier(kept.Verifier)
	if err != nil {
		return false, nil // a new one makes up for it
	}
	switch with := verifier.Salt(); {
	case with == salt:
		return true, nil
	case bytes.Equal(with[:pin.SaltSize/2], salt[:pin.SaltSize/2]):
		return false, refuse(kindReused, "")
	}
	return false, nil
}
