// Package meter keeps a few numbers under a name, so that what somebody has used outlives the process: the quota of a relying
// party, the window it is watched over, the minute of all of them. It costs one write into the page cache for each change, and
// no sync.
//
// # File
//
//	  0  "zhenni meter 1\n" | zeros
//	512  places of 512 bytes
//
//	place  length of the name u8 | numbers u8 | zeros [6] | name [80] | numbers i64 [50] | zeros | CRC-32C u32 of the rest
//
// Integers are little-endian. A place that is all zeros is free; a name keeps its place for good. The file grows by 64 places
// at a time, written and synced before one of them is used: then no write needs room on the disk.
//
// # What is durable when
//
// The page cache outlives the process, so a kill loses nothing that [Store.Keep] has returned from. A sync follows within a
// second of a change: a power failure loses no more than the last second, or a little longer where the disk is slow. A place is a sector,
// which a disk writes whole. One that is damaged all the same is free again: the log says that what was in it is not known.
//
// Times are the caller's, who takes what it reads for the least that was used. A file of before, put back, forgets what was
// used since; removing it while the server is stopped forgets all, which is the way out after a clock was far ahead.
package meter
