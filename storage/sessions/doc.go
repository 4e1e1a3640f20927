// Package sessions keeps the sessions of a node: those that are live, and those that ended not long ago, for the parties that
// come back to ask how.
//
// Every change is an entry of a command log of its own, durable before [Store.Put] returns. What an entry holds is the whole
// session after the change: the log carries results and replays decide nothing, so a session begun by one build goes on under
// another. The state is in memory; a start reads the newest snapshot and the entries behind it.
//
// A change is made by compare and set: it says by its version which state it follows, and of two that follow the same one is
// made. Nothing is ever changed but by whoever saw what it was.
//
// # Folder
//
//	key, key.next   the key of the sessions, wrapped by the store's: see package wrappedkey
//	log/            the command log, see package commandlog
//
// # Entry
//
// An entry is sealed with AES-256-GCM under a key of the time since the store was opened, in which numbers do not repeat:
//
//	0   1
//	1   salt [32], drawn when the store was opened; HKDF-SHA256 of key and salt gives the sealing key
//	33  number, 8 bytes, big-endian: the nonce behind four zeros
//	41  ciphertext and tag; the associated data is "entry"
//
// The plaintext is a byte that says what it is and its body: 1 and a session; 2 and the ids of sessions that are forgotten; 3 and
// a pair of persons of whom one does not want to be asked by the other; 5 and a person with the reports about them that count, as
// they are from then on: whether the person is barred from asking in a byte, and of each report who made it and the Unix time in
// eight bytes; 16 and a note: the length of its key in a byte, the key, and what it says, which is nothing where the note is forgotten.
// Persons are keyed digests. Notes are kept for whoever tells of sessions; what they say is theirs.
//
// A snapshot is the text "zhenni sessions 1\n", the index of the last entry it holds in eight bytes, big-endian, the records it takes
// to make the state, each as an entry behind its length in four bytes, and one of the kind 4 with their number. Their
// associated data is "snapshot", and they are numbered from 0 under a salt of the snapshot: none can be left out, moved or
// taken from another.
package sessions
