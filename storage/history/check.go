package history

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Report is what [Check] found in a history.
type Report struct {
	// Files are those that are read for answers, Bytes their size, Entries what opens in them.
	Files   int   `json:"files"`
	Bytes   int64 `json:"bytes"`
	Entries int64 `json:"entries"`
	// Torn is how many bytes at the end of the newest segment do not open, as a crash leaves some: the next server cuts them, and
	// makes a gap of their time.
	Torn int64 `json:"torn"`
	// Since is from when on everything is kept but for the Gaps, as the last server knew. What is damaged is a gap beside, of
	// which the next server learns.
	Since    time.Time     `json:"since"`
	Gaps     []ReportedGap `json:"gaps"`
	Problems []Problem     `json:"problems"`
}

// ReportedGap is a time, ends included, of which questions may be missing, with the word for its [zhenni.GapCause].
type ReportedGap struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Cause string    `json:"cause"`
}

// Problem is damage to one file of a history.
type Problem struct {
	File string `json:"file"`
	Text string `json:"text"`
}

// OK reports whether no file is damaged or missing. A gap is no damage: it is what the history says of itself.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

// Check opens everything in the history of a folder, which nobody has open, and changes nothing. The key is of [Key].
// What a crash may leave is no damage: what it was writing at the end, and files that others have replaced. Errors are
// [zhenni.ErrBadValue] and those of the operating system.
func Check(dir string, key []byte) (Report, error) {
	c := &checker{dir: dir, report: Report{Gaps: []ReportedGap{}, Problems: []Problem{}}}
	var err error
	if c.secrets, err = newSecrets(key); err != nil {
		return Report{}, err
	}
	columns, err1 := c.list(columnsDir)
	indexes, err2 := c.list(indexDir)
	if err := errors.Join(err1, err2); err != nil {
		return Report{}, fmt.Errorf("history: %w", err)
	}
	if err := errors.Join(c.checkState(len(columns)+len(indexes) > 0), c.checkIndexes(indexes), c.checkSegments(columns)); err != nil {
		return Report{}, err
	}
	c.checkMissing()
	return c.report, nil
}

// checker is one check.
type checker struct {
	dir     string
	secrets secrets
	state   state
	report  Report
	// there are the spans of the files that are read, or would be.
	there []span
}

func (c *checker) list(sub string) ([]span, error) {
	names, err := os.ReadDir(filepath.Join(c.dir, sub))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	spans := spansOf(names)
	slices.SortFunc(spans, span.compare)
	return spans, nil
}

// take notes damage as a problem. Any other error is returned.
func (c *checker) take(file string, err error) error {
	if isCorrupt(err) {
		c.report.Problems = append(c.report.Problems, Problem{file, err.Error()})
		return nil
	}
	return err
}

func (c *checker) checkState(files bool) error {
	s, err := readState(c.dir, c.secrets)
	if errors.Is(err, fs.ErrNotExist) {
		if err = nil; files {
			err = corrupt("it is missing beside the files of a history")
		}
	}
	if s == nil {
		return c.take(stateFile, err)
	}
	c.state = *s
	c.report.Since = timeOf(s.since)
	for _, g := range s.gaps {
		c.report.Gaps = append(c.report.Gaps, ReportedGap{timeOf(g.from), timeOf(g.to), g.cause.String()})
	}
	return nil
}

func (c *checker) checkIndexes(spans []span) error {
	for _, s := range spans {
		if n := len(c.there); s.last < c.state.first || n > 0 && c.there[n-1].replaces(s) {
			continue
		}
		c.there = append(c.there, s)
		if err := c.take(filepath.Join(indexDir, s.name()), c.checkIndex(s)); err != nil {
			return err
		}
	}
	return nil
}

// checkIndex opens every page of an index.
func (c *checker) checkIndex(s span) (err error) {
	x, err := openIndex(filepath.Join(c.dir, indexDir, s.name()), s, c.secrets)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.file.Close()) }()
	c.report.Files++
	c.report.Bytes += x.bytes
	var (
		buf     [pageBytes]byte
		entries []entry
		last    entry
		count   uint64
	)
	for n := range x.fences {
		if entries, err = x.page(entries[:0], n, &buf); err != nil {
			return err
		}
		if entries[0].hi != x.fences[n] || entries[0].compare(last) < 0 || !slices.IsSortedFunc(entries, entry.compare) {
			return corrupt("page %d is not in its place", n)
		}
		last, count = entries[len(entries)-1], count+uint64(len(entries))
	}
	if c.report.Entries += int64(count); count != x.entries {
		return corrupt("it has %d entries, and its foot says %d", count, x.entries)
	}
	return nil
}

func (c *checker) checkSegments(spans []span) error {
	indexed := slices.Clone(c.there)
	for i, s := range spans {
		if s.last < c.state.first || slices.ContainsFunc(indexed, func(x span) bool { return x.first <= s.first && s.first <= x.last }) {
			continue
		}
		newest := i == len(spans)-1
		if err := c.take(filepath.Join(columnsDir, columnsName(s.first)), c.checkSegment(s, newest)); err != nil {
			return err
		}
		c.there = append(c.there, s)
	}
	return nil
}

// checkSegment opens every block of a segment. The newest may end in what a crash left.
func (c *checker) checkSegment(s span, newest bool) error {
	path := filepath.Join(c.dir, columnsDir, columnsName(s.first))
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	c.report.Files++
	c.report.Bytes += info.Size()
	if newest && info.Size() < columnsHead {
		c.report.Torn = info.Size()
		return nil
	}
	x, err := openSegment(path, s.first, c.secrets, os.O_RDONLY)
	if err != nil {
		return err
	}
	c.report.Entries += x.items.Load()
	switch {
	case x.broken && newest:
		c.report.Torn = info.Size() - x.size.Load()
	case x.broken:
		err = corrupt("what is behind offset %d does not open", x.size.Load())
	}
	return errors.Join(err, x.file.Close())
}

// checkMissing finds the segments of which there is no file, neither of their own nor an index that has them.
func (c *checker) checkMissing() {
	slices.SortFunc(c.there, span.compare)
	next := c.state.first
	for _, s := range c.there {
		if s.first > next {
			c.report.Problems = append(c.report.Problems, Problem{columnsDir, fmt.Sprintf("segments %d to %d are missing", next, s.first-1)})
		}
		next = max(next, s.last+1)
	}
}
