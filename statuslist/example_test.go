package statuslist_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"log"
	"os"
	"time"

	"zhenni"
	"zhenni/statuslist"
)

// issuer signs lists with the key of the issuer.
type issuer struct{ key ed25519.PrivateKey }

func (i issuer) Algorithm() string                   { return "EdDSA" }
func (i issuer) KeyID() string                       { return "lists-1" }
func (i issuer) Sign(message []byte) ([]byte, error) { return ed25519.Sign(i.key, message), nil }

// credentials are what the store has of places and statuses.
type credentials map[zhenni.StatusIndex]zhenni.Status

func (c credentials) StatusIndices(_ context.Context, each func(zhenni.StatusIndex, zhenni.Status) error) error {
	for place, status := range c {
		if err := each(place, status); err != nil {
			return err
		}
	}
	return nil
}

// A credential that has a place is revoked, and a relying party that was shown it reads so in the list.
func Example() {
	now := time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)
	dir, err := os.MkdirTemp("", "lists")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	place := zhenni.NewStatusIndex(1, 362700)

	const uri = "https://example.org/status-lists"
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, ed25519.SeedSize))
	publisher, err := statuslist.NewPublisher(statuslist.Config{
		Dir: dir, URI: uri, Signer: issuer{private},
		Every: time.Minute, TTL: 5 * time.Minute, Life: time.Hour,
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := publisher.Fill(context.Background(), credentials{place: zhenni.StatusActive}); err != nil {
		log.Fatal(err)
	}
	if err := publisher.Put(place, zhenni.StatusRevoked); err != nil {
		log.Fatal(err)
	}
	if _, err := publisher.Publish(now); err != nil {
		log.Fatal(err)
	}

	public, err := zhenni.NewPublicKey(zhenni.KeyEd25519, private.Public().(ed25519.PublicKey))
	if err != nil {
		log.Fatal(err)
	}
	body, _, maxAge, _ := publisher.Page(place.List(), now)
	token, err := statuslist.Read(body, publisher.URI(place.List()), now, statuslist.Keys{"lists-1": public})
	if err != nil {
		log.Fatal(err)
	}
	value, ok := token.List.Value(int(place.Index()))
	fmt.Println(token.URI, maxAge, value == statuslist.Invalid, ok)
	// Output: https://example.org/status-lists/1 5m0s true true
}
