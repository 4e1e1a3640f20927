package identity

import (
	"crypto/ecdsa"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"zhenni"
)

// MaxKeys bounds how many keys an [Opener] holds.
const MaxKeys = 8

// Person is an opened identity. Whoever opened it calls [Person.Forget] when handle and tag are made.
type Person struct {
	redacted
	Name   Name
	Number Number
}

// Forget overwrites name and number, in all copies of them.
func (p *Person) Forget() {
	p.Name.Forget()
	p.Number.Forget()
}

// Opener opens identities that were sealed to one of the engine's keys: the current one, which is published, and those
// in grace, which clients may have fetched before. It is immutable and safe for concurrent use; a rotation makes another
// and swaps it in, and how long a key stays in grace is its caller's to say.
type Opener struct {
	redacted
	// public are those of keys, the current one first.
	public []PublicKey
	keys   map[string]*ecdsa.PrivateKey
}

// NewOpener returns what opens with the current key and those in grace, at most [MaxKeys] different ones together:
// [zhenni.ErrBadValue].
func NewOpener(current *PrivateKey, grace ...*PrivateKey) (*Opener, error) {
	if len(grace) >= MaxKeys {
		return nil, fmt.Errorf("%w: %d sealing keys: want at most %d", zhenni.ErrBadValue, len(grace)+1, MaxKeys)
	}
	o := &Opener{keys: make(map[string]*ecdsa.PrivateKey)}
	for _, k := range append([]*PrivateKey{current}, grace...) {
		if k == nil || o.keys[k.public.id] != nil {
			return nil, fmt.Errorf("%w: a sealing key that is missing or there twice", zhenni.ErrBadValue)
		}
		o.keys[k.public.id] = k.key
		o.public = append(o.public, k.public)
	}
	return o, nil
}

// Current returns the key to seal to.
func (o *Opener) Current() PublicKey { return o.public[0] }

// JWKS writes the keys for publication as a JWK Set (RFC 7517 §5). The first is the current one, and the member "current" of the
// set names it by its kid; the others are in grace.
func (o *Opener) JWKS() ([]byte, error) {
	return json.Marshal(struct {
		Current string      `json:"current"`
		Keys    []PublicKey `json:"keys"`
	}{o.Current().ID(), o.public})
}

// Open opens an identity that was sealed for a transaction. The transaction is what the request itself says that it is,
// and not empty; where parties choose their own, it names the party too, so that no other can send on what it saw.
// Nobody is born after today (see [ParseNumber]). What is wrong is a [Fault]. The opened text is overwritten before Open
// returns; the caller forgets the Person.
func (o *Opener) Open(sealed, transaction string, today time.Time) (*Person, error) {
	plain, err := o.unseal(sealed, SealedTyp)
	if err != nil {
		return nil, err
	}
	return readPerson(plain, transaction, today)
}

// The algorithms that go-jose is held to.
var (
	agreements = []jose.KeyAlgorithm{jose.ECDH_ES_A256KW, jose.ECDH_ES}
	contents   = []jose.ContentEncryption{jose.A256GCM}
)

// unseal returns the opened text of a typ, for its reader to overwrite.
func (o *Opener) unseal(sealed, typ string) ([]byte, error) {
	h, err := readHeader(sealed, typ)
	if err != nil {
		return nil, err
	}
	key, held := o.keys[string(h.kid)]
	if !held {
		return nil, SealedKey
	}
	message, err := jose.ParseEncryptedCompact(sealed, agreements, contents)
	if err != nil {
		return nil, SealedOpen
	}
	plain, err := message.Decrypt(key)
	if err != nil {
		clear(plain)
		return nil, SealedOpen
	}
	return plain, nil
}

// readPerson reads the opened text, and overwrites it.
func readPerson(plain []byte, transaction string, today time.Time) (*Person, error) {
	defer clear(plain)
	var name, number, sealedFor []byte
	ok := readObject(plain, func(s *scanner, member string) bool {
		switch member {
		case "name":
			return s.string(&name)
		case "number":
			return s.string(&number)
		case "transaction":
			return s.string(&sealedFor)
		}
		return false
	})
	if !ok || name == nil || number == nil || sealedFor == nil {
		return nil, SealedPayload
	}
	if !isFor(sealedFor, transaction) {
		return nil, SealedTransaction
	}
	parsedNumber, err := ParseNumber(number, today)
	if err != nil {
		return nil, err
	}
	parsedName, err := ParseName(name)
	if err != nil {
		parsedNumber.Forget()
		return nil, err
	}
	return &Person{Name: parsedName, Number: parsedNumber}, nil
}

// isFor reports whether a text was sealed for that transaction, which has a name.
func isFor(sealedFor []byte, transaction string) bool {
	return transaction != "" && subtle.ConstantTimeCompare(sealedFor, []byte(transaction)) == 1
}
