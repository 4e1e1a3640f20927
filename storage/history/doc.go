// Package history knows who asked about a credential, for its holder: which relying party, when, for which service and
// purpose, and whether it was a match, none, or a refusal. It holds no attribute, score or reason. It is derived, and not
// the record: that is the audit log, which no credential leads to.
//
// [History.Note] copies ids and outcomes to memory and returns. A writer seals what has gathered as a block of columns; a
// keeper sorts segments of blocks by credential in the background, and merges what it sorted. Nobody who verifies waits for
// either: what there is no room for, in memory or on the disk, is shed, counted, and a gap in the answers. So is what was
// noted while a file is damaged or nothing ran. An answer says since when, and but for which gaps, it is complete.
//
// # Folder
//
//	key                             the key of the history, wrapped by somebody else's
//	key.next                        the same by the next one, while that is changed: see package wrappedkey
//	state                           what is forgotten, the gaps, since when everything is kept
//	columns/<n>                     a segment, in the order in which it was noted; n in 8 hexadecimal digits, ascending
//	index/<first>-<last>-<rewrite>  the entries of the segments first to last, by credential
//	*.new                           a file being made; a crash may leave one, which means nothing
//
// A file has a key of its own, of the history's and its first bytes, which have 32 random ones, the salt. So what is sealed
// in it is numbered and no number is used twice, and no part of it opens in another file or under another name. Whatever is
// removed has its salt overwritten first. Integers are big-endian; a second is u32, since 1970.
//
// # Segment
//
//	 0  "zhenni history columns 1" | number u64 | zeros u64 | salt [32]
//	72  blocks
//
//	block   magic u32 | length of the sealed u32 | number u64 | sealed
//	sealed  AES-256-GCM of: until, second | askers u32 | runs u32 | items u32
//	        askers: tenant u32 | party, service, purpose: length u8, bytes
//	        runs: asker u32 | second | items u32
//	        ids [16] of all items, then their classes, two bits each, the first in the lowest: 1 match, 2 none, 3 refused
//	        Associated data: magic to number, and the offset of the block u64
//
// Everything noted up to the second until is in this block or before. A block without items says that nothing was; the
// next one takes its place, under a number of its own. A segment ends after 1,048,576 items, 64 MiB or an hour.
//
// # Index
//
//	   0  "zhenni history index 1\0\0" | first u32 | last u32 | rewrite u32 | zeros u32 | salt [32], zeros
//	4096  pages of 4096 bytes
//	      foot | length of the foot u32 | magic u32
//
//	page  AES-256-GCM of: entries u16 | shared u8 | the first entry | of each other one what is behind the bytes
//	      shared by the ids of all | zeros
//	entry id [16] | second | asker and class u32: the asker's number, and the class in the lowest two bits
//	foot  AES-256-GCM of: entries u64 | oldest, newest, until, seconds | level u32 | erasures u64 | askers u32 | pages u32
//	      askers as above, ascending
//	      the first eight bytes of the first id of each page
//
// Entries ascend, and so do those of one credential in time; askers are numbered in their order, the same in every file,
// so a merge keeps the order of what it merges, and a place among the entries of a credential outlives it. An id is there
// whole, for no holder may see a neighbour's entry: an entry takes 23 bytes, and none can be taken for another's. A read
// looks at one page of each file, or scans a segment that is not sorted yet.
//
// An index takes the place of the segments, or of the files, that its name covers: what a crash left of those is removed by
// Open, so nothing is there twice. Eight neighbours of a level become one of the next, as long as it holds at most 2²⁶
// entries, an eighth of [Options.Bytes] and a twelfth of [Options.Keep]. An index that a wider one covers is not read.
//
// # State
//
//	"zhenni history state 1\0\0" | salt [32] | AES-256-GCM of:
//	since, second | first segment u32 | last erasure u64 | erasures u32 | gaps u32
//	erasures: number u64 | id [16] | segment u32 | block u32 | second
//	gaps: from, to, seconds | cause u8: 1 off, 2 shed, 3 damaged
//
// # What is durable when
//
// Nothing syncs for a note. What was noted is written within a second and survives the process; it is synced every five
// seconds, beside the writing, and by [History.Sync]. So a kill costs about a second of notes, a power failure six, and Open
// makes a gap of the time from what the last whole block says until then. An index is synced before its segments go. A gap is
// durable before any block says that all was noted until behind it.
//
// Damage costs what is in it: a page that does not open, the rest of a segment behind a block, a file. Its time is a gap for
// everybody, and the rest goes on. A file that is missing is known by its number. Damage to the state refuses the folder
// with [zhenni.ErrCorrupt]: it knows what must not be shown.
//
// # Forgetting
//
// [History.Forget] is durable when it returns, and nothing of before is shown from then on. It is in the files a while
// longer: within about an hour a segment is sorted, without it; an index that has any of it is written anew after
// [Options.Purge], 7 days, or when it is merged before, and the old one loses its salt. With what that takes it is gone after
// 8 days, unless the disk is full. As of the key file: a disk that moves blocks may keep an old salt for longer. A copy of
// the folder keeps what is forgotten later: it is not to be backed up.
//
// # Bounds
//
// [Options.Queue] items wait in memory, of 17 bytes each. The index takes [Options.Share] of one processor, up to 56 MiB of
// memory while it sorts, and 0.05 bytes an entry for the first ids of pages. [Options.Bytes] and [Options.Keep] bound the
// files; the oldest goes first, as a whole, so up to an eighth less is kept. 1,024 gaps are told apart, 65,536 erasures may
// be under way.
//
// # Caveats
//
// The times are whole seconds. Of the second in which a cursor is made entries may be told twice, or not, as more are noted.
// A question by a party of another tenant, which finds nothing, is not shown: tenants do not know of each other.
// An item that an attacker makes up, an id that does not exist, takes its bytes too.
package history
