package gateway

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"zhenni"
	"zhenni/gateway/httpsig"
)

// PartyRecord is the JSON form of a relying party on the admin routes. The hash of its API key goes in and never out.
type PartyRecord struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Tenant     zhenni.TenantID `json:"tenant"`
	Roles      []string        `json:"roles"`
	Evaluation bool            `json:"evaluation"`
	Suspended  bool            `json:"suspended,omitempty"`
	CreatedAt  time.Time       `json:"created_at,omitzero"`
	// KeySHA256 is the SHA-256 of the secret of the API key in hexadecimal, empty where there is none: the secret itself
	// never leaves the command that made it.
	KeySHA256    string              `json:"key_sha256,omitempty"`
	Keys         []KeyRecord         `json:"keys,omitempty"`
	Certificates []CertificateRecord `json:"certificates,omitempty"`
	Sector       string              `json:"sector,omitempty"`
	Services     []string            `json:"services,omitempty"`
	// PerMinute and PerDay are the quota in items, 0 for no bound.
	PerMinute uint32 `json:"per_minute,omitempty"`
	PerDay    uint64 `json:"per_day,omitempty"`
	// StoppedAt is when it was stopped for what it asked, until an operator lifts that; it only goes out.
	StoppedAt time.Time `json:"stopped_at,omitzero"`
}

// KeyRecord is a public key of a relying party as a JSON Web Key. On the way out the key names itself in kid.
type KeyRecord struct {
	JWK      json.RawMessage `json:"jwk"`
	NotAfter time.Time       `json:"not_after,omitzero"`
}

// CertificateRecord is a TLS client certificate, by the SHA-256 of its DER form in hexadecimal.
type CertificateRecord struct {
	SHA256   string    `json:"sha256"`
	NotAfter time.Time `json:"not_after,omitzero"`
}

// NewPartyRecord is the form of p that is shown: without the hash of its API key.
func NewPartyRecord(p zhenni.RelyingParty) PartyRecord {
	r := PartyRecord{
		ID: p.ID, Name: p.Name, Tenant: p.Tenant, Roles: p.Roles.Words(), Evaluation: p.Evaluation, Suspended: p.Suspended, CreatedAt: p.CreatedAt,
		Sector: p.Sector, Services: p.Services, PerMinute: p.Quota.PerMinute, PerDay: p.Quota.PerDay,
		StoppedAt: p.Stopped,
	}
	for _, k := range p.Keys {
		r.Keys = append(r.Keys, KeyRecord{k.Public.JWK(), k.NotAfter})
	}
	for _, c := range p.Certificates {
		r.Certificates = append(r.Certificates, CertificateRecord{hex.EncodeToString(c.Hash[:]), c.NotAfter})
	}
	return r
}

// party checks r and returns the relying party it describes: [zhenni.ErrBadValue].
func (r PartyRecord) party(now time.Time) (zhenni.RelyingParty, error) {
	p := zhenni.RelyingParty{
		ID: r.ID, Name: r.Name, Tenant: r.Tenant, Evaluation: r.Evaluation, Suspended: r.Suspended, CreatedAt: now,
		Sector: r.Sector, Services: r.Services, Quota: zhenni.Quota{PerMinute: r.PerMinute, PerDay: r.PerDay},
	}
	for _, word := range r.Roles {
		role, err := zhenni.ParseRole(word)
		if err != nil {
			return p, err
		}
		p.Roles |= role
	}
	if r.KeySHA256 == "" && len(r.Keys)+len(r.Certificates) == 0 {
		return p, fmt.Errorf("%w: key_sha256, keys and certificates are missing: nothing would prove who asks", zhenni.ErrBadValue)
	}
	if err := r.addProofs(&p); err != nil {
		return p, err
	}
	return p, p.Validate()
}

// addProofs reads what proves that p asks.
func (r PartyRecord) addProofs(p *zhenni.RelyingParty) error {
	if r.KeySHA256 != "" && !readHash(&p.KeyHash, r.KeySHA256) {
		return fmt.Errorf("%w: key_sha256 is not 64 hexadecimal digits", zhenni.ErrBadValue)
	}
	for _, k := range r.Keys {
		public, err := readJWK(k.JWK)
		if err != nil {
			return err
		}
		p.Keys = append(p.Keys, zhenni.PartyKey{Public: public, NotAfter: k.NotAfter})
	}
	for i, c := range r.Certificates {
		added := zhenni.PartyCertificate{NotAfter: c.NotAfter}
		if !readHash(&added.Hash, c.SHA256) {
			return fmt.Errorf("%w: sha256 of certificate %d is not 64 hexadecimal digits", zhenni.ErrBadValue, i)
		}
		p.Certificates = append(p.Certificates, added)
	}
	return nil
}

func readHash(hash *[32]byte, written string) bool {
	decoded, err := hex.DecodeString(written)
	return err == nil && copy(hash[:], decoded) == len(hash) && len(decoded) == len(hash)
}

func readJWK(document []byte) (zhenni.PublicKey, error) {
	key, err := httpsig.ParseJWK(document)
	if err != nil {
		return zhenni.PublicKey{}, err
	}
	public, _ := key.Public() // no JWK is of a session key
	return public, nil
}

func (a *Admin) listParties(*http.Request) (any, error) {
	parties, err := a.operator.RelyingParties()
	if err != nil {
		return nil, err
	}
	records := make([]PartyRecord, len(parties))
	for i, p := range parties {
		records[i] = NewPartyRecord(p)
	}
	return map[string]any{"relying_parties": records}, nil
}

// putParty is PUT /admin/relying-parties/{id}. A party of another tenant is never replaced, nor one that was removed.
func (a *Admin) putParty(r *http.Request) (any, error) {
	var record PartyRecord
	if err := readAdmin(r.Body, &record); err != nil {
		return nil, err
	}
	if record.ID != r.PathValue("id") {
		return nil, fmt.Errorf("%w: id is not the one of the address", zhenni.ErrBadValue)
	}
	party, err := record.party(a.now())
	if err != nil {
		return nil, err
	}
	party, err = a.registry.put(r.Context(), party)
	return NewPartyRecord(party), err
}

func (a *Admin) removeParty(r *http.Request) (any, error) {
	return struct{}{}, a.registry.remove(r.Context(), r.PathValue("id"), nil)
}

// suspendParty is POST /admin/relying-parties/{id}/suspend, and …/resume, which ends a stop for what the party asked, too.
func (a *Admin) suspendParty(suspended bool) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		id := r.PathValue("id")
		if !suspended && a.limiter != nil {
			if err := a.limiter.Lift(id); err != nil && !errors.Is(err, zhenni.ErrNotFound) {
				return nil, err
			}
		}
		party, err := a.registry.suspend(r.Context(), id, suspended)
		return NewPartyRecord(party), err
	}
}

// KeyChangeRecord is the JSON form of a [zhenni.KeyChange] on the admin routes.
type KeyChangeRecord struct {
	Add     []json.RawMessage `json:"add,omitempty"`
	Retire  []string          `json:"retire,omitempty"`
	Replace bool              `json:"replace,omitempty"`
	// GraceSeconds is how long a retired key is still taken, at most a year.
	GraceSeconds int64 `json:"grace_seconds"`
}

// NewKeyChangeRecord is the form of a change.
func NewKeyChangeRecord(c zhenni.KeyChange) KeyChangeRecord {
	r := KeyChangeRecord{Retire: c.Retire, Replace: c.Replace, GraceSeconds: int64(c.Grace / time.Second)}
	for _, public := range c.Add {
		r.Add = append(r.Add, public.JWK())
	}
	return r
}

func (r KeyChangeRecord) change() (zhenni.KeyChange, error) {
	const year = 366 * 24 * 3600
	if r.GraceSeconds < 0 || r.GraceSeconds > year {
		return zhenni.KeyChange{}, fmt.Errorf("%w: grace_seconds %d: want 0–%d", zhenni.ErrBadValue, r.GraceSeconds, year)
	}
	c := zhenni.KeyChange{Retire: r.Retire, Replace: r.Replace, Grace: time.Duration(r.GraceSeconds) * time.Second}
	for _, document := range r.Add {
		public, err := readJWK(document)
		if err != nil {
			return c, err
		}
		c.Add = append(c.Add, public)
	}
	return c, nil
}

// changeKeys is POST /admin/relying-parties/{id}/keys.
func (a *Admin) changeKeys(r *http.Request) (any, error) {
	var record KeyChangeRecord
	if err := readAdmin(r.Body, &record); err != nil {
		return nil, err
	}
	change, err := record.change()
	if err != nil {
		return nil, err
	}
	party, err := a.registry.change(r.Context(), r.PathValue("id"), func(p zhenni.RelyingParty) (zhenni.RelyingParty, error) {
		return p.WithKeys(change, a.now())
	})
	return NewPartyRecord(party), err
}
