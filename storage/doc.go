// Package storage is the system of record: sealed credentials, tenant keys and relying parties, changed only through
// [Store.Apply]. A change is an entry in a log, which is the truth; a Badger database is the view of it that reads are
// answered from, and is made again from the log when it is damaged, lost or behind.
//
// # Folder
//
//	zhenni.json   header: format, store id, model, the store key wrapped by the root key, a MAC over all of it
//	mark          high-water mark of the view, outside Badger: two slots of sequence u64 | credentials u64 | HMAC-SHA256
//	import        while an import is half done: the records to put back when it does not finish
//	log/          the command log and its snapshot, see package commandlog
//	view/         Badger
//	orphans/      tables that Badger would remove at Open, until every record of theirs is seen in the view
//	quarantine/   damaged views, numbered, after the log made a new one; nothing reads them
//
// # Entry of the log
//
// A command is decided and sealed by whoever proposes it, against the state of the commit before. The entry carries what
// came of it, so that applying it anywhere is writing its records: no key, nonce or time is drawn then. It is applied to
// commit sequence − 1 and to no other. Integers are little-endian.
//
//	 0  version u8 = 1 | kind u8 | sequence u64 | number of records u32
//	14  kind 2: credentials u64 | digest of the import [32]
//	    records: key length u16 | value length u32 | key | value
//	    HMAC-SHA256 of all of it, under a key derived from the store key
//
// The digest of an import is SHA-256 over those of its blocks of 1,024 credentials, each over key | last 16 bytes of the
// value of every record. Kind 1 is a change. Kind 2 says that the view was written outside of the log, by an import or before there was a log,
// and carries the high-water record; a snapshot follows it. Records are sealed as in the view, so the log holds no
// template, key or hash of an API key in the clear. A record carries its own wrapped key. Keys that are to be erased
// apart from log and snapshots need a record version that names a place in a key file instead; entry, log and snapshot
// do not look into records and stay as they are.
//
// # Snapshot
//
// Every record of the view but its position, as of one entry, in order of key:
//
//	"zhenni snapshot 1\n" | index u64 | sequence u64
//	records as above, then one of no key and no value
//	number of records u64 | HMAC-SHA256 of all of it
//
// One is written after an import, and when the entries since the last take half the space of the view (64 MiB to
// 1 GiB). The log is cut behind it once it was read back.
//
// # Keys of the view
//
// The first byte says what a record is. Credential ids are random, so the records of a credential lie side by side and
// a range of slots is a range of keys.
//
//	c | id [16] | s                      status of a credential
//	c | id [16] | t | factor             template of a credential
//	k | tenant u32 be | version u16 be   tenant key: version u8 = 1, then what the root key made of it
//	m | w                                high-water record: what the last commit reached
//	m | a                                position: applied and durable, each index u64 | sequence u64, and HMAC-SHA256
//	p | id                               relying party; a removed one stays, marked
//
// # Sealed record
//
// Every value but a tenant key has this form. Integers are little-endian.
//
//	 0  version u8 = 1 | tenant u32 | tenant key version u16 | generation u32     clear, authenticated
//	11  nonce [12]
//	23  record key [32] + tag [16], sealed by the tenant key                      AES-256-GCM
//	71  body + tag [16], sealed by the record key                                 AES-256-GCM
//
// The associated data of both seals is the clear front, the model id with its length, and the record's own key: tenant,
// credential, factor, model, generation and key version. A record copied, swapped or relabelled does not open.
// Tenant 0 is the store itself; its key is derived from the store key.
//
// A record key is 32 random bytes and seals exactly one body: a changed record gets a new one. Under a key used once
// no nonce can repeat, whatever its value. The tenant key seals one record key for each record written, under random
// 96-bit nonces: two of 2³² writes share one with a chance below 2⁻³², the bound of NIST SP 800-38D. Every
// record names the version of its tenant key, so the format has room for a second key beyond that.
//
// # Bodies
//
//	status         status u8 | level u8 | generation of the template u32 | enrolled | changed
//	template       dimension u16 | Σq² u32 | row [dimension]
//	relying party  removed u8 | evaluation u8 | roles u8 | tenant u32 | key hash [32] | created | name
//	high water     sequence u64 | credentials u64
//
// A time is seconds u64 | nanoseconds u32 since 1970. The generation in the front of a relying party counts its
// versions, that of the high-water record is 0. The generation of a status record is the credential's; its
// template keeps the generation it was written with, which the status names. So a suspension re-seals no template,
// and an older template put back does not pass.
//
// # What is durable when
//
// An entry is synced in the log when Apply returns. The view is not: each entry is one transaction with the position it
// reaches, synced every 32 MiB of entries, with every snapshot and at Close, and the position says up to where. Open
// applies the log again from there, over whatever else Badger kept: the last record of a key wins, as before. Badger's
// own Sync would not do, for it leaves out the memtables that wait to be written.
//
// The mark is written after the commit and before the answer, and not synced: it survives the process, not a power
// failure, and is never ahead. What ends behind its mark, or behind what the view was found to have, has lost
// acknowledged changes, and Open refuses it. A read-only store does not read the log, and shows a view behind the mark.
//
// A [Recorder], the audit log, is told of every commit when the view has it, before the answer and before the view counts as
// synced up to it. So a commit that a crash left unrecorded is behind the durable position, is applied again by the next Open,
// and is recorded then. Open refuses a store that is behind its record, which is how a whole folder put back is seen where
// the record lies elsewhere, and a record that is behind its store.
//
// # Caveats
//
// Two losses go unseen, and either can undo a status change: a revoked credential may be active again, and match. One
// is a whole folder put back as it was earlier, log, mark and record included. The other is a record whose newest version is
// lost inside Badger, from before the durable position, while an older one survives below it: Badger takes a block that
// is damaged after Open, and fails its checksum, for absent. Open reads every table and log of it once for that reason,
// and [Store.Check] reads the tables again. Telling the second needs counts and digests of each slot, not kept yet.
//
// An entry that fails its seal refuses the store even where the view has it: what the log lost after it is not known.
//
// A full or failing disk can end the process in a mapped read; Apply and imports refuse below a reserve of space.
// Where the disk reads ahead, cold single reads are slow (hundreds a second): fill memory by [Store.References], which
// reads in order, and serve from there.
package storage
