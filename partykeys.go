package zhenni

import (
	"fmt"
	"slices"
	"time"
)

// roleWords are the written forms of the roles, in their order.
var roleWords = [...]struct {
	role Role
	word string
}{
	{RoleVerifier, "verifier"}, {RoleIssuer, "issuer"}, {RoleTerminal, "terminal"}, {RoleAuditor, "auditor"}, {RoleOperator, "operator"},
}

// ParseRole reads the word for a role: [ErrBadValue].
func ParseRole(word string) (Role, error) {
	for _, w := range roleWords {
		if w.word == word {
			return w.role, nil
		}
	}
	return 0, fmt.Errorf("%w: role %q: want verifier, issuer, terminal, auditor or operator", ErrBadValue, word)
}

// Words are the written forms of the roles in r, never nil.
func (r Role) Words() []string {
	words := []string{}
	for _, w := range roleWords {
		if r.Has(w.role) {
			words = append(words, w.word)
		}
	}
	return words
}

// open reports whether something that ends with notAfter, which is zero for never, has not ended at a time.
func open(notAfter, at time.Time) bool { return notAfter.IsZero() || !at.After(notAfter) }

// Open reports whether the key is taken at a time.
func (k PartyKey) Open(at time.Time) bool { return open(k.NotAfter, at) }

// Open reports whether the certificate is taken at a time.
func (c PartyCertificate) Open(at time.Time) bool { return open(c.NotAfter, at) }

// A KeyChange rotates the keys of a relying party.
type KeyChange struct {
	// Add are keys that it has from now on, without an end.
	Add []PublicKey
	// Retire are keys by their [PublicKey.ID]; Replace retires every key that Add does not have.
	Retire  []string
	Replace bool
	// Grace is how long a retired key is still taken. It shortens what a key had left, and never lengthens it.
	Grace time.Duration
}

// WithKeys returns p, whose slices stay as they are, with its keys changed at a time; those that have ended by then are
// left out. It fails with [ErrNotFound] where a key to retire is not there, and with the errors of Validate.
func (p RelyingParty) WithKeys(c KeyChange, at time.Time) (RelyingParty, error) {
	end := at.Add(c.Grace)
	var keys []PartyKey
	for _, k := range p.Keys {
		if !k.Open(at) || slices.Contains(c.Add, k.Public) {
			continue
		}
		if retired := c.Replace || slices.Contains(c.Retire, k.Public.ID()); retired && k.Open(end) {
			k.NotAfter = end
		}
		keys = append(keys, k)
	}
	for _, id := range c.Retire {
		if !slices.ContainsFunc(keys, func(k PartyKey) bool { return k.Public.ID() == id }) {
			return p, fmt.Errorf("%w: relying party %s has no key %s to retire", ErrNotFound, p.ID, id)
		}
	}
	for _, added := range c.Add {
		keys = append(keys, PartyKey{Public: added})
	}
	p.Keys = keys
	return p, p.Validate()
}

// Replaces reports why p may not take the place of a party: it would leave its tenant, and what is stored under its id would
// be known to another one ([ErrExists]).
func (p RelyingParty) Replaces(old RelyingParty) error {
	if old.Tenant != p.Tenant {
		return fmt.Errorf("%w: relying party %s is one of tenant %d, and an id stays with its tenant: choose another id", ErrExists, p.ID, old.Tenant)
	}
	return nil
}

// OfOneKind reports whether p and the others of its tenant are all of evaluation, or none of them: [ErrBadValue]. A party of
// evaluation has no limits, and must not reach the people of one that has.
func (p RelyingParty) OfOneKind(parties []RelyingParty) error {
	for _, other := range parties {
		if other.ID != p.ID && other.Tenant == p.Tenant && other.Evaluation != p.Evaluation {
			return fmt.Errorf("%w: tenant %d has relying party %s: parties of a tenant are all of evaluation, or none is; use another tenant",
				ErrBadValue, p.Tenant, other.ID)
		}
	}
	return nil
}

// InPlaceOf returns p as it takes the place of a party of its id: one that an operator suspended stays so.
func (p RelyingParty) InPlaceOf(old RelyingParty) RelyingParty {
	p.Suspended = p.Suspended || old.Suspended
	return p
}
