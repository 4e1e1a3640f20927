package zhenni

import "time"

// Stats is what a node tells its operator: counts since it started and levels now. It holds nothing about a person.
type Stats struct {
	// Outcomes counts the items answered, by outcome.
	Outcomes [OutcomeCount]uint64 `json:"-"`
	// Admitted counts items let in, RefusedAtDoor those turned away by admission, Expired those whose deadline passed
	// before an outcome was given. Admitted = Σ Outcomes + Expired once nothing is in flight.
	Admitted      uint64 `json:"admitted"`
	RefusedAtDoor uint64 `json:"refused_at_door"`
	Expired       uint64 `json:"expired"`
	// Replays counts probes identical to the reference, each an alarm: a captured template is being replayed.
	Replays uint64 `json:"replays"`
	// SharedProbes counts probes identical to that of another credential in the same request: one face tried on many.
	SharedProbes uint64 `json:"shared_probes"`
	// Panics counts panics caught in shards, Restarts the shards restarted, Parked the credentials parked as poison.
	Panics   uint64 `json:"panics"`
	Restarts uint64 `json:"restarts"`
	Parked   uint64 `json:"parked"`
	// Attempts counts failed attempts at credentials.
	Attempts AttemptStats `json:"attempts"`
	// Shards holds one entry a shard.
	Shards []ShardStats `json:"shards"`
	// Arena describes the rows held open in memory.
	Arena ArenaStats `json:"arena"`
	// Store says whether changes are taken.
	Store StoreStats `json:"store"`
	// Cold describes the cold tier; nil where there is none.
	Cold *ColdStats `json:"cold,omitempty"`
}

// AttemptStats count what became of attempts at credentials, by item, since the node started.
type AttemptStats struct {
	// Failed counts non-matches held against a credential, Barred the items answered as a non-match because their
	// credential was barred, Paused how often one came to be paused, Disabled how often one came to be disabled.
	Failed   uint64 `json:"failed"`
	Barred   uint64 `json:"barred"`
	Paused   uint64 `json:"paused"`
	Disabled uint64 `json:"disabled"`
	// Reset counts re-proofs.
	Reset uint64 `json:"reset"`
	// Held is how many counts there are now. Displaced is how many went for newer ones, Uncounted how many items were
	// refused because there was no room for their count.
	Held      int64  `json:"held"`
	Displaced uint64 `json:"displaced"`
	Uncounted uint64 `json:"uncounted"`
}

// StoreStats says whether the store takes changes now. Verification goes on either way.
type StoreStats struct {
	Changes bool `json:"changes"`
	// Refusing is why not, and what to do.
	Refusing string `json:"refusing,omitempty"`
}

// ColdStats describes the copy of the templates that is read where they are not in memory.
type ColdStats struct {
	// Records is how many templates it holds, Index the bytes of memory of its index, Disk the bytes of its files.
	Records int   `json:"records"`
	Index   int64 `json:"index_bytes"`
	Disk    int64 `json:"disk_bytes"`
	// Pages is how many pages were read, Damaged how many records failed their seal, Doubted how many were not those that
	// the index knows, each since the store was opened. The last two were read elsewhere.
	Pages   uint64 `json:"pages_read"`
	Damaged uint64 `json:"records_damaged"`
	Doubted uint64 `json:"records_doubted"`
}

// ShardStats describes one shard now.
type ShardStats struct {
	Slots    int  `json:"slots"`
	InFlight int  `json:"in_flight"`
	Failed   bool `json:"failed"`
}

// ArenaStats describes the arena of opened rows: levels in rows and bytes, counts since start.
type ArenaStats struct {
	Rows       int64  `json:"rows"`
	Capacity   int64  `json:"capacity"`
	Bytes      int64  `json:"bytes"`
	StoreReads uint64 `json:"store_reads"`
	Evictions  uint64 `json:"evictions"`
}

// StatusListStats are what became of the token status lists since the start.
type StatusListStats struct {
	// Lists is how many are served.
	Lists int
	// Published is when all of them were last found to be as they should, zero for not yet.
	Published time.Time
	// Failures counts the times that they could not be filled or published.
	Failures uint64
}
