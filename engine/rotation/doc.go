// Package rotation protects templates by a key that their holder keeps (ISO/IEC 24745: renewable, unlinkable).
//
// The capture side rotates every embedding of a person by their key K before it leaves the device, so that the server
// stores and compares in a domain of its own for each person, at no cost for a comparison:
//
//	x' = H·D₃·H·D₂·H·D₁·x
//
// H is the orthonormal Walsh–Hadamard transform, 2^(−k/2) of it for a dimension of 2ᵏ, and Dᵢ flips the signs of elements by
// the bits of
//
//	HKDF-SHA256(K, no salt, "zhenni rotation 1" | 0 | model id | 0 | dimension u32), the three diagonals one behind the other
//
// element i by bit i%8 of byte i/8, the least first. An embedding is padded with zeros to the next power of two, see
// [Padded]. The rotation keeps lengths and angles: a comparison under one key comes to what it would without.
//
// # Which key
//
// A credential is compared by the key that it was enrolled under, and by no other: it keeps a commitment to it, [Key.Commitment], the
// SHA-256 of "zhenni rotation commitment 1" | 0 | K. A holder who might choose the key at each capture would lend the credential: under a
// key drawn at random a stranger's capture passes about as often as a stranger does, so that a few million keys, tried at
// home against the holder's own template, have one under which it passes.
//
// # What it is worth
//
// While K is secret, the template tells nothing of the face, and templates of one person under two keys can not be told
// from those of two persons (measured: zhenni unlinkability). A template that leaked is renewed by a new key. With K stolen the
// rotation is inverted by whoever has both, and a thief who shows their own face under it is accepted as often as without
// any rotation: that rate, of the stolen key, is the one a profile states. Signs and permutations alone would not do: the
// magnitudes of a capture would link its templates.
package rotation
