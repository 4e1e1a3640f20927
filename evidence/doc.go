// Package evidence is what a device or a terminal signs about one capture for one verification: that the person was alive and
// present, that the device is the one of the credential, that the chip of the card answered, that somebody looked at the
// document. It signs such statements and opens them. It does no I/O, reads no clock and starts no goroutine.
//
// # The token
//
// A token is a JSON Web Signature in compact form (RFC 7515) with one form for each statement: BASE64URL without padding of
// header, claims and signature, joined by dots. The header is one of two constants, and the key says which:
//
//	{"alg":"EdDSA","typ":"zhenni-evidence"}     Ed25519 (RFC 8037)
//	{"alg":"ES256","typ":"zhenni-evidence"}     ECDSA on P-256 with SHA-256 (RFC 7518), signature r ‖ s
//
// The claims are one JSON object without white space or escapes, its members in this order:
//
//	kind       liveness, possession, card or document
//	sub        the credential: 32 lower-case hexadecimal digits; or issue, of a capture on which one is to be issued
//	capture    SHA-256 of the probe: of the d or 4d bytes that its base64 stands for; of a verification without a probe that of
//	           the sealed PIN as it is written, or of no bytes. Of two probes a token on liveness names its own, and any other
//	           the SHA-256 of both their digests, that of the first before that of the second
//	txn        the transaction, chosen by the relying party
//	aud        the id of the relying party that asks
//	nonce      of the signature of its request, exactly where there is one
//	iat        Unix seconds
//	level      passive or active, exactly where the kind is liveness
//	terminal   the id of the relying party whose terminal signs; absent where the credential's device does
//	kid        the thumbprint of the key that signs (RFC 7638)
//
// Only the device signs possession, only a terminal signs card and document; either signs liveness, but for an issue only a
// terminal: the key of a device comes with what is asked for, and anybody can make one. For an issue possession says that the device
// which the credential is issued to was there. A token is at most [MaxToken] bytes. Whatever is not in this form is refused, and nothing of a header is obeyed.
//
// A token holds for one capture, credential, transaction, party and request, and for as long as the service lets it. It
// says what the holder of the key says: a policy decides whether that is enough.
package evidence
