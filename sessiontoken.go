package zhenni

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// SessionToken is what somebody shows to be let into a session. Whoever has it is let in.
type SessionToken [32]byte

// String returns the written form, 43 characters of the base64url alphabet.
func (t SessionToken) String() string { return base64.RawURLEncoding.EncodeToString(t[:]) }

// ParseSessionToken reads the form that String writes, and no other.
func ParseSessionToken(text []byte) (t SessionToken, ok bool) {
	var raw [33]byte
	if len(text) != base64.RawURLEncoding.EncodedLen(len(t)) {
		return t, false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(raw[:], text)
	if err != nil || n != len(t) {
		return t, false
	}
	return SessionToken(raw[:len(t)]), true
}

// key derives a key of the session for one use: HMAC-SHA256 of the use, the id and a number under the secret.
func (s *Session) key(use string, number int) SessionToken {
	mac := hmac.New(sha256.New, s.Secret[:])
	mac.Write([]byte(use))
	mac.Write(s.ID[:])
	mac.Write(binary.BigEndian.AppendUint32(nil, uint32(number)))
	return SessionToken(mac.Sum(nil))
}

// AskerToken lets in who asks.
func (s *Session) AskerToken() SessionToken { return s.key("zhenni session asker", 0) }

// SeatToken lets in whoever is to take a seat, by a link that names it.
func (s *Session) SeatToken(seat int) SessionToken { return s.key("zhenni session seat", seat) }

// IsAsker reports whether t is the token of who asks, in constant time.
func (s *Session) IsAsker(t SessionToken) bool { return same(t, s.AskerToken()) }

// IsInvited reports whether t is the token of a seat, in constant time.
func (s *Session) IsInvited(seat int, t SessionToken) bool {
	return seat >= 0 && seat < len(s.Seats) && same(t, s.SeatToken(seat))
}

// IsPhone reports whether t is what the phone in a seat drew when it opened the session, in constant time.
func (s *Session) IsPhone(seat int, t SessionToken) bool {
	return seat >= 0 && seat < len(s.Seats) && s.Seats[seat].State != SeatWaiting && same(sha256.Sum256(t[:]), s.Seats[seat].Phone)
}

func same(a, b [32]byte) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }

// SessionQRSeconds is how many seconds a code on a screen is good for: the one it is of, and the four that follow.
const SessionQRSeconds = 5

// SessionQRSize is the length of what a code on a screen proves, in bytes.
const SessionQRSize = 16

// QRKey is what the screen of who asks makes its codes with, one each second: see [SessionQR].
func (s *Session) QRKey() SessionToken { return s.key("zhenni session qr", 0) }

// SessionQR is what the code of a second proves: the first 16 bytes of HMAC-SHA256 of the second, in Unix time, eight bytes
// big-endian.
func SessionQR(key SessionToken, second int64) (proof [SessionQRSize]byte) {
	mac := hmac.New(sha256.New, key[:])
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(second)))
	copy(proof[:], mac.Sum(nil))
	return proof
}

// IsScanned reports whether a code was on the screen at now or in the four seconds before. A code of a second to come is not
// taken: who has the key has the screen. All five are compared, whichever fits.
func (s *Session) IsScanned(proof [SessionQRSize]byte, now time.Time) bool {
	key, fits := s.QRKey(), 0
	for ago := range int64(SessionQRSeconds) {
		shown := SessionQR(key, now.Unix()-ago)
		fits |= subtle.ConstantTimeCompare(proof[:], shown[:])
	}
	return fits == 1
}
