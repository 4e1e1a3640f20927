// Package cold keeps a second copy of sealed templates in a form that a disk reads fast: records of one size in flat
// files, an index of their places in memory, many reads in flight. It is for stores that are far larger than memory. A
// tier is derived: whatever is wrong with it, [Build] makes another from the system of record, which alone knows that a
// credential does not exist.
//
// # Folder
//
//	manifest.json   format, id of the tier, model, its key wrapped by the owner's, a MAC; written last, makes a tier
//	mark            up to where the tier is true: commit u64 | first place not given out u32 | HMAC-SHA256
//	rows            pages of records
//	ids             sectors of entries: what the index is made of, so that an Open need not read the rows
//	DIR.new/        a tier that is being made beside; nobody reads it
//
// # Rows
//
// A page of 4096 bytes holds as many whole records as it has room for, then zeros. D is the model's dimension; a page has
// 22 records of 128 elements, 7 of 512, 1 of 2048. Integers are little-endian.
//
//	page:    record | record | … | zeros
//
//	record:   0  id [16] | generation u32                      clear, authenticated
//	         20  random [8]                                    clear
//	         28  tenant u32 | Σq² u32 | level u4, status u4 | row [D]    AES-256-GCM
//	         37+D  tag [16]
//
// The nonce is place u32 | random. The associated data is the model's id, the place and what is clear and authenticated:
// a record that was copied to another place, or relabelled, does not open, nor does one of another tier, which has
// another key. Under one key two records share a nonce only if one place draws the same 64 bits twice. The keys of rows,
// ids, mark and manifest are derived from the key of the tier, which is drawn when it is made and lies in the manifest
// only, wrapped.
//
// # Ids
//
//	sector:  24 entries | HMAC-SHA256 of the sector's number u64 and its entries [32]        512 bytes
//	entry:   id [16] | generation u32; generation 0 is a free place
//
// Entry n of the file is of the record at place n. A sector is written whole, so a crash leaves it as it was before or
// after. Behind the records that the tier was made with, sectors may be zeros: room to grow into.
//
// # Index
//
// A table for each of the 16,384 slots, open addressing, at most 7/8 full and grown by an eighth:
//
//	entry: tag u24 | generation u8, the low bits | place + 1 u32
//
// 8 bytes a credential and the empty room come to about 10. An id whose tag another one has costs a read more, now and
// then: the record says whose it is.
//
// # What an answer rests on
//
// A stale record never answers for a credential that was changed. Four rules see to it:
//
//  1. Whoever changes the system of record calls [Tier.Put] or [Tier.Remove] before the change is acknowledged. The index
//     turns to the new generation, or forgets the id, before the first byte is written.
//  2. A record is believed only if it opens, at its place, as the generation that the index has.
//  3. The tier says up to which commit it is true, and says so only when everything before is durable. Whoever opens it
//     makes every later change again, in order, before the first read; and takes no tier whose mark lies behind what
//     there is to make again, or beyond the end of it. What a crash left of later changes, whole or in part, is
//     overwritten or doubted.
//  4. An id has one place: Open refuses ids that have two, and ids or a mark that fail their seal.
//
// A record that is doubted, damaged or not there is an error of that item: its caller asks the system of record. A change
// that fails breaks the tier for good; it then answers nothing, and its mark stays.
//
// # Erasure
//
// Remove overwrites the row with zeros and syncs it before the id is taken out, so a crash in between leaves an id whose
// row is overwritten again. A row that a crash left without its id is overwritten by Open. So when Remove has returned,
// no file of the tier has the template. As of the key file: a disk that moves blocks, flash or a copy-on-write file
// system, may keep the old one until it is used again. A copy of the folder keeps what is erased later: it is not to be
// backed up, and need not.
//
// # Reading
//
// [Tier.Read] sorts what it is asked for by place, reads each page once, [Options.Depth] at a time and around the page
// cache, and opens its records from where they lie. On Linux the reads go through an io_uring, one system call for
// several; where there is none, or it is not allowed, through as many goroutines, at more than twice the processor time.
//
// # Caveats
//
// Places of removed records are not used again until the tier is made anew. Whoever can write to the disk can put back a
// record together with its sector of the ids, as of the same tier: each bears its seal. That the two agree with the
// system of record is seen by comparing them, not by Read.
package cold
