// Package eddsa verifies many signatures by few Ed25519 keys (RFC 8032): those of relying parties and terminals, each of which
// signs all day. It does no I/O, reads no clock, starts no goroutine, and has no secret: it does not sign.
//
// To verify is to compute R' = [s]B − [k]A and to compare its encoding with R. The standard library finds [k]A anew each time, with
// 256 doublings. A [Table] has multiples of A beside each other, as the library has of B, so that 64 additions and four
// doublings do; [s]B are 32 additions by a wider one. That takes less than half of the time, for 40 KiB a key, 640 KiB of B, and the
// time of three verifications to make a table. Field and point arithmetic are those of filippo.io/edwards25519, which the standard
// library's are a copy of; only the way through the tables is ours, and it is the library's own way for B when it signs (Bernstein,
// Duif, Lange, Schwabe, Yang: High-speed high-security signatures, §4).
//
// What verifies here verifies in crypto/ed25519 and the other way round, keys and signatures with parts of small order included:
// the same k, not a multiple of it, multiplies the same A, without the cofactor. A fuzz target holds them against each other.
package eddsa
