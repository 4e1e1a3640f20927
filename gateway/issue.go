package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"zhenni"
	"zhenni/identity"
)

// Identified is what is kept of an identity that was sealed for an issue.
type Identified struct {
	Subject zhenni.SubjectHandle
	NameTag zhenni.NameTag
	// Credential is the id of what the issue makes: the same for the same party and transaction, whatever else is sent, and
	// not to be told from a random one without the key.
	Credential zhenni.CredentialID
	// Absent is the id of no credential, and stands for the subject where there is no reference of it: the same for the same
	// subject, whoever asks, and not to be told from a random one without the key. It is made in every case.
	Absent zhenni.CredentialID
	// Sealing is [identity.Sealing] of the text.
	Sealing [sha256.Size]byte
}

// Identities opens sealed identities. Its methods may be called from several goroutines.
type Identities interface {
	// Identify opens an identity that a party sealed for a transaction of its own, and forgets it again. What is wrong with
	// it is an [identity.Fault]; any other error says that none can be opened now.
	Identify(sealed []byte, party, transaction string, today time.Time) (Identified, error)
}

// Subjects finds the credentials of subjects. Its methods may be called from several goroutines.
type Subjects interface {
	// Subject returns the live credential of a subject with a tenant: [zhenni.ErrNotFound].
	Subject(tenant zhenni.TenantID, subject zhenni.SubjectHandle) (zhenni.Credential, error)
	// SubjectCredentials returns the ids of all credentials of a subject with a tenant that are not erased, those that are over
	// too: [zhenni.ErrDeadline], [zhenni.ErrCorrupt] where it is not known that these are all.
	SubjectCredentials(ctx context.Context, tenant zhenni.TenantID, subject zhenni.SubjectHandle) ([]zhenni.CredentialID, error)
}

const (
	issueLevel = iota
	issueInt8
	issueFloat32
	issueProbeInt8
	issueProbeFloat32
	issueTransaction
	issueModel
	issueIdentity
	issueKind
	issueRegion
	issueUntil
	issueAlgorithm
	issueKey
	issueEvidence
	issueCapturedAt
	issueRotation
	issueFields
)

func newIssueFields() [issueFields]field {
	return [issueFields]field{
		{name: "level"}, {name: "reference_int8"}, {name: "reference_float32"}, {name: "probe_int8"}, {name: "probe_float32"},
		{name: "transaction"}, {name: "model"},
		{name: "identity"}, {name: "issue"}, {name: "region"}, {name: "valid_until"}, {name: "device_algorithm"}, {name: "device_key"},
		{name: "evidence", list: true}, {name: "captured_at"}, {name: "rotation_commitment"},
	}
}

// issuance is an issue in hand.
type issuance struct {
	command zhenni.Enrol
	// probe is the live capture that is to be proved, nil where there is none; capture is the SHA-256 of the bytes that it, or else
	// the template, came as.
	probe   []int8
	capture [sha256.Size]byte
	// absent is asked about in the place of a reference that is not there.
	absent zhenni.CredentialID
}

// issue is POST /v1/credentials: a credential for the person whose identity is sealed in the request. It may be sent again
// under its transaction, and is answered with the credential that it made. What the app asks for of a tenant whose references
// are held is issued to whom the face proves to be that person; see prove.
func (s *Server) issue(rq *request) error {
	body, err := s.readDocument(rq)
	if err != nil {
		return err
	}
	if s.config.Identities == nil || s.config.Subjects == nil {
		return refuse(kindNotFound, "this server issues no credentials to subjects")
	}
	s.digest(rq, mediaJSON, body)
	fields := newIssueFields()
	if err := parseDocument(body, fields[:]); err != nil {
		return err
	}
	if err := s.takeNames(rq, &fields[issueTransaction], &fields[issueModel]); err != nil {
		return err
	}
	var i issuance
	if err := s.readIssue(rq, &fields, &i); err != nil {
		return err
	}
	if err := s.identify(rq, &fields[issueIdentity], &i); err != nil {
		return err
	}
	if i.probe != nil {
		err = s.prove(rq, &i)
	} else {
		err = s.spendUnproved(rq, &i)
	}
	if err != nil {
		return err
	}
	return s.issueOne(rq, i.command)
}

// spendUnproved counts an issue of which no face is proved here against the quota of the party, holds it to its service and claims its
// capture; not one that is sent again. The quota is first, as begin has it: signatures are verified for nobody who has none left.
func (s *Server) spendUnproved(rq *request, i *issuance) error {
	made, err := s.made(rq, i)
	if err != nil || made {
		return err
	}
	if err := s.spend(rq, 1); err != nil {
		return err
	}
	if err := s.permitIssue(rq, i); err != nil {
		return err
	}
	return s.claimCapture(rq, i)
}

// issueOne makes the credential, and answers with it.
func (s *Server) issueOne(rq *request, command zhenni.Enrol) error {
	result, err := s.applyOne(command)
	if errors.Is(err, zhenni.ErrExists) {
		return refuse(kindReused, "")
	}
	if err != nil {
		return err
	}
	s.writeCredential(rq, 201, result.Credential)
	return nil
}

// readIssue reads all of an issue but the identity, and the live capture where there is one. A full credential and one by
// card are a terminal's to issue: there the card and its PIN were checked.
func (s *Server) readIssue(rq *request, f *[issueFields]field, i *issuance) (err error) {
	c := &i.command
	*c = zhenni.Enrol{Tenant: rq.party.Tenant, Model: s.by(rq).profile.Model.ID, At: s.config.Now()}
	level, ok := readLevel(f[issueLevel].value)
	if !ok || f[issueLevel].number {
		return refuse(kindItem, "level is neither lite nor full")
	}
	if f[issueKind].value != nil && (f[issueKind].number || c.Issue.UnmarshalText(f[issueKind].value) != nil) {
		return refuse(kindItem, "issue is none of ordinary, card and reenrolment")
	}
	if (level == zhenni.LevelFull || c.Issue == zhenni.IssueByCard) && !rq.party.Roles.Has(zhenni.RoleTerminal) {
		return refuse(kindRole, "a full credential, or one by card, is issued by a terminal")
	}
	c.Level = level
	if f[issueRegion].number {
		return refuse(kindItem, "region is not a text of six digits")
	}
	if c.Region, err = zhenni.ParseRegion(string(f[issueRegion].value)); err != nil {
		return refuse(kindItem, "region is not six digits of GB/T 2260")
	}
	if c.ValidUntil, err = readUntil(&f[issueUntil], c.At); err != nil {
		return err
	}
	if c.Device, err = readDevice(&f[issueAlgorithm], &f[issueKey]); err != nil {
		return err
	}
	if c.Rotation, err = readCommitment(&f[issueRotation]); err != nil {
		return err
	}
	return s.readTemplates(rq, f, i)
}

// readUntil reads an end of validity, which is after at; absent it is none.
func readUntil(f *field, at time.Time) (time.Time, error) {
	if f.value == nil {
		return time.Time{}, nil
	}
	until, err := time.Parse(time.RFC3339, string(f.value))
	if err != nil || f.number || !until.After(at) {
		return time.Time{}, refuse(kindItem, f.name+" is not a time to come, as 2030-01-31T00:00:00Z")
	}
	return until, nil
}

// readDevice reads the public key of a device from its two fields; absent they are no device.
func readDevice(algorithm, key *field) (zhenni.PublicKey, error) {
	if algorithm.value == nil && key.value == nil {
		return zhenni.PublicKey{}, nil
	}
	bad := refuse(kindItem, algorithm.name+" and "+key.name+" are not a public key: want ed25519 or p256, and base64 of 32 bytes or a point")
	var named zhenni.KeyAlgorithm
	switch string(algorithm.value) {
	case zhenni.KeyEd25519.String():
		named = zhenni.KeyEd25519
	case zhenni.KeyP256.String():
		named = zhenni.KeyP256
	}
	const uncompressed = 65
	point, ok := base64Bytes(key.value, uncompressed)
	if !ok || algorithm.number || key.number {
		return zhenni.PublicKey{}, bad
	}
	public, err := zhenni.NewPublicKey(named, point)
	if err != nil {
		return zhenni.PublicKey{}, bad
	}
	return public, nil
}

// identify completes an issue by the person whose identity is sealed for its transaction, and by the credential that the
// person has. Nothing of the identity is kept or shown but what the command holds.
func (s *Server) identify(rq *request, sealed *field, i *issuance) error {
	c := &i.command
	switch {
	case !rq.named:
		return refuse(kindSyntax, "an issue wants a transaction id, for which the identity is sealed")
	case sealed.value == nil || sealed.number:
		return refuse(kindItem, "identity is not a sealed text")
	}
	if err := s.refuseStopped(rq); err != nil {
		return err
	}
	who, err := s.config.Identities.Identify(sealed.value, rq.party.ID, rq.transaction, c.At)
	var fault identity.Fault
	if errors.As(err, &fault) {
		return refuse(kindIdentity, fault.Error())
	}
	if err != nil {
		return refuse(kindUnavailable, "no identity can be opened")
	}
	if err := s.claimSealing(rq, sealed.value, who.Sealing); err != nil {
		return err
	}
	c.ID, c.Subject, c.NameTag, i.absent = who.Credential, who.Subject, who.NameTag, who.Absent
	live, held, err := s.liveOf(c.Tenant, c.Subject)
	if held {
		c.Replaces = live.ID
	}
	return err
}
