package gateway

import (
	"crypto/ed25519"
	"encoding/binary"
	"testing"

	"zhenni"
)

// numberedKey is another key for each number.
func numberedKey(t *testing.T, n int) zhenni.PublicKey {
	t.Helper()
	seed := binary.BigEndian.AppendUint64(make([]byte, ed25519.SeedSize-8), uint64(n))
	public, err := zhenni.NewPublicKey(zhenni.KeyEd25519, ed25519.NewKeyFromSeed(seed)[ed25519.SeedSize:])
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// use uses a key so many times.
func (k *keyring) use(t *testing.T, public zhenni.PublicKey, times int) *readyKey {
	t.Helper()
	var key *readyKey
	for range times {
		var err error
		if key, err = k.of(public); err == nil {
			err = k.used(key)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return key
}

// Keys that sign often are prepared; there are never more of them than there is room for, and one that had to make room is prepared
// again when it goes on signing.
func TestKeysThatSignOftenArePrepared(t *testing.T) {
	var ring keyring
	first := ring.use(t, numberedKey(t, 0), prepareAfter-1)
	if first.verifies.Prepared() {
		t.Errorf("prepared after %d uses", prepareAfter-1)
	}
	if ring.use(t, numberedKey(t, 0), 1); !first.verifies.Prepared() {
		t.Errorf("not prepared after %d uses", prepareAfter)
	}
	for n := 1; n <= maxPrepared; n++ {
		ring.use(t, numberedKey(t, n), prepareAfter)
	}
	if first.verifies.Prepared() || len(ring.prepared) != maxPrepared {
		t.Errorf("%d keys prepared, the first among them: %v", len(ring.prepared), first.verifies.Prepared())
	}
	if second := ring.use(t, numberedKey(t, 1), 1); !second.verifies.Prepared() {
		t.Error("the second had to make room for one key")
	}
	if ring.use(t, numberedKey(t, 0), prepareAfter); !first.verifies.Prepared() {
		t.Error("not prepared again")
	}
}
