package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"strings"
	"time"

	"zhenni"
	"zhenni/gateway"
	"zhenni/gateway/httpsig"
)

// rpKeys is rp keys.
type rpKeys struct {
	New    rpKeysNew    `cmd:"" help:"Make a key for a relying party to sign with."`
	Add    rpKeysAdd    `cmd:"" help:"Add public keys to a relying party."`
	Set    rpKeysSet    `cmd:"" help:"Replace the public keys of a relying party; the old ones are taken for a while yet."`
	Retire rpKeysRetire `cmd:"" help:"Retire a public key of a relying party; it is taken for a while yet."`
	Own    rpOwn        `cmd:"" help:"Rotate one's own keys, as a relying party, over HTTP."`
}

type rpKeysNew struct {
	File      string `arg:"" type:"path" help:"File for the private key, which must not exist yet: PKCS #8 in PEM."`
	Algorithm string `enum:"ed25519,p256" default:"ed25519" help:"How it signs: ed25519 or p256 (default ${default})."`
}

// Help is shown by zhenni rp keys new --help.
func (rpKeysNew) Help() string {
	return `The private key stays with the relying party; the public key, which is printed as a JSON Web Key, goes to the operator.

Example:

    zhenni rp keys new hotel.pem > hotel.jwk
    zhenni rp add hotel --tenant 1 --role verifier --jwks hotel.jwk`
}

// Run makes the key. The public half is the only line on standard output.
func (c *rpKeysNew) Run(out *output) error {
	private, err := newSigningKey(c.Algorithm)
	if err != nil {
		return environment("no entropy for a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	document := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	signer, err := httpsig.ParseSigner(document)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return environment("%w", err)
	}
	_, err = f.Write(document)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return environment("%w", err)
	}
	jwk, err := signer.Key().JWK()
	if err != nil {
		return err
	}
	out.Note("The private key is in %s, and nowhere else. This is the public key:", c.File)
	return out.Print("%s", jwk)
}

func newSigningKey(algorithm string) (any, error) {
	if algorithm == "p256" {
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return private, err
}

// keyRotation is what the commands of rp keys share.
type keyRotation struct {
	ID string `arg:"" help:"Id of the party."`
	rpFlags
}

// change rotates the keys and shows what the party has now.
func (c *keyRotation) change(ctx context.Context, out *output, change zhenni.KeyChange) (err error) {
	b, err := c.open(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	record, err := b.changeKeys(ctx, c.ID, change)
	if err != nil {
		return err
	}
	return showKeys(record, c.JSON, out)
}

// showKeys shows the keys that a party has.
func showKeys(record gateway.PartyRecord, whole bool, out *output) error {
	if whole {
		return out.JSON(record)
	}
	rows := [][]string{{"key id", "taken until"}}
	for _, k := range record.Keys {
		until := "open"
		if !k.NotAfter.IsZero() {
			until = k.NotAfter.Format(time.RFC3339)
		}
		rows = append(rows, []string{keyID(k), until})
	}
	return out.Table(rows)
}

type rpKeysAdd struct {
	keyRotation
	JWKS string `name:"jwks" required:"" type:"path" placeholder:"FILE" help:"The keys to add: a JSON Web Key, or a set of them."`
}

// Run adds the keys.
func (c *rpKeysAdd) Run(ctx context.Context, out *output) error {
	keys, err := readJWKS(c.JWKS)
	if err != nil {
		return err
	}
	return c.change(ctx, out, zhenni.KeyChange{Add: keys})
}

// grace is how long a key is taken after another has taken its place.
type grace struct {
	Grace time.Duration `default:"24h" placeholder:"TIME" help:"How long what is retired is still taken (default ${default}); 0s is not at all, as for a key that others have seen."`
}

type rpKeysSet struct {
	keyRotation
	grace
	JWKS string `name:"jwks" required:"" type:"path" placeholder:"FILE" help:"The keys from now on: a JSON Web Key, or a set of them."`
}

// Run replaces the keys.
func (c *rpKeysSet) Run(ctx context.Context, out *output) error {
	keys, err := readJWKS(c.JWKS)
	if err != nil {
		return err
	}
	return c.change(ctx, out, zhenni.KeyChange{Add: keys, Replace: true, Grace: c.Grace})
}

type rpKeysRetire struct {
	keyRotation
	grace
	Key []string `arg:"" help:"Ids of the keys, as zhenni rp list --json shows them in kid."`
}

// Run retires the keys.
func (c *rpKeysRetire) Run(ctx context.Context, out *output) error {
	return c.change(ctx, out, zhenni.KeyChange{Retire: c.Key, Grace: c.Grace})
}

func readJWKS(path string) ([]zhenni.PublicKey, error) {
	content, err := readSmall(path)
	if err != nil {
		return nil, environment("--jwks: %w", err)
	}
	keys, err := httpsig.ParseJWKS(content)
	if err != nil {
		return nil, usage("--jwks %s: %w", path, err)
	}
	return keys, nil
}

// readPartyCertificate reads the first certificate of a file, which ends when it says so itself.
func readPartyCertificate(path string) (zhenni.PartyCertificate, error) {
	content, err := readSmall(path)
	if err != nil {
		return zhenni.PartyCertificate{}, environment("--certificate: %w", err)
	}
	block, _ := pem.Decode(content)
	if block == nil || block.Type != "CERTIFICATE" {
		return zhenni.PartyCertificate{}, usage("--certificate %s: no certificate in PEM", path)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return zhenni.PartyCertificate{}, usage("--certificate %s: %w", path, err)
	}
	return zhenni.PartyCertificate{Hash: sha256.Sum256(certificate.Raw), NotAfter: certificate.NotAfter.UTC()}, nil
}

func keyIDs(p zhenni.RelyingParty) []string {
	ids := []string{}
	for _, k := range p.Keys {
		ids = append(ids, k.Public.ID())
	}
	return ids
}

// keyID is the id in a key's record.
func keyID(k gateway.KeyRecord) string {
	var named struct {
		KID string `json:"kid"`
	}
	if json.Unmarshal(k.JWK, &named) != nil {
		return "?"
	}
	return named.KID
}

// shownKeys tells a party's keys in a table.
func shownKeys(p gateway.PartyRecord) string {
	var shown []string
	for _, k := range p.Keys {
		shown = append(shown, keyID(k))
	}
	for _, c := range p.Certificates {
		shown = append(shown, "x509:"+c.SHA256[:16])
	}
	if len(shown) == 0 {
		return "-"
	}
	return strings.Join(shown, ",")
}
