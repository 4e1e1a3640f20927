package gateway

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"

	"zhenni"
	"zhenni/gateway/httpsig"
)

// maxKeyring bounds the keys that are held ready, and maxPrepared those of them that are made to verify faster, which takes 40 KiB
// each. A key is prepared with its prepareAfter-th signature: to prepare one takes as long as two or three signatures.
const (
	maxKeyring   = 1 << 16
	maxPrepared  = 1 << 10
	prepareAfter = 16
)

// A keyring holds the public keys of parties and terminals ready for use: checking a point costs as much as a signature. Where more
// are busy than can be prepared, those prepared first make room, and are prepared again after as many uses.
type keyring struct {
	mu       sync.RWMutex
	keys     map[zhenni.PublicKey]*readyKey // guarded by mu
	prepared []*readyKey                    // guarded by mu: at most maxPrepared, a ring
	oldest   int                            // guarded by mu: of prepared, once that is full
}

// A readyKey is a key that is held ready, and how many signatures it has verified since it was last not prepared. It implements evidence.Key.
type readyKey struct {
	public     zhenni.PublicKey
	thumbprint [sha256.Size]byte
	verifies   *httpsig.Key
	uses       atomic.Uint64
}

func (k *readyKey) Thumbprint() [sha256.Size]byte { return k.thumbprint }

func (k *readyKey) Algorithm() zhenni.KeyAlgorithm { return k.public.Algorithm() }

func (k *readyKey) Verify(message, signature []byte) bool {
	return k.verifies.Verify(message, signature)
}

// of returns the key, which it makes where it is not there.
func (k *keyring) of(public zhenni.PublicKey) (*readyKey, error) {
	k.mu.RLock()
	key := k.keys[public]
	k.mu.RUnlock()
	if key == nil {
		verifies, err := httpsig.NewKey(public)
		if err != nil {
			return nil, err
		}
		key = k.keep(&readyKey{public: public, thumbprint: public.Thumbprint(), verifies: verifies})
	}
	return key, nil
}

// used counts a signature that was the key's own, so that what strangers send under its name prepares nothing.
func (k *keyring) used(key *readyKey) error {
	if key.uses.Add(1) != prepareAfter || key.public.Algorithm() != zhenni.KeyEd25519 {
		return nil
	}
	return k.prepare(key)
}

// keep takes a key up, unless it is there.
func (k *keyring) keep(key *readyKey) *readyKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	if held := k.keys[key.public]; held != nil {
		return held
	}
	if k.keys == nil || len(k.keys) >= maxKeyring {
		k.keys, k.prepared, k.oldest = map[zhenni.PublicKey]*readyKey{}, nil, 0
	}
	k.keys[key.public] = key
	return key
}

// prepare makes a key verify faster, and the one that was prepared first make room for it.
func (k *keyring) prepare(key *readyKey) error {
	if err := key.verifies.Prepare(); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.prepared) < maxPrepared {
		k.prepared = append(k.prepared, key)
		return nil
	}
	last := k.prepared[k.oldest]
	last.verifies.Release()
	last.uses.Store(0)
	k.prepared[k.oldest] = key
	k.oldest = (k.oldest + 1) % maxPrepared
	return nil
}
