package zhenni

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Asker is on whose behalf somebody asked about credentials. It is comparable. Its strings are at most
// [MaxAskerName] bytes each; Service and Purpose may be empty.
type Asker struct {
	Tenant                  TenantID
	Party, Service, Purpose string
}

// MaxAskerName bounds each string of an [Asker], in bytes.
const MaxAskerName = 64

// Asked is one question about a credential, as its holder sees it: no attribute, no score, no reason.
type Asked struct {
	// At is when it was decided, in whole seconds.
	At                      time.Time
	Party, Service, Purpose string
	// Verdict is that of the outcome: "match", "no_match" or "refused".
	Verdict string
}

// AskedPage is a page of the questions about a credential, newest first, and what is known of their being all.
type AskedPage struct {
	Entries []Asked
	// Next is where the next page begins; zero behind the oldest.
	Next AskedCursor
	// Since is when what is kept begins: older questions were not recorded, or are not kept any more.
	Since time.Time
	// Gaps are the times, in order, of which questions may be missing.
	Gaps []AskedGap
}

// AskedGap is a time, ends included, of which questions may be missing.
type AskedGap struct {
	From, To time.Time
	Cause    GapCause
}

// GapCause is why questions may be missing.
type GapCause uint8

// The causes of a gap.
const (
	// GapOff: nothing recorded them; the service did not run, or ran without a history, or was ended by force.
	GapOff GapCause = iota + 1
	// GapShed: there was more to record than the disk took.
	GapShed
	// GapDamaged: a file that held them is damaged.
	GapDamaged
)

var gapCauseNames = names[GapCause]{GapOff: "off", GapShed: "shed", GapDamaged: "damaged"}

// String returns the lower-case word for c.
func (c GapCause) String() string { return gapCauseNames.name(c, "gap cause") }

// AskedCursor is a place among the questions about a credential. Zero is before the newest. Places keep their meaning
// while questions are recorded, but for those of the second in which it is made.
type AskedCursor struct {
	// Second is that of the last question before the place, since 1970; Skip is how many of that second are before it.
	Second, Skip uint32
}

// String returns the written form, "<second>-<skip>" in decimal.
func (c AskedCursor) String() string {
	return strconv.FormatUint(uint64(c.Second), 10) + "-" + strconv.FormatUint(uint64(c.Skip), 10)
}

// ParseAskedCursor reads the form that String writes, and no other: [ErrBadValue].
func ParseAskedCursor(s string) (AskedCursor, error) {
	second, skip, _ := strings.Cut(s, "-")
	a, err1 := strconv.ParseUint(second, 10, 32)
	b, err2 := strconv.ParseUint(skip, 10, 32)
	c := AskedCursor{uint32(a), uint32(b)}
	if err1 != nil || err2 != nil || c.String() != s || c == (AskedCursor{}) {
		return AskedCursor{}, fmt.Errorf("%w: not a place among the questions about a credential", ErrBadValue)
	}
	return c, nil
}

// HistoryStats are the counts of a history since it was opened, and its levels now.
type HistoryStats struct {
	// Noted are the items taken, Dropped those that were not kept for want of room in memory or on the disk.
	Noted   uint64 `json:"noted"`
	Dropped uint64 `json:"dropped"`
	// Damaged counts files and pages that did not open.
	Damaged uint64 `json:"damaged"`
	// Unsorted are the items written and not yet indexed, Indexed those in the index, Files the files of both.
	Unsorted int64 `json:"unsorted"`
	Indexed  int64 `json:"indexed"`
	Files    int64 `json:"files"`
	Bytes    int64 `json:"bytes"`
	// Forgotten are the credentials whose entries are hidden and not yet removed from every file.
	Forgotten int64 `json:"forgotten"`
}
