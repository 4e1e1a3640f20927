package lifecycle

import (
	"errors"
	"math"
	"testing"

	"zhenni"
)

// told is one operation of a written history of one subject: from and until are its moments.
type told struct {
	from, until int64
	asked       Asked
	seen        Seen
}

// live is what is seen of an active credential that has a device.
func live(credential int, generation zhenni.Generation, device int) Seen {
	return Seen{Credential: credential, Status: zhenni.StatusActive, Generation: generation, Device: device}
}

var (
	lite     = Asked{Deed: DeedIssue, Credential: 1, Level: zhenni.LevelLite, Device: 1}
	full     = Asked{Deed: DeedIssue, Credential: 2, Replaces: 1, Level: zhenni.LevelFull, Device: 2}
	byCard   = Asked{Deed: DeedIssue, Credential: 3, Replaces: 1, Level: zhenni.LevelFull, Issue: zhenni.IssueByCard, Device: 3}
	issued   = told{1, 2, lite, live(1, 1, 1)}
	reissued = told{10, 20, full, live(2, 1, 2)}
	refused  = Seen{Err: zhenni.ErrIllegalChange}
)

func verdict(from, until int64, credential int, match bool) told {
	return told{from, until, Asked{Deed: DeedVerify, Credential: credential}, Seen{Match: match}}
}

func find(from, until int64, seen Seen) told { return told{from, until, Asked{Deed: DeedFind}, seen} }

// The checker takes what may happen to a subject and refuses what may not.
//
// FAULTS: C2 C3 C4 C6 C8
func TestForgedLivesAreTold(t *testing.T) {
	move := func(from, until int64, source, target int, seen Seen) told {
		return told{from, until, Asked{Deed: DeedMove, Credential: 1, From: source, Device: target}, seen}
	}
	lock := told{3, 4, Asked{Deed: DeedLock, Credential: 1}, Seen{Credential: 1, Status: zhenni.StatusActive, Generation: 2, Device: 1, Locked: true}}
	unknown := Seen{Unknown: true}
	for name, h := range map[string]struct {
		events []told
		legal  bool
	}{
		"issued and matched":                  {[]told{issued, verdict(3, 4, 1, true)}, true},
		"issued and not matched":              {[]told{issued, verdict(3, 4, 1, false)}, false},
		"replaced and matched":                {[]told{issued, reissued, verdict(21, 22, 1, true)}, false},
		"replaced and not matched":            {[]told{issued, reissued, verdict(21, 22, 1, false), verdict(21, 22, 2, true)}, true},
		"both while the issue is under way":   {[]told{issued, reissued, verdict(11, 12, 2, true), verdict(13, 14, 1, true)}, true},
		"matched again while it is under way": {[]told{issued, reissued, verdict(11, 12, 1, false), verdict(13, 14, 1, true)}, false},
		"both live in the records":            {[]told{issued, reissued, find(11, 12, live(2, 1, 2)), find(13, 14, live(1, 1, 1))}, false},
		"two re-issues, both made":            {[]told{issued, reissued, {11, 21, byCard, live(3, 1, 3)}}, false},
		"two re-issues, one refused":          {[]told{issued, reissued, {11, 21, byCard, refused}}, true},
		"a re-issue refused without a reason": {[]told{issued, {10, 20, full, refused}}, false},
		"an issue sent again":                 {[]told{issued, {3, 4, lite, live(1, 1, 1)}}, true},
		"an issue sent again, made again":     {[]told{issued, {3, 4, lite, live(1, 2, 1)}}, false},
		"an answer lost, the issue made": {[]told{
			issued, {10, 20, full, unknown}, verdict(30, 31, 1, false), find(30, 31, live(2, 1, 2))}, true},
		"an answer lost, the issue not made": {[]told{
			issued, {10, 20, full, unknown}, verdict(30, 31, 1, true), find(30, 31, live(1, 1, 1))}, true},
		"an answer lost, the old one back": {[]told{
			issued, {10, 20, full, unknown}, verdict(30, 31, 1, false), verdict(32, 33, 1, true)}, false},
		"moved twice from one device": {[]told{
			issued, move(3, 9, 1, 2, live(1, 2, 2)), move(4, 10, 1, 3, live(1, 3, 3))}, false},
		"moved once, the other refused": {[]told{
			issued, move(3, 9, 1, 2, live(1, 2, 2)), move(4, 10, 1, 3, refused)}, true},
		"a move cut off, no device left": {[]told{
			issued, move(3, 4, 1, 2, unknown), find(30, 31, live(1, 2, 0))}, false},
		"a move cut off and made":      {[]told{issued, move(3, 4, 1, 2, unknown), find(30, 31, live(1, 2, 2))}, true},
		"locked and matched":           {[]told{issued, lock, verdict(5, 6, 1, true)}, false},
		"locked and not matched":       {[]told{issued, lock, verdict(5, 6, 1, false)}, true},
		"a subject without credential": {[]told{find(1, 2, Seen{Err: zhenni.ErrNotFound})}, true},
		"an issue lost":                {[]told{issued, find(3, 4, Seen{Err: zhenni.ErrNotFound})}, false},
	} {
		var forged Lives
		for i, e := range h.events {
			entry := lived{client: i, asked: e.asked, seen: e.seen, called: e.from, ending: e.until}
			if e.seen.Unknown {
				entry.ending = math.MaxInt64
			}
			forged.all = append(forged.all, entry)
		}
		if err := forged.Check(); (err == nil) != h.legal || err != nil && !errors.Is(err, errNoOrder) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What has no answer ends with what owed it.
func TestLivesSettle(t *testing.T) {
	var l Lives
	l.Record(0, 1, l.Now(), lite, Seen{Unknown: true})
	if l.all[0].ending != math.MaxInt64 || l.Len() != 1 {
		t.Error("an operation without an answer has an end")
	}
	if l.Settle(); l.all[0].ending == math.MaxInt64 {
		t.Error("a settled one has none")
	}
}
