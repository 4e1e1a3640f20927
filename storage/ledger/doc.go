// Package ledger gives every admitted request exactly one outcome, recorded before it is answered.
//
// A request is known by its relying party and transaction id. [Ledger.Begin] takes it in hand; then it is either
// dropped, because nothing was decided, or settled: a leaf in the audit log and a sealed record here, both durable,
// and only then answered. A transaction that its client named and sends again is given the stored answer, byte for byte,
// or an error; it is never decided twice. At every moment admitted = answered + refused + in hand.
//
// # Folder
//
//	segment/<n>   records in groups, written in place; n in 16 hexadecimal digits, ascending
//	index/<n>     the places of the records of a segment that is not written to any more
//	gone/<n>      fingerprints of the named transactions of a segment that was dropped within the time answers are kept
//	attempts      the failed attempts at credentials that were answered, as of a segment that is not written to any more
//	key           the key of the ledger, wrapped by somebody else's
//	key.next      the same by the next one, while that is changed: see package wrappedkey
//	end           written by Close: which segment is the last, and the size of the log
//	*.new         a file being replaced, or a segment to be used again; a crash may leave one, which means nothing
//
// # Segment
//
// Integers are big-endian. A segment is written whole as zeros behind its head, and then in place, so that a sync has
// no metadata to write. Groups begin at multiples of 512.
//
//	  0  "zhenni ledger segment 2\0" | number u64 | length of the file u64 | salt [32] | CRC-32C u32
//	128  mark: end of what was acknowledged u64 | CRC-32C u32
//	256  mark, the other slot
//	512  groups, then zeros
//
//	group    magic u32 | records u32 | number of the segment u64 | offset u64 | length of the records u64 |
//	         prior u64 | from u64 | CRC-32C of the records u32 | CRC-32C of what is before u32
//	         records
//	         zeros, so that the group ends at a multiple of 512
//	         fingerprint of each record u64, zero where its client did not name it | records u32 |
//	         size of the group u32 | CRC-32C u32
//
// A segment that is not written to any more has its index, and is cut behind its last group where an eighth of it is free.
// One that was dropped full becomes the next: overwritten with zeros first, under another name.
//
// Prior is the index of the first leaf of the group before, all ones where that group has none, one less where it is of
// another run: the leaves of a group follow one another, and their index is known only after both were written. From is a size of the log below
// which no leaf of this group is.
//
//	record   length of the sealed u32 | kind u8: 1 single, 2 batch | flags u8: 1 named, 2 with counts |
//	         counts − 1 u16, zero without | time u64, ms | nonce u64 | key [16] | hash of the leaf [32] | sealed | counts
//	counts   AES-256-GCM of one or more of: credential [16] | version u64 | newest non-match u64, ms | eased u64, ms |
//	         streak u16 | total u16 | lane u8. Associated data: the record before it. The nonce begins with 1
//	sealed   AES-256-GCM of: digest of the request [16] | length u16 | answer | opening of [audit.Opening] or of
//	         [audit.SealBatch]. Associated data: the record before it | party | zero u8 | transaction
//
// The key is the first half of a SHA-256 of party and transaction behind a secret, the fingerprint its first eight
// bytes. The sealing key is derived from the ledger's and the salt, which every Open draws anew, so a counter serves as
// nonce.
//
//	index    "zhenni ledger index 1\0…" [24] | number u64 | count u64 | places of key [16] | segment u32 | offset u32 |
//	         length u32 | time u32, s | leaf u64, its top bit: named | HMAC-SHA256 [32]
//	gone     "zhenni ledger gone 1\0…" [24] | number u64 | count u64 | newest time u64, s | fingerprints u64 | HMAC-SHA256
//	attempts "zhenni ledger counts 1\0…" [24] | number of the first segment not in it u64 | count u64 | salt [32] |
//	         AES-256-GCM of counts | HMAC-SHA256
//	end      "zhenni ledger end 2\0…" [24] | number u64 | zero u64 | size of the log u64 | HMAC-SHA256
//
// Segments and an end of version 1, which know no counts, are read and never written.
//
// # Failed attempts
//
// A decision carries the counts of attempts that it changed ([zhenni.AttemptCount]), and its record has them, sealed apart
// from the answer: whoever opens the ledger reads them without knowing who asked. So what was answered is counted, and what
// was never settled is not. [Ledger.Attempts] is the fold over all of it, of each credential and lane the highest version;
// the order in which records are read does not matter. The fold is complete before an answer leaves.
//
// It is written to the file attempts when a segment is full, at Open and at Close, and no segment is dropped before. Open
// folds the segments behind it, two or three. Where the file is damaged or lost it folds all segments, if these reach back
// to the first that had counts; else Open refuses with [zhenni.ErrCorrupt], and so it does where a segment with counts that
// are nowhere else is missing. [Options.AcceptLoss] says to go on without, which forgets them. A damaged group loses the
// counts in it with its answers, which is logged as an error.
//
// # What is durable when
//
// Settle returns after its group was written through to the disk (package disk), then the log's of its leaves, and then the
// mark behind the group. One goroutine does it all: to change goroutines takes longer than to write once more. The mark
// survives the process at once; after a power failure a whole group tells that those before it were acknowledged, as in the
// audit journal.
//
// Open holds records and leaves against each other. A record whose leaf is not in the log was never acknowledged and
// is dropped; so is a group that is not whole and that no mark reaches. A leaf without a record can be the last thing
// before a crash, one group at most: it proves nothing that was answered, as its salt is lost. More of them mean that an
// older copy of the folder was put back: [zhenni.ErrCorrupt].
//
// Damage to what was acknowledged costs the answer and never lets the transaction run again: a record that does not
// open is refused as evicted, and of a damaged group the fingerprints at its end, or the index of the segment, say which
// transactions were in it. Where these are lost too, or a segment and its index both, Open refuses with
// [zhenni.ErrCorrupt], unless [Options.AcceptLoss] says to go on without.
//
// A write that fails is fatal: nothing is settled from there on, and only Open tells what is on disk. So no write is begun
// where it could fail for lack of room: without room in the log, or for another segment, what is new is refused with
// [zhenni.ErrNoRoom] before it takes the place of an answer, what is stored is given, and with room again all goes on.
//
// # Bounds
//
// [Options.Answers] answers are kept, 48 bytes of memory for each of the next power of two, in [Options.Bytes] of files, for
// [Options.Keep]; the oldest goes first. Of an evicted transaction that its client named a fingerprint of eight bytes is remembered as long,
// but no longer than a day, up to [Options.Remembered] of them, 24 bytes of memory each. Beyond that an old transaction is taken for a new one.
// A new one is taken for an evicted one with a probability of Remembered/2⁶⁴. [Options.InHand] requests may be in hand,
// and 16 MiB of records wait for the disk, as many are being written. [Options.Counts] counts of failed attempts are kept;
// with them the weakest of a few that bar nothing go first.
package ledger
