// Package commandlog is one log of entries, replicated by Raft and applied in order to a [Machine].
//
// An entry is durable before it is applied, and applied before [Log.Propose] answers. One node is a group of one
// voter: it elects itself, opens no listener and runs the same code as a larger group. What an entry holds is the
// machine's business; this package reads none of it and logs none of it.
//
// # Folder
//
//	*.wal          the log, raft-wal: segments of entries with checksums, synced once a batch
//	catalog.json   the segments, and Raft's term and vote, under a checksum
//	snapshots/     one, two while the newer is verified: a stream of the machine's with the index it reaches
//
// # Opening
//
// [Open] reads every entry that a start would apply and shows it to the machine, because Raft ends the process over an
// entry that it cannot read. Only [Log.Start] hands entries to the machine: those behind the newest snapshot, which is
// restored first when the machine lacks what it holds. The machine passes over what it has.
//
// # Truncation
//
// The log is cut only behind a snapshot that was read back and verified after it was written.
//
// # A failing disk
//
// The first operation on the disk that fails ends Raft and refuses every later proposal; the process, and reads of the
// machine, go on. Nothing is tried again: [Open] reads what is really there.
package commandlog
