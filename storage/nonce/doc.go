// Package nonce remembers which signed requests came, for as long as their signatures are in time, so that each is taken
// once: also after the process was killed, and without refusing anything good then.
//
// What is remembered is a digest of 16 bytes, made by the caller of who signed, under which key and with which nonce. It
// reads no clock: times are passed in.
//
// # Segments
//
// Digests are kept by the end of their time, in segments of ten seconds. A segment's number is that time in Unix seconds
// divided by ten. Nine are held: what a signature may have left, 65 seconds, lies in eight of them. The segment of number n
// is a set in memory and the file n mod 9 beside it, which takes its place when the segment nine before it is over. It is made
// under the name of that with ".new" behind it, when the segment before it begins, so that nobody waits for it:
//
//	 0  "zhenni nonces 1\n" | boot [16] | number i64 | floor i64 | after i64 | CRC-32C u32 of all that | zeros [4]
//	64  entries: digest [16] | CRC-32C u32 of digest and number i64
//
// Integers are little-endian. A file that has no segment yet has the number −1. Boot is a digest of the machine's boot id,
// floor the least number and after the least time of creation, in Unix seconds, that are taken.
//
// An entry is one write into the page cache, which outlives the process: no write is synced. One of zeros is a place that
// was given out when the process was killed, before its request was answered. A mapped file would save the call, 1 µs beside
// a verification of 50, and end the process where the disk is full.
//
// # Forgetting
//
// The page cache ends with the machine. So after another boot, and where a file is missing or damaged, what is remembered
// is not all there was, and nothing is taken that might have come before: nothing created up to five seconds after Open, for
// so far ahead may a clock be that signs, and nothing that ends before the newest segment does. That is over within
// seconds, for signatures that end early within a minute, and the log says it.
//
// A clock that steps back comes to times whose segments are forgotten. What would lie in one is refused until the clock is
// where it was, and the log says it. A request whose body took so long that its own segment is forgotten is refused too, and is
// no clock that is behind. Where the clock was wrong when it was ahead, that may be long: removing the folder while the server is
// stopped starts anew, and gives up what it knows of requests up to the wrong time.
//
// A full segment refuses what is new. It forgets nothing for it.
package nonce
