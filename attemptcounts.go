package zhenni

// AttemptCounts holds the counts of credentials that have any, at most so many of them. It is for one goroutine at a time.
//
// Where it is full, a new count takes the place of the weakest of a few that bar nothing: the one with the lowest total, the
// oldest of equals. Where none of them may go, the new one is refused, and whoever wanted it counted gives no verdict.
type AttemptCounts struct {
	rules   AttemptRules
	bound   int
	entries map[attemptKey]Attempts
	// filter counts the entries by some bits of their ids: where it is 0 there is none, and the map is not asked.
	filter [attemptFilter]uint32
	// displaced is how many entries had to go for others.
	displaced uint64
}

type attemptKey struct {
	credential CredentialID
	lane       Lane
}

const (
	attemptFilter = 1 << 10
	// attemptSample is how many entries are looked at for one that may go.
	attemptSample = 16
)

// NewAttemptCounts makes room for at most bound counts, 1 or more.
func NewAttemptCounts(rules AttemptRules, bound int) *AttemptCounts {
	return &AttemptCounts{rules: rules.WithDefaults(), bound: bound, entries: map[attemptKey]Attempts{}}
}

// filtered is where a credential is in the filter: bits that place it in no slot.
func filtered(id *CredentialID) int { return (int(id[2])<<8 | int(id[3])) % attemptFilter }

// Len returns the number of counts held, Displaced how many had to go for others.
func (c *AttemptCounts) Len() int          { return len(c.entries) }
func (c *AttemptCounts) Displaced() uint64 { return c.displaced }

// Find returns what is counted of a credential, zero where nothing is.
func (c *AttemptCounts) Find(id *CredentialID, lane Lane) Attempts {
	if c.filter[filtered(id)] == 0 {
		return Attempts{}
	}
	return c.entries[attemptKey{*id, lane}]
}

// Set replaces what is counted of a credential, and reports whether there was room for it. One that is clear is not held.
func (c *AttemptCounts) Set(id *CredentialID, lane Lane, a Attempts, now int64) bool {
	key := attemptKey{*id, lane}
	if _, held := c.entries[key]; held {
		if a.Clear() {
			c.drop(key)
			return true
		}
		c.entries[key] = a
		return true
	}
	if a.Clear() {
		return true
	}
	if len(c.entries) >= c.bound && !c.displace(now) {
		return false
	}
	c.entries[key] = a
	c.filter[filtered(id)]++
	return true
}

func (c *AttemptCounts) drop(key attemptKey) {
	delete(c.entries, key)
	c.filter[filtered(&key.credential)]--
}

// displace drops the weakest of a few entries that bar nothing now.
func (c *AttemptCounts) displace(now int64) bool {
	var weakest attemptKey
	var least Attempts
	seen, found := 0, false
	for key, a := range c.entries {
		if !c.rules.Barred(a, now) && (!found || a.Total < least.Total || a.Total == least.Total && a.At < least.At) {
			weakest, least, found = key, a, true
		}
		if seen++; seen == attemptSample {
			break
		}
	}
	if found {
		c.drop(weakest)
		c.displaced++
	}
	return found
}

// Merge takes in a state that was read back: the newer one stays. It reports whether there was room for it.
func (c *AttemptCounts) Merge(count AttemptCount, now int64) bool {
	if held := c.Find(&count.Credential, count.Lane); held.Version >= count.Version && held.Version > 0 {
		return true
	}
	return c.Set(&count.Credential, count.Lane, count.Attempts, now)
}

// Reset clears both lanes of a credential of what is older than a version.
func (c *AttemptCounts) Reset(id CredentialID, version uint64) {
	for lane := range laneCount {
		key := attemptKey{id, lane}
		if a, held := c.entries[key]; held && a.Version < version {
			c.drop(key)
		}
	}
}

// All visits every count, in no order.
func (c *AttemptCounts) All(yield func(AttemptCount) bool) {
	for key, a := range c.entries {
		if !yield(AttemptCount{key.credential, key.lane, a}) {
			return
		}
	}
}
