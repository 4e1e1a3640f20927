// Package audit is a tamper-evident, append-only log of what happened: one leaf for each verification, change of state
// and bulk batch. Whoever has a signed checkpoint can be shown that a leaf is in the log, and that the log only ever grew.
//
// The tree is that of RFC 6962, hashed by golang.org/x/mod/sumdb/tlog. The files are those of C2SP tlog-tiles, the
// checkpoints those of C2SP tlog-checkpoint, cosignatures those of C2SP tlog-cosignature (cosignature/v1, Ed25519), so
// that anybody's tools can read them. [Verify] needs nothing but the files and a public key.
//
// # Folder
//
//	checkpoint              the newest signed checkpoint
//	checkpoint.witnessed    the newest one that a witness cosigned
//	epoch/<n>               the checkpoint of size (n+1)·4096, kept for good
//	keys                    signed: the log's keys wrapped by somebody else's, with its public key; see [OpenSecrets] and [RewrapSecrets]
//	changes                 the newest change of state: leaf u64 | commit u64 | size of the log u64 | CRC-32C u32
//	pruned                  signed: below which index entries were deleted
//	tile/<level>/<n>        256 hashes of 32 bytes; level 0 are the leaves, a level's hash is a full tile below
//	tile/<level>/<n>.p/<w>  the first w hashes of a tile that is not full
//	tile/entries/<n>        256 entries: length u16, bytes
//	tile/entries/<n>.p/<w>  the first w entries of a bundle that is not full
//	journal/<n>             segments of the append file, n in 16 hexadecimal digits
//	*.new                   a file being replaced, or a segment to be used again; a crash may leave one, which means nothing
//
// In <n> every three digits but the last are a folder: 1234067 is x001/x234/067. Of a tile that is not full the
// form of the newest checkpoint is kept, those of a few checkpoints before it until they are removed together; [Log.Tile]
// cuts older, narrower forms from it.
//
// # Leaf
//
// Integers are big-endian, here and below.
//
//	 0  version u8 = 1 | kind u8 | time u48, milliseconds since 1970
//	 8  hash [32]: commitment | commitment | root of the batch
//	40  items of the batch, less one, u16; zero for the others
//	42  digest of the request's nonce [12]; for a change zero u32 | number of its commit u64
//
// That is 54 bytes: with the byte that RFC 6962 puts before it, one block of SHA-256.
//
// Kinds are 1 verification, 2 change of state, 3 batch. A leaf names nobody and holds no outcome and no score.
// What was settled like a verification and compared nobody, as the setting of a PIN, is of kind 1 with the outcome 0, which is
// none; the change that it made has a leaf of its own.
//
// # Commitment
//
// The SHA-256 of one block, which nobody can open or guess without its salt:
//
//	0  domain u8 = 0x10 + kind | salt [16] | credential [16] | code u8 | context [20]
//
// Code is the outcome, or the new status. Context is the start of a SHA-256 over what the request shares: version u8 =
// 1, tenant u32, and relying party, transaction and profile, each behind its length u64. The opening (the 54 bytes
// above) is sealed and goes to the parties of the event; see [SealOpening].
//
// Of a change the party is the relying party that was changed, if one was, and in place of the transaction stands
// "generation <n>" for a credential, "put" or "removed" for a relying party, "tenant key", "import <n>", "restored", or nothing. Its salt
// is the start of HMAC-SHA256 of commit u64 | place among the commit's changes u32, so its opening is kept nowhere.
//
// # Batch
//
// The root of a tree as in RFC 6962 whose entries are packs of eight commitments in order, the last pack shorter. The salt of
// item i is AES-256 of i, as u128, under a random key of the batch, so that 32 bytes open all of it and one item's salt
// tells nothing of another's. The proof of an item is its pack, which shows commitments of neighbours and nothing of what
// they hide, and the path from the pack. Sealed for the log's owner: key [32] | context [20] | items of
// credential [16] | outcome u8.
//
// # Journal
//
// A segment is written whole as zeros behind its head, and then in place, so that a sync has no metadata to write.
//
//	  0  "zhenni audit journal 2\n\0" | number u64 | first index u64 | length of the file u64 | zero u32 | CRC-32C u32
//	128  mark: acknowledged size u64 | CRC-32C u32
//	256  mark, the other slot
//	512  groups, each at a multiple of 512, with zeros between them and behind
//
//	group  magic u32 = 0x7a616a31 | count u32 | first index u64 | length u32 | CRC-32C u32 | entries: length u16, bytes
//
// The next segment is made ready while one is in use: its first index is all ones, and there are zeros behind the head. To
// begin it is to write the sector of its head, which a disk does whole or not at all.
//
// The checksum of a group covers its header and its entries. In version 1, which Open still reads, groups lie end to end.
//
// # What is durable when
//
// The keys are drawn and durable before anything is appended. The file changes is written behind the leaf of a change and
// not synced: it may be behind, and [OpenChanges] reads on from there.
//
// Append returns after its group was written through to the disk (once for all calls that wait, see package disk) and the
// mark behind it written. Tiles, bundles and checkpoints follow. A checkpoint is written when all its tiles are durable, so
// everything signed can be proven; a segment is removed, or used again, when all its entries are in full bundles under the
// newest checkpoint. It is used again under a new number, and has a name that Open reads when none of its old groups is left
// on the disk. Everything else derives from the journal again at Open, which ends by writing what is in no full bundle
// into a new segment.
//
// A group that is not whole at the end of a segment was cut by a crash, if the mark does not reach it: it was never
// acknowledged, and Open drops it. If the mark reaches it, or a whole group lies behind it, it was acknowledged and is
// damaged, and Open refuses. The mark survives the process; the system writes it to the disk when it likes. Lost with the
// power it leaves the last group unguarded, since every other has one behind it, until the next checkpoint, a second at most:
// then it takes a power failure and damage to that very group at once to lose it without a word. Where the mark is damaged
// beside a group that is not whole, Open drops the group only if the other slot rules out that it was acknowledged. A whole
// group that was not acknowledged is kept.
//
// A write or sync that fails is fatal: nothing is acknowledged from there on, and only Open tells what is on disk.
//
// # Bounds
//
// [Options.Queue] leaves wait for the disk, as many are being written, up to twice as many of 56 bytes wait to be taken into
// the tree and as many are, and 64 tiles wait to be written behind. When the disk stalls the queue fills and Append refuses.
//
// # Caveats
//
// The owner of the key can sign another history, and cut the tail, together with every file here. That is what a
// [Witness] is for, on somebody else's machine: give its checkpoint to Open and Verify. A wrong leaf that was
// appended is in the log for good: the log proves what was said, not that it was true. Times are the caller's. Who can see
// the tiles learns how many events there were, and when. Nothing here keeps two processes from opening one folder.
package audit
