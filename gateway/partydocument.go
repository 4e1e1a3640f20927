package gateway

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"zhenni"
)

// The fields of a new party.
const (
	partyID = iota
	partyTenant
	partyRoles
	partySector
	partyKeys
	partyName
	partyServices
	partyPerMinute
	partyPerDay
	partyCertificates
	partyFieldCount
)

// The fields of a change to a party: its version, and what may change of it, as a new party has it.
const (
	changeVersion = iota
	changeName
	changeServices
	changePerMinute
	changePerDay
	changeCertificates
	changeFieldCount
)

// The fields of a change of keys. Only what a party asks for itself has the last.
const (
	keyKeys = iota
	keyGrace
	keyPossession
	keyFieldCount
)

func partyFields() [partyFieldCount]field {
	terms := changeFields()
	return [partyFieldCount]field{
		{name: "id"}, {name: "tenant"}, {name: "roles", list: true}, {name: "sector"}, keyFields()[keyKeys],
		terms[changeName], terms[changeServices], terms[changePerMinute], terms[changePerDay], terms[changeCertificates],
	}
}

func changeFields() [changeFieldCount]field {
	return [changeFieldCount]field{
		{name: "version"}, {name: "name"}, {name: "services", list: true, elements: zhenni.MaxPartyServices},
		{name: "per_minute"}, {name: "per_day"}, {name: "certificates", list: true, elements: zhenni.MaxPartyKeys},
	}
}

func keyFields() [keyFieldCount]field {
	return [keyFieldCount]field{
		{name: "keys", list: true, objects: true, elements: zhenni.MaxPartyKeys}, {name: "grace_seconds"}, {name: "possession"},
	}
}

// readPartyDocument reads a document about a party.
func (s *Server) readPartyDocument(rq *request, fields []field) error {
	if s.config.Registry == nil {
		return refuse(kindNotFound, "")
	}
	if !hasMedia(rq, mediaJSON) {
		return refuse(kindMedia, "")
	}
	body, err := rq.readBody(min(s.config.MaxBodyBytes, maxAdminBytes), documentWeight)
	if err != nil {
		return err
	}
	return parseDocument(body, fields)
}

// readParty reads a new party, which is of the tenant and the kind of its operator.
func readParty(f *[partyFieldCount]field, operator zhenni.RelyingParty) (p zhenni.RelyingParty, err error) {
	p.Tenant, p.Evaluation = operator.Tenant, operator.Evaluation
	if t := &f[partyTenant]; t.value != nil && (!t.number || string(t.value) != strconv.FormatUint(uint64(p.Tenant), 10)) {
		return p, refuse(kindItem, "tenant is not the one of who asks: leave it out")
	}
	if p.ID, err = nameOf(&f[partyID]); err != nil {
		return p, err
	}
	if f[partySector].value != nil {
		if p.Sector, err = nameOf(&f[partySector]); err != nil {
			return p, err
		}
	}
	for _, word := range f[partyRoles].items {
		role, err := zhenni.ParseRole(string(word))
		if err != nil {
			return p, refuse(kindItem, "roles has a word other than verifier, issuer, terminal and auditor")
		}
		p.Roles |= role
	}
	if p.Roles.Has(zhenni.RoleOperator) {
		return p, refuse(kindOperator, "")
	}
	if p.Roles == 0 {
		return p, refuse(kindItem, "roles names no role")
	}
	added, err := readKeys(&f[partyKeys])
	for _, public := range added {
		p.Keys = append(p.Keys, zhenni.PartyKey{Public: public})
	}
	if err != nil {
		return p, err
	}
	return readTerms((*[changeFieldCount - 1]field)(f[partyName:]), p)
}

// readChange reads what a party becomes.
func readChange(f *[changeFieldCount]field, p zhenni.RelyingParty) (zhenni.RelyingParty, error) {
	return readTerms((*[changeFieldCount - 1]field)(f[changeName:]), p)
}

// readTerms reads what may change of a party. What the document does not name stays.
func readTerms(f *[changeFieldCount - 1]field, p zhenni.RelyingParty) (zhenni.RelyingParty, error) {
	name, services := &f[changeName-1], &f[changeServices-1]
	var err error
	if name.value != nil {
		if p.Name, err = textOf(name); err != nil {
			return p, err
		}
	}
	if services.value != nil {
		p.Services = nil
		for _, service := range services.items {
			if !zhenni.ValidGrant(string(service)) {
				return p, refuse(kindItem, "services has one that is neither ID nor ID:PURPOSE, each 1–64 of a–z 0–9 - _ .")
			}
			p.Services = append(p.Services, string(service))
		}
	}
	perMinute, err := countOf(&f[changePerMinute-1], uint64(p.Quota.PerMinute), 1<<32-1)
	if err != nil {
		return p, err
	}
	p.Quota.PerMinute = uint32(perMinute)
	if p.Quota.PerDay, err = countOf(&f[changePerDay-1], p.Quota.PerDay, 1<<53); err != nil {
		return p, err
	}
	if p, err = readCertificates(&f[changeCertificates-1], p); err != nil {
		return p, err
	}
	return p, refusalOfParty(p.Validate())
}

// readCertificates reads the SHA-256 of certificates. One that the party has already ends when it did.
func readCertificates(f *field, p zhenni.RelyingParty) (zhenni.RelyingParty, error) {
	if f.value == nil {
		return p, nil
	}
	had := p.Certificates
	p.Certificates = nil
	for _, written := range f.items {
		var named zhenni.PartyCertificate
		if !readHash(&named.Hash, string(written)) || strings.ToLower(string(written)) != string(written) {
			return p, refuse(kindItem, "certificates has one that is not 64 hexadecimal digits in lower case")
		}
		for _, c := range had {
			if c.Hash == named.Hash {
				named = c
			}
		}
		p.Certificates = append(p.Certificates, named)
	}
	return p, nil
}

// readKeys reads public keys.
func readKeys(f *field) (keys []zhenni.PublicKey, err error) {
	for i, document := range f.items {
		public, err := readJWK(document)
		if err != nil {
			return nil, refuse(kindItem, "keys, at "+strconv.Itoa(i)+": "+publicText(err))
		}
		keys = append(keys, public)
	}
	return keys, nil
}

// maxGrace is the longest time in seconds that a retired key is still taken, a year.
const maxGrace = 366 * 24 * 3600

// readKeyChange reads keys to add. With a grace, those that the party had are retired.
func readKeyChange(f *[keyFieldCount]field) (change zhenni.KeyChange, err error) {
	if change.Add, err = readKeys(&f[keyKeys]); err != nil {
		return change, err
	}
	if len(change.Add) == 0 {
		return change, refuse(kindItem, "keys is missing or empty")
	}
	change.Replace = f[keyGrace].value != nil
	change.Grace, err = graceOf(&f[keyGrace])
	return change, err
}

// readRetirement reads the key of the path, and the grace of the document where there is one.
func (s *Server) readRetirement(rq *request) (change zhenni.KeyChange, err error) {
	fields := [1]field{{name: "grace_seconds"}}
	if !rq.bodyRead {
		if err := s.readPartyDocument(rq, fields[:]); err != nil {
			return change, err
		}
	}
	id, _ := rq.ctx.UserValue("key").(string)
	change.Retire = []string{id}
	change.Grace, err = graceOf(&fields[0])
	return change, err
}

func graceOf(f *field) (time.Duration, error) {
	seconds, err := countOf(f, 0, maxGrace)
	return time.Duration(seconds) * time.Second, err
}

// textOf reads a field that has to be there.
func textOf(f *field) (string, error) {
	if f.value == nil || f.number {
		return "", refuse(kindItem, f.name+" is missing or not a string")
	}
	return string(f.value), nil
}

// nameOf reads a field that has to be a [zhenni.ValidName].
func nameOf(f *field) (string, error) {
	if f.value == nil || f.number || !zhenni.ValidName(string(f.value)) {
		return "", refuse(kindItem, f.name+" is not 1–64 of a–z 0–9 - _ .")
	}
	return string(f.value), nil
}

// countOf reads a number from 0, which is absent where the field is.
func countOf(f *field, absent, most uint64) (uint64, error) {
	if f.value == nil {
		return absent, nil
	}
	n, err := strconv.ParseUint(string(f.value), 10, 64)
	if err != nil || !f.number || n > most {
		return 0, refuse(kindItem, f.name+" is not an integer of 0–"+strconv.FormatUint(most, 10))
	}
	return n, nil
}

// refusalOfParty tells what of a party is out of range, and nothing of whose it is that is taken.
func refusalOfParty(err error) error {
	var known *refusal
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, zhenni.ErrBadValue):
		return refuse(kindItem, publicText(err))
	case errors.Is(err, zhenni.ErrExists):
		return refuse(kindTaken, "")
	case errors.Is(err, zhenni.ErrNotFound):
		return refuse(kindNoParty, "")
	}
	return err
}

// publicText is the text of an error about a value: it names the field, and no value but names of the form that all have.
func publicText(err error) string {
	return strings.TrimPrefix(err.Error(), zhenni.ErrBadValue.Error()+": ")
}

// A shownParty is the JSON form of a party on the routes of operators and its own.
type shownParty struct {
	PartyRecord
	// Version names what is shown: a change says which it was made of.
	Version string `json:"version"`
}

// appendParty writes what is kept of a party. The hash of an API key is not.
func appendParty(dst []byte, p zhenni.RelyingParty) []byte {
	text, err := json.Marshal(shownParty{NewPartyRecord(p), partyVersion(p)})
	if err != nil {
		panic(err) // a record is of strings, numbers and times of this age
	}
	return append(dst, text...)
}

func (s *Server) writeParty(rq *request, status int, p zhenni.RelyingParty) {
	answer := appendParty(nil, p)
	answer = append(answer[:len(answer)-1], `,"transaction":"`...)
	rq.writeJSON(status, append(append(answer, rq.transaction...), `"}`...))
}
