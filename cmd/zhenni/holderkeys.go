package main

import (
	"errors"
	"os"

	"zhenni"
	sdk "zhenni/holder"
)

type holderKeys struct {
	phoneFlags
	Algorithm  string              `enum:"ed25519,p256" default:"ed25519" help:"How the phone signs: ed25519 or p256 (default ${default})."`
	Credential zhenni.CredentialID `placeholder:"ID" help:"The credential that is on the phone from now on."`
	Renew      bool                `help:"Draw another rotation key. What is enrolled under the old one does not match any more."`
	JSON       bool                `help:"Print one JSON object."`
}

// Help is shown by zhenni holder keys --help.
func (holderKeys) Help() string {
	return `Makes the file where there is none: the key by which the device signs and the rotation key, 256 bits, that never leaves it in the clear. The public key is printed as a JSON Web Key.

Examples:

    zhenni holder keys --keys phone.keys --passphrase-file phrase > phone.jwk
    zhenni holder keys --keys phone.keys --passphrase-file phrase --renew`
}

// Run makes the keys or changes what is said of them.
func (c *holderKeys) Run(out *output) error {
	phone, made, err := c.openOrMake()
	if err != nil {
		return err
	}
	if c.Renew {
		phone.Renew()
	}
	if c.Credential != (zhenni.CredentialID{}) {
		phone.Credential = c.Credential
	}
	if made || c.Renew || c.Credential != (zhenni.CredentialID{}) {
		if err := c.save(phone); err != nil {
			return err
		}
	}
	if made {
		out.Note("Made %s. Whoever has it, and the passphrase over it, is this phone.", c.Keys)
	}
	if c.JSON {
		shown := map[string]any{"algorithm": phone.Public().Algorithm().String(), "key_id": phone.Public().ID(), "made": made}
		if phone.Credential != (zhenni.CredentialID{}) {
			shown["credential"] = phone.Credential
		}
		return out.JSON(shown)
	}
	return out.Print("%s", phone.Public().JWK())
}

// openOrMake opens the file, or draws what is to be in it.
func (c *holderKeys) openOrMake() (phone *sdk.Phone, made bool, err error) {
	if _, err := os.Stat(c.Keys); !errors.Is(err, os.ErrNotExist) {
		phone, err := c.open()
		return phone, false, err
	}
	phone, err = sdk.NewPhone(keyAlgorithm(c.Algorithm))
	return phone, true, err
}

// keyAlgorithm is the one of a flag.
func keyAlgorithm(word string) zhenni.KeyAlgorithm {
	if word == zhenni.KeyP256.String() {
		return zhenni.KeyP256
	}
	return zhenni.KeyEd25519
}
