package gateway

import (
	"cmp"
	"slices"
	"strconv"
	"sync"

	"zhenni"
)

// PartyUsage is what a relying party has asked for since the server started. It tells of no person.
type PartyUsage struct {
	Party string `json:"party"`
	// Items were within the quota, Refused beyond it.
	Items   uint64 `json:"items"`
	Refused uint64 `json:"refused"`
	// Minute and Day are the items of the windows in hand.
	Minute uint64 `json:"minute"`
	Day    uint64 `json:"day"`
}

// The windows of a quota begin with the minutes and the days of the clock, UTC.
const (
	minuteSeconds = 60
	daySeconds    = 24 * 60 * 60
)

// A window counts items until the next one begins.
type window struct {
	number int64
	used   uint64
}

// roll begins the window of a time. A clock that steps back goes on counting in the one it was in.
func (w *window) roll(now, seconds int64) {
	if number := now / seconds; number > w.number {
		*w = window{number: number}
	}
}

// left returns how many items a bound still allows, and how many seconds it is until it allows more.
func (w *window) left(bound uint64, now, seconds int64) (items uint64, reset int64) {
	return bound - min(bound, w.used), min((w.number+1)*seconds-now, seconds)
}

// usage is what is counted of a party. The windows outlive the process where there is a quota.
type usage struct {
	name string // in the meters

	// mu guards the rest; kept is room for both windows.
	mu             sync.Mutex
	minute, day    window
	items, refused uint64
	kept           [4]int64
}

// quotas count what parties ask for. An entry is made for a party that has proved itself, and kept.
type quotas struct {
	meters Meters

	mu      sync.RWMutex
	parties map[string]*usage // guarded by mu
}

func (q *quotas) of(party string) *usage {
	q.mu.RLock()
	u := q.parties[party]
	q.mu.RUnlock()
	if u != nil {
		return u
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if u = q.parties[party]; u == nil {
		if q.parties == nil {
			q.parties = map[string]*usage{}
		}
		u = &usage{name: meterQuota + party}
		u.restore(q.meters.Kept(u.name))
		q.parties[party] = u
	}
	return u
}

// restore goes on from what was kept of the windows before a restart.
func (u *usage) restore(kept []int64) {
	if len(kept) == len(u.kept) {
		u.minute, u.day = window{kept[0], uint64(kept[1])}, window{kept[2], uint64(kept[3])}
	}
}

// keep has the windows outlive the process. The caller holds mu.
func (u *usage) keep(m Meters) error {
	u.kept = [4]int64{u.minute.number, int64(u.minute.used), u.day.number, int64(u.day.used)}
	return m.Keep(u.name, u.kept[:])
}

// spend counts items against the quota of the party, all of them or none: [kindQuota]. Where there is a quota the answer
// says what is left of it. They are spent whatever becomes of the request, but not by a stored answer; a restart gives none
// back.
func (s *Server) spend(rq *request, items int) error {
	u, quota, now := s.quotas.of(rq.party.ID), rq.party.Quota, s.config.Now().Unix()
	u.mu.Lock()
	defer u.mu.Unlock()
	u.minute.roll(now, minuteSeconds)
	u.day.roll(now, daySeconds)
	perMinute, untilMinute := u.minute.left(uint64(quota.PerMinute), now, minuteSeconds)
	perDay, untilDay := u.day.left(quota.PerDay, now, daySeconds)
	n, wait := uint64(items), int64(0)
	if quota.PerMinute > 0 && n > perMinute {
		wait = untilMinute
	}
	if quota.PerDay > 0 && n > perDay {
		wait = untilDay
	}
	if wait > 0 {
		u.refused += n
	} else {
		u.items, u.minute.used, u.day.used = u.items+n, u.minute.used+n, u.day.used+n
		perMinute, perDay = perMinute-min(n, perMinute), perDay-min(n, perDay)
	}
	rq.tellQuota(quota, perMinute, untilMinute, perDay, untilDay)
	if wait > 0 {
		rq.ctx.Response.Header.Set("Retry-After", strconv.FormatInt(wait, 10))
		return refuse(kindQuota, "")
	}
	if quota == (zhenni.Quota{}) {
		return nil
	}
	return u.keep(s.quotas.meters)
}

// tellQuota sets the fields of draft-ietf-httpapi-ratelimit-headers-10, a list with a member for each window.
func (rq *request) tellQuota(quota zhenni.Quota, perMinute uint64, untilMinute int64, perDay uint64, untilDay int64) {
	if quota == (zhenni.Quota{}) {
		return
	}
	policy, state := make([]byte, 0, 2*maxQuotaMember), make([]byte, 0, 2*maxQuotaMember)
	if quota.PerMinute > 0 {
		policy = appendPolicy(policy, "minute", uint64(quota.PerMinute), minuteSeconds)
		state = appendState(state, "minute", perMinute, untilMinute)
	}
	if quota.PerDay > 0 {
		policy = appendPolicy(policy, "day", quota.PerDay, daySeconds)
		state = appendState(state, "day", perDay, untilDay)
	}
	rq.ctx.Response.Header.SetBytesV("RateLimit-Policy", policy)
	rq.ctx.Response.Header.SetBytesV("RateLimit", state)
}

// maxQuotaMember is no less than the longest member of such a list, in bytes.
const maxQuotaMember = 48

// appendPolicy appends "name";q=items;w=seconds.
func appendPolicy(dst []byte, name string, items uint64, seconds int64) []byte {
	dst = strconv.AppendUint(append(appendName(dst, name), ";q="...), structured(items), 10)
	return strconv.AppendInt(append(dst, ";w="...), seconds, 10)
}

// appendState appends "name";r=items;t=seconds.
func appendState(dst []byte, name string, items uint64, seconds int64) []byte {
	dst = strconv.AppendUint(append(appendName(dst, name), ";r="...), structured(items), 10)
	return strconv.AppendInt(append(dst, ";t="...), seconds, 10)
}

func appendName(dst []byte, name string) []byte {
	if len(dst) > 0 {
		dst = append(dst, ", "...)
	}
	return append(append(append(dst, '"'), name...), '"')
}

// structured is the largest number up to n that a field can have (RFC 9651 §3.3.1).
func structured(n uint64) uint64 { return min(n, 999_999_999_999_999) }

// Usage returns what each party has asked for, in ascending order of id.
func (s *Server) Usage() []PartyUsage {
	now := s.config.Now().Unix()
	s.quotas.mu.RLock()
	defer s.quotas.mu.RUnlock()
	all := make([]PartyUsage, 0, len(s.quotas.parties))
	for party, u := range s.quotas.parties {
		all = append(all, u.shown(party, now))
	}
	slices.SortFunc(all, func(a, b PartyUsage) int { return cmp.Compare(a.Party, b.Party) })
	return all
}

func (u *usage) shown(party string, now int64) PartyUsage {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.minute.roll(now, minuteSeconds)
	u.day.roll(now, daySeconds)
	return PartyUsage{Party: party, Items: u.items, Refused: u.refused, Minute: u.minute.used, Day: u.day.used}
}
