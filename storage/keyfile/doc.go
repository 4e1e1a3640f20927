// Package keyfile keeps small wrapped keys in slots of a fixed size, so that one can be destroyed: a slot is overwritten
// where it lies, and no older copy of it is in a log, a table or a snapshot. What a payload means is its caller's; the
// file holds no key in the clear.
//
// # File
//
// Integers are little-endian. Two headers lie in pages of their own, so that a torn write leaves one; the one of the
// higher revision that holds counts.
//
//	   0  header: magic [16] | store id [16] | revision u64 | epoch u64 | HMAC-SHA256 [32], then zeros
//	4096  header
//	8192  slot 0, slot 1, …, 64 bytes each; a slot lies within one sector
//
//	slot: payload [62] | zero u8 | state u8: 0 unused, 1 holds a key, 2 shredded
//
// An unused and a shredded slot are zeros but for the state. The slots have no seal: whoever wrapped the key finds out
// whether it was changed.
//
// The epoch is the caller's count of changes that an older copy of the file would undo, erasures above all.
//
// # Places
//
// A slot is named by its place. Places are given out in order and a shredded one is not used again, so that a record
// that names it can never meet another key. An erased credential costs 64 bytes for good.
//
// # What is durable when
//
// Put and Shred have synced the slots when they return, SetEpoch the header. Write and Replace leave that to Sync. The
// file grows by 1 MiB of zeros at a time, so that a Put needs no metadata to be written. A slot overwritten in place is
// gone from the file; a disk that moves blocks (flash, copy-on-write file systems) may keep the old block until it is
// used again. Put the file where that matters not, or on an encrypted volume.
package keyfile
