package identity

import "crypto/sha256"

// Sealing returns the SHA-256 of what no two sealed texts may have in common: the ephemeral key, by its x coordinate, which is all
// that the agreed key follows from, and the nonce. A text whose form is not that of a sealed one is [SealedForm] or [SealedHeader].
func Sealing(sealed string) (sum [sha256.Size]byte, err error) {
	parts, ok := splitCompact(sealed)
	if !ok {
		return sum, SealedForm
	}
	h, err := parseHeader(parts[0])
	if err != nil {
		return sum, err
	}
	x, ok := decode(string(h.x))
	if !ok || len(x) != coordinateSize || len(parts[2]) != nonceSize {
		return sum, SealedForm
	}
	return sha256.Sum256(append(x, parts[2]...)), nil
}
