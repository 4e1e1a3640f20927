package identity

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"

	"zhenni"
)

// RootSize is the size of the root of the handles, in bytes.
const RootSize = 32

// What is derived from the root, by HKDF-SHA256 (RFC 5869) without salt under these labels, and how:
//
//	handle = HMAC-SHA256(handle key, field("subject handle") ‖ field(version) ‖ field(ID number))
//	tag    = HMAC-SHA256(tag key, field("name tag") ‖ field(version) ‖ field(handle) ‖ field(folded name)), its first 16 bytes
//	field(x) = length of x in two bytes, big-endian ‖ x
//
// The ID number is its 18 ASCII characters; the folded name is the name in its one form, in lower case, without spaces.
// All of it is frozen: a change makes a stranger of everybody.
const (
	handleKeyLabel = "zhenni identity v1 handle key"
	tagKeyLabel    = "zhenni identity v1 name tag key"
	checkLabel     = "zhenni identity v1 root check"
	version        = 1
)

// CheckSize is the size of a root's check value, in bytes.
const CheckSize = 16

// Deriver makes handles and name tags under one root, which is kept apart from what it makes: in a file, a passphrase or
// a hardware module that no backup of the store holds.
//
// The root can not be rotated. A handle is all that is known of who a person is, and the number it was made of is
// forgotten; under another root the same person is another, and could be enrolled a second time. A root that is lost
// parts everybody from their handle; a root that is stolen lets the thief find out, by trying the numbers there can be,
// whose handle is whose, and nothing but making everybody known anew helps. A Deriver is safe for concurrent use.
type Deriver struct {
	redacted
	mu sync.RWMutex
	// secret is owned by mu, and nil after Destroy.
	secret *secret
	check  [CheckSize]byte
}

type secret struct{ handle, tag [sha256.Size]byte }

// NewDeriver returns what makes handles under root, which is [RootSize] random bytes: [zhenni.ErrBadValue] if it is of
// another size or blank. The slice stays the caller's, to overwrite.
func NewDeriver(root []byte) (*Deriver, error) {
	var blank [RootSize]byte
	if len(root) != RootSize || hmac.Equal(root, blank[:]) {
		return nil, fmt.Errorf("%w: root of the subject handles: want %d random bytes", zhenni.ErrBadValue, RootSize)
	}
	d := &Deriver{secret: new(secret)}
	for label, key := range map[string][]byte{
		handleKeyLabel: d.secret.handle[:], tagKeyLabel: d.secret.tag[:], checkLabel: d.check[:],
	} {
		derived, err := hkdf.Key(sha256.New, root, nil, label, len(key))
		if err != nil {
			return nil, fmt.Errorf("%w: root of the subject handles: %w", zhenni.ErrUnavailable, err)
		}
		copy(key, derived)
		clear(derived)
	}
	return d, nil
}

// Check returns a value by which a root is known again, and from which nothing else follows. Stored beside the first
// handle and compared at every start, it keeps a store from going on under another root.
func (d *Deriver) Check() [CheckSize]byte { return d.check }

// Handle returns the handle of the person whose number it is: [zhenni.ErrBadValue] for no number or a forgotten one,
// [zhenni.ErrUnavailable] after [Deriver.Destroy].
func (d *Deriver) Handle(n Number) (Handle, error) {
	digits := n.bytes()
	if digits == nil {
		return Handle{}, fmt.Errorf("%w: no ID number to make a handle of", zhenni.ErrBadValue)
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.secret == nil {
		return Handle{}, errDestroyed()
	}
	return Handle{sum: mac(&d.secret.handle, []byte("subject handle"), []byte{version}, digits)}, nil
}

// NameTag returns the tag of a name for the person whose handle it is: [zhenni.ErrBadValue] for no name or no handle,
// [zhenni.ErrUnavailable] after [Deriver.Destroy]. Case and spaces make no difference; anything else does.
func (d *Deriver) NameTag(h Handle, n Name) (NameTag, error) {
	if h.IsZero() || len(n.bytes()) == 0 {
		return NameTag{}, fmt.Errorf("%w: no handle or no name to make a tag of", zhenni.ErrBadValue)
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.secret == nil {
		return NameTag{}, errDestroyed()
	}
	var tag NameTag
	n.folded(func(folded []byte) {
		sum := mac(&d.secret.tag, []byte("name tag"), []byte{version}, h.sum[:], folded)
		copy(tag.sum[:], sum[:])
	})
	return tag, nil
}

// Destroy overwrites the keys. It waits for those that use them.
func (d *Deriver) Destroy() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.secret != nil {
		*d.secret = secret{}
		d.secret = nil
	}
}

func errDestroyed() error {
	return fmt.Errorf("%w: the keys of the subject handles are destroyed", zhenni.ErrUnavailable)
}

// mac returns HMAC-SHA256 over the fields, each behind its length, so that no two lists of fields are one message.
func mac(key *[sha256.Size]byte, fields ...[]byte) [sha256.Size]byte {
	h := hmac.New(sha256.New, key[:])
	for _, field := range fields {
		var length [2]byte
		binary.BigEndian.PutUint16(length[:], uint16(len(field)))
		h.Write(length[:])
		h.Write(field)
	}
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return sum
}
