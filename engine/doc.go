// Package engine decides verifications: is this probe the person behind the credential it claims?
//
// It is a pure core. It starts no goroutine, reads no clock and opens no socket; whoever hosts it calls it from one
// goroutine a [Matcher] and says through [Store] where records come from. Scores do not leave it.
//
// # Where a verification flows
//
//	Batch ─▶ prepare   quantise the probe, or check it: Prepare, CheckRow        ─▶ RefusedProbe
//	      ─▶ locate    find the row of the claimed id in the arena
//	           │ not in memory
//	           └─▶ open   read it from the Store into the arena, many at once   ─▶ RefusedUnavailable, RefusedInternal
//	      ─▶ admit     row, or decoy if it is unknown, another tenant's, not active, past its end, below the level asked for
//	      ─▶ compare   all dot products in one call: simd.DotPairs
//	      ─▶ decide    zhenni.Threshold.Accept                                   ─▶ Match, NoMatch
//
// [Matcher.Verify] goes over a batch in sweeps of at most 1,024 items, each step for all of them before the next, so
// that their reads of memory overlap. An item has one outcome; only decide gives a verdict.
//
// # The arena
//
// [Arena] holds the opened rows of a node in one reserved range of memory: huge pages, locked and kept out of core
// dumps where the system allows. D is the dimension rounded up to whole lines of 64 bytes.
//
//	decoy row | rows of segment 0 | … | rows of segment 63 | index of segment 0 | … | index of segment 63
//
//	row:    header, 64 bytes: id, norm, tenant, generation, end of validity, status, level, reference bit
//	        elements, D bytes
//	index:  two slots a row, 8 bytes each: tag of the id | row + 1; 0 is empty
//
// Of [Segments] segments each has its own budget, index and clock hand, and belongs to one matcher at a time. A full
// segment evicts the row that was not asked for longest, roughly: CLOCK. Rows that leave are zeroed. A segment into
// which [Matcher.Warm] brought everything the store has is complete: until a row is evicted, an id that is not in it is
// known not to exist.
//
// An arena, and the matchers over it, are of one model: rows of two models are never in one arena, and so never compared.
//
// The store is the system of record and the arena a cache of it. [Matcher.Refresh] is called when a command is durable
// and before it is acknowledged, so what was acknowledged is what is compared.
package engine
