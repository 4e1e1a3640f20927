package identity_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"time"

	"zhenni/identity"
)

// A client seals an identity to the published key; the engine opens it, derives what it keeps, and forgets the rest.
func Example() {
	key, err := identity.NewPrivateKey(rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	published, err := json.Marshal(key.Public())
	if err != nil {
		log.Fatal(err)
	}

	to, err := identity.ParsePublicKey(published)
	if err != nil {
		log.Fatal(err)
	}
	sealed, err := identity.Seal(to, "阿卜杜拉•买买提", "１１０１０５１９４９１２３１００２ｘ", "txn-1")
	if err != nil {
		log.Fatal(err)
	}

	root := make([]byte, identity.RootSize)
	rand.Read(root)
	deriver, err := identity.NewDeriver(root)
	clear(root)
	if err != nil {
		log.Fatal(err)
	}
	opener, err := identity.NewOpener(key)
	if err != nil {
		log.Fatal(err)
	}
	handle, tag, err := subject(opener, deriver, sealed)
	fmt.Println(handle, tag, err)
	// Output: [redacted] [redacted] <nil>
}

// subject returns all that is kept of a person.
func subject(o *identity.Opener, d *identity.Deriver, sealed string) (h identity.Handle, tag identity.NameTag, err error) {
	today := time.Date(2026, time.November, 22, 0, 0, 0, 0, time.UTC)
	person, err := o.Open(sealed, "txn-1", today)
	if err != nil {
		return h, tag, err
	}
	defer person.Forget()
	if h, err = d.Handle(person.Number); err != nil {
		return h, tag, err
	}
	tag, err = d.NameTag(h, person.Name)
	return h, tag, err
}
