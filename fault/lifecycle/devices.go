package lifecycle

import (
	"bytes"
	"crypto/ed25519"

	"zhenni"
)

// devices are the keys of the devices of every subject, by number; the first is none.
var devices = [4]zhenni.PublicKey{1: newDevice(1), 2: newDevice(2), 3: newDevice(3)}

func newDevice(n byte) zhenni.PublicKey {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
	key, err := zhenni.NewPublicKey(zhenni.KeyEd25519, private.Public().(ed25519.PublicKey))
	if err != nil {
		panic(err) // a key that was just made is one
	}
	return key
}
