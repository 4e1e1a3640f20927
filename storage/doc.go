// Package storage is the system of record: sealed credentials, tenant keys and relying parties, changed only through
// [Store.Apply]. A change is an entry in a log, which is the truth; a Badger database is the view of it that reads are
// answered from, and is made again from the log when it is damaged, lost or behind.
//
// # Folder
//
//	zhenni.json   header: format, store id, model, the store key wrapped by the root key, a MAC over all of it
//	mark          high-water mark of the view, outside Badger: two slots of sequence u64 | credentials u64 | HMAC-SHA256
//	keys          the record keys of templates, see package keyfile; Options.Keys may name another place
//	slots         what each slot of the view holds, outside Badger: tallies at its last two syncs
//	damaged       while the view is known to be damaged: the next Open makes it anew
//	verifying     while the tables of the view are read in the background: an Open that finds it reads them first
//	import        while an import is half done: the records to put back when it does not finish
//	restore       while a restore is half done: Open refuses the folder, and a restore starts over in it
//	log/          the command log and its snapshot, see package commandlog
//	view/         Badger
//	nonces/       which signed requests came, see package nonce; whoever serves the store opens it
//	cold/         the cold tier, see package cold: a copy of the templates that a disk reads fast
//	base/         tables of an import, which nothing writes to, under the view of a store on a base
//	orphans/      tables that Badger would remove at Open, until every record of theirs is seen in the view
//	upgrade/      the view of the newest format, while a store of an older one is upgraded
//	quarantine/   damaged views, numbered, after the log made a new one; nothing reads them, and the newest stays
//
// # Entry of the log
//
// A command is decided and sealed by whoever proposes it, against the state of the commit before. The entry carries what
// came of it, so that applying it anywhere is writing its records: no key, nonce or time is drawn then. It is applied to
// commit sequence − 1 and to no other. Integers are little-endian.
//
//	 0  version u8 = 2 | kind u8 | sequence u64 | number of records u32
//	14  kind 2: credentials u64
//	    tallies: number u32, and for each place u16 | records u32 | digest u64, u64; the places ascend
//	    records: key length u16 | value length u32 | key | value
//	    HMAC-SHA256 of all of it, under a key derived from the store key
//
// Kind 1 is a change, and its tallies are what it adds to those before it. Kind 2 says that the view was written outside
// of the log, by an import or before there was a log, and carries the high-water record; its tallies are what the view
// holds then, and a snapshot follows it. Version 1, which still opens, has no tallies, and for kind 2 a digest of its own
// [32] behind the credentials. Records are sealed as in the view, so the log holds no template, key or hash of an API key
// in the clear. The key of a template is in the key file and in nothing else: an erasure destroys it for log, snapshots,
// tables and copies of them at once.
//
// # Tallies
//
// A tally is the number of records in a place and the sum of their digests, in two lanes modulo 2⁶⁴: it does not depend
// on their order, and what replaces a record adds the difference. Places 0 … 16383 are the slots of the credentials, 16384
// holds tenant keys, relying parties, erasures, re-proofs, ends of validity and what is known of the key file; the high-water record
// and the position are in none. The digest of a
// credential's record is the CBC-MAC of AES-256 over three blocks, under a key derived from the store key:
//
//	kind u8 | factor u8 of a template, else 0 | zeros
//	credential id
//	last 16 bytes of the value: the tag of its seal, which stands for all of it
//
// That of any other record is the first 16 bytes of HMAC-SHA256 over key length u16 | key | value, under another.
//
// The file slots holds the newest generation, and the one before it:
//
//	index u64 | sequence u64 | tallies as above | HMAC-SHA256 of all of it, under a key of its own
//
// It is written, whole, whenever the view was synced. Open takes the generation at the position from which it applies the
// log again, and adds what each entry says. A generation ahead of the log's end refuses the log; none at the position of
// the view, and the view is made anew.
//
// # Agreement
//
// Badger takes a block that fails its checksum for absent, and answers with an older version of a record, or none. So
// nothing that it says of a slot is believed before a walk of the slot, in one transaction, has found its tally: the first
// read of each slot since Open walks it, and so do References before its first visit, snapshots, [Store.Check] and the
// scrub. A slot that differs is refused from then on, with [zhenni.ErrCorrupt]; never is a record of it said to be absent.
// The view is marked, and the next Open puts it into quarantine and makes it anew from snapshot and log. That needs the
// store for itself: every reader holds the database that would be replaced.
//
// # Cold tier
//
// With [ColdMade] the store has a second copy of the templates, of fixed size and under a key of its own, which a read is
// answered from where it can be; of whatever the tier does not answer, an id that it has not included, the view is asked.
// It is made from a walk of the view, slot by slot as agreed, and then follows the log: each entry, once the view has it,
// puts and removes in the tier what it changed, before anybody is told. An erasure is synced there by then. The tier is
// marked with every sync of the view, before the view counts as synced: what a start applies again includes all that the
// tier may lack. A tier that lacks more, as one put back or one that was not open meanwhile, or that is ahead of the log,
// is destroyed, its key first; so is one that fails a write, before the change is acknowledged. Credentials whose validity
// ends, or whose factor is locked, are not in it: its records have no room for either. It is in no snapshot and no
// backup. Unlike the view's it can be read without a walk of the slot, for nothing takes a damaged record for absent.
//
// # Base
//
// An import may make what it writes the base of the store, see [ImportOptions]: Badger is closed, its tables are moved into
// base/, and a new Badger lies over them. The view is both layers: a record of the upper one hides that of its key in the
// base, and no record is ever deleted. A base holds credentials and nothing else, so that no tenant key stays in it as an
// earlier root wrapped it. The header names it, and base.json says what it is:
//
//	id      16 bytes, random
//	tallies of its records, as above
//	files   name, length and tag of each table: AES-256-GMAC, the nonce its number in the list as of a chunk
//	mac     HMAC-SHA256 over the JSON of all that
//
// The key of the tags is derived from the store key and the id. A snapshot then is what lies over the base, and a backup
// has the tables once. So the disk holds each imported template once, where view and snapshot are two copies otherwise, and
// neither a snapshot nor a view made anew costs what the base holds. No log is cut behind a snapshot before every record of
// the base was found as tallied, once since Open.
//
// The price: what is damaged in the base is nowhere else in the store. It is found, by the tags when Open reads up to
// 256 MiB, else by the scrub, and by the tally of a slot before the first read of it; it is never believed; but the view can
// not be made again around it. Open then refuses the store and names the file, and that file of a backup, put back, is the
// repair. Therefore a base is chosen by name, for a disk that has no room for two copies, and never taken by itself.
//
// The upper layer grows with what changes, to one record of each key at most: a store all of whose credentials were
// replaced takes three copies. Snapshots warn from a quarter of the base on. A base is not made anew but by an import.
//
// Links to tables that Badger uses would do without the second layer, but Badger truncates a table before it removes it,
// and with it every link. Where a database opened for reading would make a file of its own in its folder, the tables are
// read by themselves, so that a base serves on a disk that takes no writes.
//
// An import that becomes a base moves the tables, seals them, replaces the header, writes the rest over them and then has
// its entry in the log. The file import tells the next Open of one that was cut short before that: the header ceases to name the
// base, the base is removed, and the records kept are put back.
//
// # Snapshot
//
// Every record of the view but its position, as of one entry, in order of key:
//
//	"zhenni snapshot 2\n" | id [16], random
//	chunks: length u32, its highest bit set in the last | at most 1 MiB | AES-256-GMAC of both [16]
//
// The key of the tags is derived from the store key and the id; the nonce is the chunk's number u64 | 1 in the last, else
// 0 u32. What the chunks carry, one behind the other:
//
//	index u64 | sequence u64 | tallies as above
//	records as above, then one of no key and no value
//	number of records u64
//
// Version 3 is of a store on a base: the id of the base [16] stands behind the sequence, the records are those over the
// base, and the tallies those of both. Version 1, which still reads, has position, records and number behind its first
// line, in no chunks, and then HMAC-SHA256 of all of it. One is written after an import, beside what goes on, and when the
// entries since the last take half the space of the view (64 MiB to 1 GiB). The records are held against the tallies as
// they are written and read. The log is cut behind a snapshot once it was read back.
//
// # Backup
//
// A folder of its own, anywhere: the log as far as the backup goes, in a snapshot, where the log began behind one, and
// runs of entries. The manifest is replaced last and whole, and is what makes the rest a backup.
//
//	manifest.json            header, size and SHA-256 of every other file, where the backup ends, a MAC over all of it
//	table-<base>-<name>      a file of the base, as it is
//	base-<index>             a snapshot, as above
//	log-<first>-<last>       "zhenni backup 1\n", then of each entry, Raft's own too:
//	                         index u64 | term u64 | kind u8 | length u32 | the entry, as above
//
// The header has the store key as the root key wraps it; the root key is not in a backup. Nor is what an audit log beside
// the store holds: that is copied on its own, and a restored store is at a commit of the past.
//
// The keys of templates are not in it either. The key file is copied to another place, slot by slot from the last page to
// the first while it is in use, after the entries were copied and before the manifest is replaced: so a copy of the keys
// is as new as the backup it was made with or newer, also where one of the two was interrupted. A restore lays data, then
// what the lost log has beyond them, then the copy of the keys, and only then opens them for writing. Keys that are newer
// than the data are kept, and a credential erased in between is refused for want of its key. Older ones are refused;
// adopted, what the data say was erased is erased in them again. A rotation of a tenant's key takes both anew: the keys
// from after it are wrapped by a version that the data from before it lack.
//
// # Keys of the view
//
// The first byte says what a record is. Credential ids are random, so the records of a credential lie side by side and
// a range of slots is a range of keys.
//
//	c | id [16] | n                      PIN of a credential, and the attempts on it
//	c | id [16] | s                      status of a credential
//	c | id [16] | t | factor             template of a credential, by the first model
//	c | id [16] | w | factor | number    template of a credential, by another
//	c | d [16] | u | d [16]              subject of a tenant, d the two halves of a keyed digest
//	e | place u64 be                     the key at that place of the key file is destroyed, or about to be
//	f                                    what the view knows of the key file
//	i                                    check value of the root that the subjects are known under
//	i | version u32 be                   check value of the pepper of that version
//	k | tenant u32 be | version u16 be   tenant key: u8 0 for a version that was dropped; u8 1, then what the root key made
//	                                     of it; while the root key changes u8 2, length u16, what either made of it
//	m | w                                high-water record: what the last commit reached
//	m | a                                position: applied and durable, each index u64 | sequence u64, and HMAC-SHA256
//	o | number                           model; the first has none before it is retired
//	p | id                               relying party; a removed one stays, marked
//	v | slot u16 be                      before when nothing in the slot is due
//	r | credential id                    re-proof: failed attempts before it are forgotten
//
// # Sealed record
//
// Every value but a tenant key has one of three forms. Integers are little-endian. A template has version 2 or 3, all else
// version 1:
//
//	 0  version u8 = 1 | tenant u32 | tenant key version u16 | generation u32     clear, authenticated
//	11  nonce [12]
//	23  record key [32] + tag [16], sealed by the tenant key                      AES-256-GCM
//	71  body + tag [16], sealed by the record key                                 AES-256-GCM
//
//	 0  version u8 = 2 | tenant u32 | generation u32 | place u64                  clear, authenticated
//	17  body + tag [16], sealed by the record key                                 AES-256-GCM
//
//	    at that place of the key file: nonce [12]
//	12  record key [32] + tag [16], sealed by the tenant key                      AES-256-GCM
//	60  tenant key version u16
//
//	 0  version u8 = 3 | tenant u32 | generation u32 | place u64 | nonce [12]     clear, authenticated
//	29  body + tag [16], sealed by a key derived from the record key at the place  AES-256-GCM
//
// The associated data of both seals is the clear front, the model id with its length, and the record's own key: tenant,
// credential, factor, model, generation and key version or place. A record or slot copied, swapped or relabelled does not
// open. Tenant 0 is the store itself; its key is derived from the store key.
//
// A record key is 32 random bytes and seals exactly one body: a changed record gets a new one. Under a key used once
// no nonce can repeat, whatever its value. The tenant key seals one record key for each record written, under random
// 96-bit nonces: two of 2³² writes share one with a chance below 2⁻³², the bound of NIST SP 800-38D. Every
// record names the version of its tenant key, so that a tenant gets another before that.
//
// # Bodies
//
//	status         status u8 | level u8 | generation of the template u32 | enrolled | changed
//	               of version 3 or 4, behind it: u8 = 3 or 4 | locked factors u8 | valid until, seconds u64 |
//	               place in the status lists u64, and where a person is known: place in the key file u64 | person
//	person         nonce [12] | AES-256-GCM of region u32 | device [34] | subject [32] | name tag [16], of version 4 also
//	               commitment to the rotation key [32] | tag [16]
//	subject        flags u8 (1: all are here) | id of the credential issued last [16], zeros for none | ids of those before [16] each
//	               but for the erased; of a store from before there was more, the first id alone
//	identity root  check value [16], as that of a pepper
//	due            seconds u64 since 1970
//	template       dimension u16 | Σq² u32 | row [dimension]
//	               of version 3 it may be empty
//	model          retired u8 | factor u8 | dimension u16 | id
//	relying party  form u8 | marks u8 | roles u8 | tenant u32 | key hash [32] | created | rest
//	high water     sequence u64 | credentials u64
//	key file       places given out u64 | epoch u64
//	erased         credential id [16]
//	PIN            version u8 = 1 | attempts begun u8 | paused until | generation u32 | verifier, none once the PIN is gone
//	re-proof       version u64 | when | tenant u32 | generation u32 | status u8, of the credential then
//
// The form of a relying party is 2 of one that is there and 3 of a removed one, and 4 more of one that is stopped. A removed
// one stays, so that its id is never given again. The rest then is
//
//	items a minute u32 | items a day u64
//	name: length u8 | text, sector: length u8 | text
//	keys: number u8, and for each public key [34] | not after
//	certificates: number u8, and for each SHA-256 [32] | not after
//	services: number u16, and for each length u8 | text
//	stopped at, where it is
//
// Its marks are 1 of a party of evaluation and 2 of a suspended one.
//
// Forms 0 and 1, which still read, have the name and nothing else there.
//
// A time is seconds u64 | nanoseconds u32 since 1970. The generation in the front of a relying party counts its
// versions, that of the high-water record is 0. The generation of a status record is the credential's; its
// template keeps the generation it was written with, which the status names. So a suspension re-seals no template,
// and an older template put back does not pass.
//
// A PIN's record is of tenant 0, and is wrapped by a key of its credential's own, HMAC-SHA256 over the record's key under a
// key derived from the store key: it is written for every attempt. An erasure writes one without a verifier over it. What
// copies of the store keep of the verifier before takes the store's root key and the pepper, which is kept apart, to try.
// # Models
//
// A store is made for a model, number 0, whose templates are of version 2. Others are added, each with the next number, and
// never given another; so one that is retired and added again has none of the templates that it had. A template of a further
// model is of version 3: its key is HKDF-SHA256 of the credential's, over the record's own key, and the slot at its place is the
// one of the credential, wrapped for a front of version 2. So an erasure destroys one key, and every template with it; a
// rotation wraps one key anew; and a status, which is read with whatever template, is of all models.
//
// A record of version 3 with an empty body says that there is no template. It stands where that of number 0 would, in a
// credential that was enrolled by another model, so that the place of its key is found there always, and over every template of a
// model that was retired. It is no erasure: logs, snapshots and backups from before keep the template under the credential's
// key, for as long as they are kept. A template is written once, and otherwise only with another credential: what an older
// record in its place would be is told by the tally of the slot alone, for its generation is that of the first template.
//
// Whose templates are missing is found by a walk of statuses and keys, and kept nowhere. An import is of number 0, and the cold
// tier has no other. A store with a further model is not given back to a build that does not know of any.
//
// # Subjects
//
// A status record is of version 3 where it has something that version 1 does not, as that of every credential issued to a
// subject, and of version 4 where the templates are rotated by a key of the holder; others stay as they are, byte for byte. What is known of the person is sealed in it under a key of its own,
// HKDF-Expand with SHA-256 of the template's record key, which is in the key file and nowhere else; its associated data is the
// key of the status record. A change of the status takes it along unopened, a move to another device seals it anew. So a
// match opens no more than a status; who asks for a credential, or issues one in its place, opens the person too. One that
// does not open is absent: the credential is suspended, revoked and erased as ever, and no device is its own. The record of a subject lies at HMAC-SHA256 of tenant u32 be | handle,
// under a key derived from the store key, so that no key of the view tells a handle; it stands among the credentials, and
// is tallied in the slot that the digest names. It names the credential issued last, which may be live, and all before it that are
// not erased, so that a person can be erased whole ([Store.SubjectCredentials]). It is written in the commit of the issue, with the
// status of the credential that the issue voids. An erasure takes the credential out of it, and leaves the status without
// the person; older status records, in log, snapshots and backups from before, have the person under a key that is destroyed.
//
// What remains of an erased subject is its record at the digest, in the view, of no credential; and in copies from before,
// the log until a snapshot after the erasure has cut it and backups for as long as they are kept, the record as it was, which
// names its credentials. It takes the store's root key and the handle, so the ID number and the root of the handles, to find it:
// who knows the person can tell that there was a credential, and nobody gets from a credential to its person.
//
// The place in the status lists is made of the template's place in the key file, which nobody else ever has: with
// n = 15/16 · 2²⁰, list place / n + 1, and the index that a permutation of 2²⁰ puts place mod n at, under a key derived from the
// store key. The other 1/16 of the permutation are of no credential, ever: the decoys of a list, see [Store.SpareIndices]. The
// permutation is a Feistel network of eight rounds on two halves of 10 bits; a round mixes in the lowest bits of AES-256 of
// place / n u32 | round u32 | half u32 | 0 u32. An erased status keeps its place, which nobody is given again.
//
// # Validity
//
// That a credential is past its end is decided where it is matched, by the clock; its status follows when a sweeper says
// [zhenni.Expire]. To find what is due, each slot that ever had a credential with an end has one record with a second that
// is not later than the first of them. A commit that lowers it writes it. [Store.Due] walks the slots whose second has come
// and raises it in memory; after a start some are walked once in vain. So the index is of 16,384 records at most.
//
// # Key file
//
// The keys of new templates are written and synced before the entry that needs them is proposed. An erasure first makes
// its status durable, in the log and the view, so that nothing matches; then it overwrites the key and syncs; then the
// epoch of the file follows that of the view; then it is answered. A file one epoch behind is what a crash in between
// leaves, and Open finishes the erasure. One further behind, or without the last place given out, is an older copy, in
// which erased keys may be back: Open refuses it, and with AdoptKeys destroys them again. One that is ahead belongs to
// newer data than the view's, as after a restore, and its keys are kept.
//
// Keys behind the last place, of the same epoch and no more than one commit has, are those of a commit that a crash
// prevented; Open drops them. A damaged slot loses one template, which is refused.
//
// The data may be backed up without the key file for as long as is wanted. A copy of the key file opens what was erased
// since: such copies are kept apart and for a stated number of days, after which an erasure is complete.
//
// # Rotation
//
// [RotateRoot] wraps the tenant keys by both roots, replaces the header by one of the next root, then wraps the tenant
// keys by that alone. [Store.RotateTenant] adds a version, overwrites each slot of the tenant with the record key wrapped
// by it, seals the status records anew in commits of bounded size, and drops the old version once a walk has met no user
// of it. It starts and ends an epoch, so that a key file from before is known. Neither undoes the loss of a key with the
// files it opens: whoever has both has the templates.
//
// # Older formats
//
// Format 1 had no log, format 2 no tallies, format 3 no key file: there a template of version 1 carries its wrapped key,
// in the log, in snapshots and in every table. A writing Open makes a new view of version 2 in upgrade/, replaces the
// header, removes the log, the snapshots and the old view, and takes the new one over. It needs room for a second view.
// Copies of the store from before, and views in quarantine, keep templates that no erasure reaches; so do the blocks of
// removed files until the disk uses them again.
//
// A status record of version 2, 3 or 4 is of no newer format: a build that does not know it refuses that credential, as one whose
// record is damaged, and serves the others. A store that has issued to a subject is therefore not given back to an older build.
// Version 2 had the person in the clear, under the tenant's key alone:
//
//	u8 = 2 | locked factors u8 | region u32 | valid until, seconds u64 | place in the status lists u64 | device [34] |
//	subject [32] | name tag [16]
//
// It is read on. The first change of the credential writes version 3, and [Store.RotateTenant] that of all of a tenant; its
// snapshot then cuts the log. Backups from before keep version 2, which no erasure reaches.
//
// Format 5 is format 4 on a base. A store becomes one by an import, and an older build refuses it.
//
// # What is durable when
//
// An entry is synced in the log when Apply returns. The view is not: each entry is one transaction with the position it
// reaches, synced every 32 MiB of entries, with every snapshot and at Close, and the position says up to where; the tallies
// are written and synced before it does. Open applies the log again from there, over whatever else Badger kept: the last
// record of a key wins, as before. Badger's own Sync would not do, for it leaves out the memtables that wait to be written.
//
// The mark is written after the commit and before the answer, and not synced: it survives the process, not a power
// failure, and is never ahead. What ends behind its mark, or behind what the view was found to have, has lost
// acknowledged changes, and Open refuses it. A read-only store does not read the log, and shows a view behind the mark.
//
// A write that fails, to the log, the view or the mark, ends changes until the store is opened again, and never reads:
// see [Store.Accepting]. Options.VerifyOnly opens what a crash left on a disk that takes no writes: its view is made in
// memory from the whole log, and a log that ends behind the mark is refused.
//
// A [Recorder], the audit log, is told of every commit when the view has it, before the answer and before the view counts as
// synced up to it. So a commit that a crash left unrecorded is behind the durable position, is applied again by the next Open,
// and is recorded then. Open refuses a store that is behind its record, which is how a whole folder put back is seen where
// the record lies elsewhere, and a record that is behind its store.
//
// # Caveats
//
// One loss goes unseen, and it can undo a status change: a whole folder put back as it was earlier, with log, mark, slots
// and record. It takes a witness outside. What is lost inside Badger after a slot was walked is seen by the next walk of
// it, at the latest by the scrub's; until then a single read, of a row that is not in the engine's arena, may be answered
// from an older version.
//
// Open reads tables of up to 256 MiB whole before it goes on. Those of a larger view are read once it serves, at full
// speed, and until then a compaction that meets a damaged one may end the process; the next Open then reads them first.
//
// An entry that fails its seal refuses the store even where the view has it: what the log lost after it is not known.
//
// A full or failing disk can end the process in a mapped read; Apply and imports refuse below a reserve of space.
// Where the disk reads ahead, cold single reads are slow (hundreds a second): fill memory by [Store.References], which
// reads in order, and serve from there.
package storage
