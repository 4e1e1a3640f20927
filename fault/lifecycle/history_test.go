package lifecycle

import (
	"errors"
	"testing"

	"zhenni"
)

// event is one operation of a written history: from and to are its moments.
type event struct {
	from, until int64
	kind        Kind
	to          zhenni.Status
	answer      Answer
}

func was(status zhenni.Status, generation zhenni.Generation) Answer {
	return Answer{Status: status, Generation: generation}
}

var (
	enrolled = event{1, 2, KindEnrol, 0, was(zhenni.StatusActive, 1)}
	revoked  = event{10, 20, KindChange, zhenni.StatusRevoked, was(zhenni.StatusRevoked, 2)}
)

// The checker takes what may happen and refuses what may not.
func TestForgedHistoriesAreTold(t *testing.T) {
	const suspended = zhenni.StatusSuspended
	for name, h := range map[string]struct {
		events []event
		legal  bool
	}{
		"match before the revocation":    {[]event{enrolled, revoked, {3, 5, KindVerify, 0, Answer{Match: true}}}, true},
		"match while it is under way":    {[]event{enrolled, revoked, {11, 30, KindVerify, 0, Answer{Match: true}}}, true},
		"no match while it is under way": {[]event{enrolled, revoked, {11, 30, KindVerify, 0, Answer{}}}, true},
		"match after it":                 {[]event{enrolled, revoked, {21, 22, KindVerify, 0, Answer{Match: true}}}, false},
		"no match before it was asked":   {[]event{enrolled, revoked, {3, 5, KindVerify, 0, Answer{}}}, false},
		"match of nobody":                {[]event{{1, 2, KindVerify, 0, Answer{Match: true}}}, false},
		"there and back": {[]event{
			enrolled, revoked, {11, 12, KindVerify, 0, Answer{}}, {13, 14, KindVerify, 0, Answer{Match: true}}}, false},
		"read ahead of the acknowledgement, matched behind it": {[]event{
			enrolled, revoked, {11, 12, KindRead, 0, was(zhenni.StatusRevoked, 2)}, {13, 14, KindVerify, 0, Answer{Match: true}}}, true},
		"older generation read again": {[]event{
			enrolled, revoked, {21, 22, KindRead, 0, was(zhenni.StatusActive, 1)}}, false},
		"one generation given twice": {[]event{
			enrolled, {10, 20, KindChange, suspended, was(suspended, 2)},
			{11, 21, KindChange, zhenni.StatusSuperseded, was(zhenni.StatusSuperseded, 2)}}, false},
		"two generations, one after the other": {[]event{
			enrolled, {10, 20, KindChange, suspended, was(suspended, 2)},
			{11, 21, KindChange, zhenni.StatusSuperseded, was(zhenni.StatusSuperseded, 3)}}, true},
		"revoked twice with one answer":  {[]event{enrolled, revoked, {12, 40, KindChange, zhenni.StatusRevoked, was(zhenni.StatusRevoked, 2)}}, true},
		"revoked twice with two answers": {[]event{enrolled, revoked, {12, 40, KindChange, zhenni.StatusRevoked, was(zhenni.StatusRevoked, 3)}}, false},
		"a revocation taken back":        {[]event{enrolled, revoked, {30, 40, KindChange, zhenni.StatusActive, was(zhenni.StatusActive, 3)}}, false},
		"a change refused by the table":  {[]event{enrolled, revoked, {30, 40, KindChange, suspended, Answer{Err: zhenni.ErrIllegalChange}}}, true},
		"enrolled twice":                 {[]event{enrolled, {3, 4, KindEnrol, 0, was(zhenni.StatusActive, 1)}}, false},
		"enrolment sent again":           {[]event{enrolled, {3, 4, KindEnrol, 0, Answer{Err: zhenni.ErrExists}}}, true},
		"lost after it was enrolled":     {[]event{enrolled, {3, 4, KindRead, 0, Answer{Err: zhenni.ErrNotFound}}}, false},
		"an answer lost, the change made": {[]event{
			enrolled, {10, 20, KindChange, zhenni.StatusRevoked, Answer{Unknown: true}}, {30, 31, KindVerify, 0, Answer{}}}, true},
		"an answer lost, the change not made": {[]event{
			enrolled, {10, 20, KindChange, zhenni.StatusRevoked, Answer{Unknown: true}}, {30, 31, KindVerify, 0, Answer{Match: true}}}, true},
		"an answer lost, the change made and unmade": {[]event{
			enrolled, {10, 20, KindChange, zhenni.StatusRevoked, Answer{Unknown: true}},
			{30, 31, KindVerify, 0, Answer{}}, {32, 33, KindVerify, 0, Answer{Match: true}}}, false},
	} {
		var forged History
		for i, e := range h.events {
			op := operation{client: i, kind: e.kind, to: e.to, answer: e.answer, called: e.from, ending: e.until}
			if e.answer.Unknown {
				op.ending = 1 << 60
			}
			forged.all = append(forged.all, op)
		}
		if err := forged.Check(); (err == nil) != h.legal || err != nil && !errors.Is(err, errNoOrder) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Two credentials are two registers.
func TestCredentialsAreApart(t *testing.T) {
	var h History
	one, two := zhenni.CredentialID{1}, zhenni.CredentialID{2}
	h.Record(0, h.Now(), KindEnrol, one, 0, was(zhenni.StatusActive, 1))
	h.Record(0, h.Now(), KindVerify, two, 0, Answer{})
	h.Record(0, h.Now(), KindVerify, one, 0, Answer{Match: true})
	if err := h.Check(); err != nil || h.Len() != 3 {
		t.Error(h.Len(), err)
	}
}
