package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"zhenni"
)

// The fields of a message.
const (
	FieldID        = "Webhook-Id"
	FieldTimestamp = "Webhook-Timestamp"
	FieldSignature = "Webhook-Signature"
)

// Tolerance is how far the time of a message may be from that of its receiver.
const Tolerance = 5 * time.Minute

// ErrSignature: what came is not a message of who has the secret, or not one of now.
var ErrSignature = errors.New("webhook: not signed, or not now")

const (
	secretPrefix               = "whsec_"
	leastSecret, longestSecret = 24, 64
	newSecret                  = 32
	scheme                     = "v1,"
	maxSignatures              = 8
)

// Secret is what the messages to one endpoint are signed with: 24–64 bytes. The zero Secret signs nothing.
type Secret struct{ key string }

// NewSecret draws one: [zhenni.ErrUnavailable].
func NewSecret(entropy io.Reader) (Secret, error) {
	key := make([]byte, newSecret)
	if _, err := io.ReadFull(entropy, key); err != nil {
		return Secret{}, fmt.Errorf("%w: no entropy for the secret of a webhook: %w", zhenni.ErrUnavailable, err)
	}
	return Secret{string(key)}, nil
}

// ParseSecret reads what [Secret.Reveal] writes: [zhenni.ErrBadKey], in whose text no part of it appears.
func ParseSecret(text string) (Secret, error) {
	written, ok := strings.CutPrefix(text, secretPrefix)
	key, err := base64.StdEncoding.Strict().DecodeString(written)
	if !ok || err != nil || len(key) < leastSecret || len(key) > longestSecret {
		return Secret{}, fmt.Errorf("%w: want %s and %d–%d bytes in base64", zhenni.ErrBadKey, secretPrefix, leastSecret, longestSecret)
	}
	return Secret{string(key)}, nil
}

// Reveal returns the written form, which is shown once.
func (s Secret) Reveal() string {
	return secretPrefix + base64.StdEncoding.EncodeToString([]byte(s.key))
}

// String hides the secret from whoever prints it unawares.
func (Secret) String() string { return secretPrefix + "…" }

// GoString hides it too.
func (s Secret) GoString() string { return s.String() }

// Sign returns the signatures of a message by each of the secrets, as they stand in [FieldSignature].
func Sign(id string, at time.Time, body []byte, secrets ...Secret) string {
	signatures := make([]string, 0, len(secrets))
	for _, s := range secrets {
		if s != (Secret{}) {
			signatures = append(signatures, scheme+base64.StdEncoding.EncodeToString(s.mac(id, at.Unix(), body)))
		}
	}
	return strings.Join(signatures, " ")
}

func (s Secret) mac(id string, second int64, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(s.key))
	mac.Write(append(strconv.AppendInt(append([]byte(id), '.'), second, 10), '.'))
	mac.Write(body)
	return mac.Sum(nil)
}

// Verify is for who receives: it reports whether a message is signed by one of the secrets and of a time within [Tolerance] of now,
// from its three fields and its body, which is to be as it came, to the byte: [ErrSignature]. That the id is new the receiver sees
// to.
func Verify(id, timestamp, signature string, body []byte, now time.Time, secrets ...Secret) error {
	second, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || strconv.FormatInt(second, 10) != timestamp || id == "" || strings.Contains(id, ".") {
		return fmt.Errorf("%w: id or timestamp are missing", ErrSignature)
	}
	if away := now.Unix() - second; away > int64(Tolerance/time.Second) || -away > int64(Tolerance/time.Second) {
		return fmt.Errorf("%w: the message is of another time", ErrSignature)
	}
	for i, written := range strings.SplitN(signature, " ", maxSignatures+1) {
		mac, ok := strings.CutPrefix(written, scheme)
		given, err := base64.StdEncoding.Strict().DecodeString(mac)
		if !ok || err != nil || i == maxSignatures {
			continue // of a scheme to come
		}
		for _, s := range secrets {
			if s != (Secret{}) && hmac.Equal(given, s.mac(id, second, body)) {
				return nil
			}
		}
	}
	return fmt.Errorf("%w: no signature by a secret that is known", ErrSignature)
}
