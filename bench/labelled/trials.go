package labelled

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"zhenni/engine/accuracy"
)

// maxTrials bounds a list: its scores are held one by one.
const maxTrials = 16 << 20

// Trials is a list of trials as far as a set has their samples.
type Trials struct {
	Trials []accuracy.Trial
	// Missing counts the trials with a sample that is not in the set.
	Missing int64
}

// ReadTrials reads the list at name for set. Two forms are known: VoxCeleb's, a line "1 a b" for each mated and
// "0 a b" for each non-mated pair of image ids; and LFW's pairs.txt, folds of lines "person n m" and "person n other
// m", where image n of a person is person_000n with any extension. A list that the labels contradict is [ErrBadFile].
func ReadTrials(name string, set *accuracy.Set) (Trials, error) {
	f, err := open(name, maxTextBytes)
	if err != nil {
		return Trials{}, err
	}
	defer f.Close()
	trials, err := parseTrials(f, set)
	if err != nil {
		return Trials{}, fmt.Errorf("%w: %s:%w", ErrBadFile, name, err)
	}
	return trials, nil
}

// parseTrials tells the forms apart by the heading of LFW's, "folds pairs" (of each kind in each fold).
func parseTrials(from io.Reader, set *accuracy.Set) (Trials, error) {
	lines := &lineReader{scanner: bufio.NewScanner(from)}
	first, ok := lines.next()
	if !ok {
		return Trials{}, lines.errorf("no trials: %w", errors.Join(lines.scanner.Err(), io.ErrUnexpectedEOF))
	}
	if len(first) == 2 {
		return parseFolds(lines, first, set)
	}
	list := trialList{set: set, rows: set.Rows()}
	for fields := first; ok; fields, ok = lines.next() {
		if len(fields) != 3 || fields[0] != "0" && fields[0] != "1" {
			return Trials{}, lines.errorf(`%q: want "1 a b" or "0 a b"`, fields)
		}
		if err := list.add(fields[1], fields[2], accuracy.Trial{Mated: fields[0] == "1"}); err != nil {
			return Trials{}, lines.errorf("%w", err)
		}
	}
	return list.Trials, lines.err()
}

func parseFolds(lines *lineReader, heading []string, set *accuracy.Set) (Trials, error) {
	folds, errFolds := strconv.Atoi(heading[0])
	each, errEach := strconv.Atoi(heading[1])
	if errFolds != nil || errEach != nil || folds < 1 || each < 1 || folds > maxTrials || each > maxTrials/folds {
		return Trials{}, lines.errorf("%q: want the number of folds and of pairs in each", heading)
	}
	list := trialList{set: set}
	var err error
	if list.rows, err = stems(set); err != nil {
		return Trials{}, lines.errorf("%w", err)
	}
	for n := range 2 * folds * each {
		fields, ok := lines.next()
		if !ok {
			return Trials{}, lines.errorf("ends after %d of %d pairs: %w", n, 2*folds*each, io.ErrUnexpectedEOF)
		}
		if err := list.addFold(fields, accuracy.Trial{Fold: n / (2 * each), Mated: n/each%2 == 0}); err != nil {
			return Trials{}, lines.errorf("%w", err)
		}
	}
	if _, more := lines.next(); more {
		return Trials{}, lines.errorf("more than the %d pairs announced", 2*folds*each)
	}
	return list.Trials, lines.err()
}

// trialList collects trials and counts those it can not have.
type trialList struct {
	Trials
	set  *accuracy.Set
	rows map[string]int32
}

func (l *trialList) add(a, b string, t accuracy.Trial) error {
	rowA, okA := l.rows[a]
	rowB, okB := l.rows[b]
	if len(l.Trials.Trials)+int(l.Missing) >= maxTrials {
		return fmt.Errorf("more than %d trials", maxTrials)
	}
	if !okA || !okB {
		l.Missing++
		return nil
	}
	t.A, t.B = rowA, rowB
	l.Trials.Trials = append(l.Trials.Trials, t)
	return l.set.CheckTrial(t)
}

func (l *trialList) addFold(fields []string, t accuracy.Trial) error {
	want := 4
	if t.Mated {
		want = 3
	}
	if len(fields) != want {
		return fmt.Errorf("%q: want %d fields (mated is %t here)", fields, want, t.Mated)
	}
	if t.Mated {
		fields = []string{fields[0], fields[1], fields[0], fields[2]}
	}
	n, errN := strconv.ParseUint(fields[1], 10, 31)
	m, errM := strconv.ParseUint(fields[3], 10, 31)
	if err := errors.Join(errN, errM); err != nil {
		return err
	}
	return l.add(fmt.Sprintf("%s_%04d", fields[0], n), fmt.Sprintf("%s_%04d", fields[2], m), t)
}

// stems finds rows by image id without its extension.
func stems(set *accuracy.Set) (map[string]int32, error) {
	rows := make(map[string]int32, set.Len())
	for id, row := range set.Rows() {
		stem := strings.TrimSuffix(id, path.Ext(id))
		if other, taken := rows[stem]; taken {
			return nil, fmt.Errorf("images %q and %q differ by extension only", id, set.Label(int(other)).ImageID)
		}
		rows[stem] = row
	}
	return rows, nil
}

// lineReader reads the fields of lines and knows where it is.
type lineReader struct {
	scanner *bufio.Scanner
	line    int
}

// next is the fields of the next line that is not empty.
func (r *lineReader) next() (fields []string, ok bool) {
	for r.scanner.Scan() {
		r.line++
		if fields = strings.Fields(r.scanner.Text()); len(fields) > 0 {
			return fields, true
		}
	}
	return nil, false
}

func (r *lineReader) errorf(format string, args ...any) error {
	return fmt.Errorf("%d: "+format, append([]any{r.line}, args...)...)
}

func (r *lineReader) err() error {
	if err := r.scanner.Err(); err != nil {
		return r.errorf("%w", err)
	}
	return nil
}
