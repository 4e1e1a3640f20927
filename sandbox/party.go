package sandbox

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"zhenni"
	"zhenni/holder"
)

// Party is a relying party of every sandbox. The files of its keys are named from the folder of the sandbox.
type Party struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Roles    []string `json:"roles"`
	Services []string `json:"services,omitempty"`
	// APIKey holds the key of the field Authorization, and SigningKey a private one for signed requests and the assertions of a
	// client of OpenID Connect: PKCS #8 in PEM, Ed25519. Terminal is of a terminal, for zhenni terminal.
	APIKey     string `json:"api_key_file"`
	SigningKey string `json:"signing_key_file"`
	Terminal   string `json:"terminal_key_file,omitempty"`
}

// Persons is the party on whose behalf persons ask each other.
const Persons = "person"

// parties are those of every sandbox.
var parties = []Party{
	{ID: "registry", Name: "登记处", Roles: []string{"issuer"}},
	{ID: "clerk", Name: "政务服务中心", Roles: []string{"verifier"}, Services: []string{"visit", "wallet", "vote", "pension", "door"}},
	{ID: "bank", Name: "银行", Roles: []string{"verifier"}, Services: []string{"door", "wallet"}},
	{ID: "hotel", Name: "酒店", Roles: []string{"verifier"}, Services: []string{"stay"}},
	{ID: "kiosk", Name: "自助机", Roles: []string{"verifier", "terminal"}, Services: []string{"gate"}},
	{ID: Persons, Name: "真你", Roles: []string{"verifier"}, Services: []string{"person.check"}},
}

// make draws the keys of a party, writes them below dir and returns what a store keeps of it.
func (p *Party) make(dir string, at time.Time) (zhenni.RelyingParty, error) {
	rp := zhenni.RelyingParty{ID: p.ID, Name: p.Name, Tenant: Tenant, Services: p.Services, CreatedAt: at}
	for _, word := range p.Roles {
		role, err := zhenni.ParseRole(word)
		if err != nil {
			return rp, err
		}
		rp.Roles |= role
	}
	key := zhenni.APIKey{Party: p.ID}
	_, _ = rand.Read(key.Secret[:]) // never fails
	rp.KeyHash = key.Hash()
	if err := os.WriteFile(filepath.Join(dir, p.APIKey), []byte(key.String()+"\n"), 0o600); err != nil {
		return rp, fmt.Errorf("%w: %w", zhenni.ErrUnavailable, err)
	}
	public, err := writeSigningKey(filepath.Join(dir, p.SigningKey))
	if err != nil {
		return rp, err
	}
	rp.Keys = []zhenni.PartyKey{{Public: public}}
	if p.Terminal == "" {
		return rp, nil
	}
	terminal, err := holder.NewTerminal(p.ID, zhenni.KeyEd25519)
	if err != nil {
		return rp, err
	}
	rp.Keys = append(rp.Keys, zhenni.PartyKey{Public: terminal.Public()})
	return rp, terminal.Save(filepath.Join(dir, p.Terminal), nil)
}

// writeSigningKey draws a key that signs requests, and writes the private half.
func writeSigningKey(path string) (zhenni.PublicKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return zhenni.PublicKey{}, fmt.Errorf("%w: no entropy for a key: %w", zhenni.ErrUnavailable, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err == nil {
		err = os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
	}
	if err != nil {
		return zhenni.PublicKey{}, fmt.Errorf("%w: %w", zhenni.ErrUnavailable, err)
	}
	return zhenni.NewPublicKey(zhenni.KeyEd25519, public)
}
