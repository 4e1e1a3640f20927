// Package storage is the system of record: sealed credentials, tenant keys and relying parties in one Badger database,
// changed only through [Store.Apply].
//
// # Folder
//
//	zhenni.json   header: format, store id, model, the store key wrapped by the root key, a MAC over all of it
//	mark          high-water mark of the view, outside Badger: two slots of sequence u64 | credentials u64 | HMAC-SHA256
//	import        while an import is half done: the records to put back when it does not finish
//	view/         Badger
//	orphans/      tables that Badger would remove at Open, until every record of theirs is seen in the view
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
// A change is synced to disk when Apply returns. The mark is written after the commit and before the answer, and not
// synced: it survives the process, not a power failure, and is never ahead of the view. A view behind its mark has lost
// acknowledged changes, and Open refuses it.
//
// # Caveats
//
// Two losses go unseen, and either can undo a status change: a revoked credential may be active again, and match. One
// is a whole folder put back as it was earlier. The other is a record whose newest version is lost inside Badger while
// an older one survives below it: Badger takes a block that is damaged after Open, and fails its checksum, for absent.
// Open reads every table and log once for that reason, and [Store.Check] reads the tables again. Refusing both needs the
// per-slot digests of a replicated log.
//
// A full or failing disk can end the process in a mapped read; Apply and imports refuse below a reserve of space.
// Where the disk reads ahead, cold single reads are slow (hundreds a second): fill memory by [Store.References], which
// reads in order, and serve from there.
package storage
