package fault

import "testing"

// The checker itself must be able to fail: every forged history that a register can not have answered is found, and
// those that it can are not.
func TestCheckTellsForgedHistories(t *testing.T) {
	enrolled := Event{Op: Enrol, Answer: Done, Call: 0, Return: 10}
	revoked := Event{Op: Revoke, Answer: Done, Call: 20, Return: 30}
	dangling := Event{Op: Revoke, Answer: Unknown, Call: 20, Return: 30}
	verify := func(answer Answer, call, ret int64) Event {
		return Event{Op: Verify, Answer: answer, Call: call, Return: ret}
	}
	status := func(answer Answer, generation uint32, call int64) Event {
		return Event{Op: Status, Answer: answer, Generation: generation, Call: call, Return: call + 1}
	}
	for name, c := range map[string]struct {
		events []Event
		ok     bool
	}{
		"enrolled and matched":                     {[]Event{enrolled, verify(Match, 11, 12)}, true},
		"acknowledged enrolment missing":           {[]Event{enrolled, verify(NoMatch, 11, 12)}, false},
		"acknowledged enrolment not found":         {[]Event{enrolled, status(Absent, 0, 11)}, false},
		"revoked and not matched":                  {[]Event{enrolled, revoked, verify(NoMatch, 31, 32)}, true},
		"match begun after the acknowledgement":    {[]Event{enrolled, revoked, verify(Match, 31, 32)}, false},
		"match begun before the acknowledgement":   {[]Event{enrolled, revoked, verify(Match, 29, 40)}, true},
		"no match before the revocation was asked": {[]Event{enrolled, verify(NoMatch, 12, 19), revoked}, false},
		"match after a no match, both during it":   {[]Event{enrolled, revoked, verify(NoMatch, 21, 22), verify(Match, 23, 24)}, false},
		"no match after a match, both during it":   {[]Event{enrolled, revoked, verify(Match, 21, 22), verify(NoMatch, 23, 24)}, true},
		"revoked twice":                            {[]Event{enrolled, revoked, {Op: Revoke, Answer: Done, Call: 40, Return: 41}, verify(NoMatch, 50, 51)}, true},
		"without an answer it may have happened":   {[]Event{enrolled, dangling, verify(NoMatch, 31, 32)}, true},
		"without an answer it may not":             {[]Event{enrolled, dangling, verify(Match, 31, 32)}, true},
		"but it does not happen once it is settled": {
			[]Event{enrolled, dangling, verify(Match, 31, 32), verify(NoMatch, 33, 34)}, false},
		"nor is it undone": {[]Event{enrolled, dangling, verify(NoMatch, 31, 32), verify(Match, 33, 34)}, false},
		"it may as long as it is open": {
			[]Event{enrolled, {Op: Revoke, Call: 20, Return: open}, verify(Match, 31, 32), verify(NoMatch, 33, 34)}, true},
		"a stranger matches":            {[]Event{enrolled, {Op: Stranger, Answer: Match, Call: 11, Return: 12}}, false},
		"a stranger does not":           {[]Event{enrolled, {Op: Stranger, Answer: NoMatch, Call: 11, Return: 12}}, true},
		"status read":                   {[]Event{enrolled, status(Active, 1, 11), revoked, status(Revoked, 2, 31)}, true},
		"stale status":                  {[]Event{enrolled, revoked, status(Active, 1, 31)}, false},
		"generation of another state":   {[]Event{enrolled, status(Active, 2, 11)}, false},
		"revoked without having been":   {[]Event{{Op: Revoke, Answer: Done, Call: 20, Return: 30}}, false},
		"one bad credential among good": {[]Event{enrolled, verify(Match, 11, 12), {Credential: 1, Op: Enrol, Answer: Done, Return: 1}, {Credential: 1, Op: Verify, Answer: NoMatch, Call: 5, Return: 6}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			violations := Check(c.events)
			if ok := len(violations) == 0; ok != c.ok {
				t.Errorf("%v, want ok %t", violations, c.ok)
			}
		})
	}
}

// An answer that never came ends with the process that owed it.
func TestSettleEndsWhatHasNoAnswer(t *testing.T) {
	h := NewHistory()
	h.add(Event{Op: Enrol, Answer: Done})
	h.add(Event{Op: Revoke, Answer: Unknown, Call: h.Now()})
	if got := h.Events()[1].Return; got != open {
		t.Fatalf("returned at %d", got)
	}
	h.Settle()
	if got := h.Events()[1].Return; got == open || got < h.Events()[1].Call {
		t.Errorf("returned at %d", got)
	}
}
