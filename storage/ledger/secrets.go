package ledger

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/zeebo/xxh3"

	"zhenni"
)

// key stands for (party, transaction).
type key [16]byte

func (k key) fingerprint() uint64 { return binary.BigEndian.Uint64(k[:]) }

// secrets are derived from the ledger's key; each has one use.
type secrets struct {
	transaction []byte // prefix of what a key is the hash of
	digest      uint64 // seed of digests
	files       []byte // MAC of index, gone and end
	sealing     []byte // from which the sealing keys come
}

const secretSize = 32

func deriveSecrets(root []byte) (s secrets, err error) {
	if len(root) != secretSize {
		return s, fmt.Errorf("%w: ledger: a key of %d bytes, want %d", zhenni.ErrBadValue, len(root), secretSize)
	}
	var seed []byte
	for info, dst := range map[string]*[]byte{
		"transaction": &s.transaction, "digest": &seed, "files": &s.files, "sealing": &s.sealing,
	} {
		if *dst, err = hkdf.Expand(sha256.New, root, "zhenni ledger 1 "+info, secretSize); err != nil {
			return s, fmt.Errorf("ledger: %w", err)
		}
	}
	s.digest = binary.BigEndian.Uint64(seed)
	return s, nil
}

// keyOf hides party and transaction. The secret stands in front and half of the hash is cut off, so nobody without it
// can make a key or extend one; two parties do not come to the same key by chance or on purpose.
func (s *secrets) keyOf(party, transaction string) key {
	var room [secretSize + 1 + 64 + 64]byte
	b := append(room[:0], s.transaction...)
	b = append(b, byte(len(party)))
	b = append(b, party...)
	b = append(b, transaction...)
	sum := sha256.Sum256(b)
	return key(sum[:])
}

// digestOf tells two requests apart that came under one transaction id of one party. It is no cryptographic hash,
// because SHA-256 of a bulk body takes longer than its verification: somebody who knew the seed could make two requests
// with one digest, but only under their own id, and would be told of the second what was decided on the first. Whom
// that fools is its own author.
func (s *secrets) digestOf(route, media string, body []byte) [16]byte {
	seed := xxh3.HashStringSeed(media, xxh3.HashStringSeed(route, s.digest))
	if len(body) < leastWide || len(body) >= leastBulk {
		return xxh3.Hash128Seed(body, seed).Bytes()
	}
	var room [(leastBulk/pieceSize + 1) * digestSize]byte
	digests := room[:0]
	for from := 0; from < len(body); from += pieceSize {
		piece := xxh3.Hash128Seed(body[from:min(from+pieceSize, len(body))], seed).Bytes()
		digests = append(digests, piece[:]...)
	}
	return xxh3.Hash128Seed(digests, ^seed).Bytes()
}

// From leastWide bytes on the library hashes on registers of 512 bits, after one use of which the core runs the signatures that
// follow slower by a seventh (see package simd). A body shorter than leastBulk gains less than that costs, so its digest is that
// of the digests of its pieces.
const (
	leastWide  = 1 << 10
	leastBulk  = 16 << 10
	pieceSize  = leastWide - 64
	digestSize = 16
)

// aead makes the cipher of the segments that carry the salt.
func (s *secrets) aead(salt []byte) (cipher.AEAD, error) {
	sealing, err := hkdf.Expand(sha256.New, s.sealing, "salt "+string(salt), secretSize)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer clear(sealing)
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return aead, nil
}

// sign ends b with its MAC.
func (s *secrets) sign(b []byte) []byte {
	mac := hmac.New(sha256.New, s.files)
	mac.Write(b)
	return mac.Sum(b)
}

// signed returns what sign was given.
func (s *secrets) signed(b []byte) ([]byte, bool) {
	if len(b) < sha256.Size {
		return nil, false
	}
	content := b[:len(b)-sha256.Size]
	return content, hmac.Equal(s.sign(content[:len(content):len(content)]), b)
}
