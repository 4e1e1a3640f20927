package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"zhenni"
)

// A resultFile is the answers of a bulk verification, one CSV line each, in the order of the probes. It is its own
// cursor: a line is written once its answer is final, so a run that was interrupted goes on after the last whole line.
type resultFile struct {
	file *os.File
	csv  *csv.Writer
	// done is the number of answers in the file when it was opened, refused of them without a verdict, last the fields
	// of the last of them.
	done, refused int64
	last          []string
}

const resultHeading = "item,credential,outcome,reason\n"

// openResults opens path for appending. What a crash left of a last line is cut off.
func openResults(path string) (_ *resultFile, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, environment("--out: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	r := &resultFile{file: f, csv: csv.NewWriter(f)}
	whole, err := r.scan()
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(whole); err != nil {
		return nil, environment("--out: %w", err)
	}
	if _, err := f.Seek(whole, io.SeekStart); err != nil {
		return nil, environment("--out: %w", err)
	}
	if whole == 0 {
		if _, err := f.WriteString(resultHeading); err != nil {
			return nil, environment("--out: %w", err)
		}
	}
	return r, nil
}

// scan counts the whole lines and returns their length in bytes. No name holds a line break, so a line is a record.
func (r *resultFile) scan() (whole int64, err error) {
	lines := bufio.NewReader(r.file)
	var last []byte
	for n := int64(0); ; n++ {
		line, err := lines.ReadBytes('\n')
		ended := errors.Is(err, io.EOF)
		if err != nil && !ended {
			return 0, environment("--out: %w", err)
		}
		if n == 0 && (!strings.HasPrefix(resultHeading, string(line)) || !ended && string(line) != resultHeading) {
			return 0, usage("--out: %s exists and holds no results of zhenni verify", r.file.Name())
		}
		if ended {
			break
		}
		whole, last, r.done = whole+int64(len(line)), line, n
		if refusedLine(line) {
			r.refused++
		}
	}
	if r.done > 0 {
		if r.last, err = csv.NewReader(bytes.NewReader(last)).Read(); err != nil {
			return 0, usage("--out: last line of %s: %w", r.file.Name(), err)
		}
	}
	return whole, nil
}

// refusedLine tells by the last two fields, which are words without commas.
func refusedLine(line []byte) bool {
	return bytes.HasSuffix(line[:max(bytes.LastIndexByte(line, ','), 0)], []byte(",refused"))
}

// continues checks that the last answer in the file is to the given item: the results are of these probes.
func (r *resultFile) continues(item string) error {
	if r.last[0] != item {
		return usage("--out: line %d of %s answers %q, the probes have %q there: the results are of other probes", r.done+1, r.file.Name(), r.last[0], item)
	}
	return nil
}

// write appends answers and makes them durable: until then they do not count.
func (r *resultFile) write(asked []asked, outcomes []zhenni.Outcome) error {
	for i, q := range asked {
		id, reason := "", outcomes[i].Reason()
		if q.unclaimed == "" {
			id = q.id.String()
		} else {
			reason = q.unclaimed
		}
		if err := r.csv.Write([]string{q.item, id, outcomes[i].Verdict(), reason}); err != nil {
			return environment("--out: %w", err)
		}
	}
	r.csv.Flush()
	if err := errors.Join(r.csv.Error(), r.file.Sync()); err != nil {
		return environment("--out: %w", err)
	}
	return nil
}

func (r *resultFile) close() error { return r.file.Close() }

// validItem refuses names that a line of results can not hold.
func validItem(item string) error {
	if item == "" || len(item) > 512 || bytes.ContainsAny([]byte(item), "\r\n") {
		return fmt.Errorf("%w: name of a probe %q: want 1–512 bytes without line breaks", zhenni.ErrBadValue, item)
	}
	return nil
}
