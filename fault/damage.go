package fault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// Damage is what happens to a file of a store at rest.
type Damage uint8

// The damages.
const (
	FlipBit Damage = iota
	Truncate
	Delete
	Swap           // two files of a class change places
	RollBackFile   // an earlier copy of the file is put back
	RollBackFolder // an earlier copy of the folder the file is in is put back
	ZeroPage       // 4 KiB become zero
	TornPage       // the second half of 4 KiB is that of an earlier copy, or of another page
	damages
)

var damageNames = [...]string{"bit flip", "truncation", "deletion", "swap", "file rolled back", "folder rolled back", "page zeroed", "page torn"}

// String implements fmt.Stringer.
func (d Damage) String() string { return damageNames[d] }

// classes name the files of a store by pattern, the first that matches. What matches none is a class of its own: its
// path, with every run of digits made one.
var classes = []struct {
	pattern *regexp.Regexp
	name    string
}{
	{regexp.MustCompile(`^log/.*\.wal$`), "log segment"},
	{regexp.MustCompile(`^log/snapshots/.*meta`), "snapshot meta"},
	{regexp.MustCompile(`^log/snapshots/`), "snapshot"},
	{regexp.MustCompile(`^view/.*\.sst$`), "view table"},
	{regexp.MustCompile(`^view/.*\.mem$`), "view memtable"},
	{regexp.MustCompile(`^view/.*\.vlog$`), "view value log"},
}

var digits = regexp.MustCompile(`[0-9a-f]*[0-9]+[0-9a-f]*`)

// classOf names the class of a file by its path in the store.
func classOf(name string) string {
	for _, c := range classes {
		if c.pattern.MatchString(name) {
			return c.name
		}
	}
	return digits.ReplaceAllString(name, "#")
}

// filesByClass lists the files of a store that hold something, by class.
func filesByClass(dir string) (map[string][]string, error) {
	byClass := make(map[string][]string)
	err := filepath.WalkDir(dir, func(p string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(dir, p)
		if info, infoErr := entry.Info(); infoErr == nil && info.Size() > 0 {
			byClass[classOf(name)] = append(byClass[classOf(name)], name)
		}
		return err
	})
	return byClass, err
}

// errNotHere is a damage that the file can not take: nothing to swap it with, no earlier copy.
var errNotHere = errors.New("fault: not applicable")

// wound damages one file of the store in dir; earlier is a store it once was. It returns what it did.
func wound(damage Damage, dir, earlier, name string, others []string, random *rand.Rand) (string, error) {
	file := filepath.Join(dir, name)
	switch damage {
	case Delete:
		return "deleted " + name, os.Remove(file)
	case Swap:
		other := others[random.IntN(len(others))]
		if other == name {
			return "", errNotHere
		}
		return fmt.Sprintf("swapped %s and %s", name, other), swap(file, filepath.Join(dir, other))
	case RollBackFile:
		return "rolled back " + name, rollBack(filepath.Join(earlier, name), file)
	case RollBackFolder:
		folder := strings.SplitN(name, "/", 2)[0]
		if folder == name {
			return "", errNotHere
		}
		return "rolled back " + folder + "/", rollBackFolder(filepath.Join(earlier, folder), filepath.Join(dir, folder))
	}
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	return woundInside(damage, f, info.Size(), filepath.Join(earlier, name), name, random)
}

// woundInside damages the content of an open file.
func woundInside(damage Damage, f *os.File, size int64, earlier, name string, random *rand.Rand) (string, error) {
	at, err := somewhere(f, size, random)
	if err != nil {
		return "", err
	}
	switch damage {
	case FlipBit:
		one, bit := make([]byte, 1), byte(1)<<random.IntN(8)
		if _, err := f.ReadAt(one, at); err != nil {
			return "", err
		}
		one[0] ^= bit
		_, err := f.WriteAt(one, at)
		return fmt.Sprintf("flipped bit %#x of byte %d of %s (%d bytes)", bit, at, name, size), err
	case Truncate:
		return fmt.Sprintf("cut %s from %d to %d bytes", name, size, at), f.Truncate(at)
	case ZeroPage:
		page := at / pageBytes * pageBytes
		n := min(pageBytes, size-page)
		_, err := f.WriteAt(make([]byte, n), page)
		return fmt.Sprintf("zeroed %d bytes at %d of %s (%d bytes)", n, page, name, size), err
	}
	return tear(f, size, at/pageBytes*pageBytes, earlier, name)
}

// tear replaces the second half of a page by what an earlier copy has there, or by the first half.
func tear(f *os.File, size, page int64, earlier, name string) (string, error) {
	n := min(pageBytes, size-page)
	half := n / 2
	was, now := make([]byte, n-half), make([]byte, n-half)
	if _, err := f.ReadAt(now, page+half); err != nil {
		return "", err
	}
	from := "the earlier copy"
	old, err := os.Open(earlier)
	if err == nil {
		defer old.Close()
		_, err = old.ReadAt(was, page+half)
	}
	if err != nil || bytes.Equal(was, now) {
		from = "its first half"
		if _, err := f.ReadAt(was, page); err != nil {
			return "", err
		}
	}
	if bytes.Equal(was, now) {
		return "", errNotHere
	}
	_, err = f.WriteAt(was, page+half)
	return fmt.Sprintf("tore the page at %d of %s (%d bytes), second half from %s", page, name, size, from), err
}

// somewhere draws a place in a file, four times of five one that holds no zero: most of a file that was allocated
// ahead is empty.
func somewhere(f *os.File, size int64, random *rand.Rand) (int64, error) {
	if random.IntN(5) == 0 {
		return random.Int64N(size), nil
	}
	extents, err := extentsOf(f, size)
	if err != nil || len(extents) == 0 {
		return random.Int64N(size), err
	}
	at, one := int64(0), make([]byte, 1)
	for range 100 {
		e := extents[random.IntN(len(extents))]
		at = e.first + random.Int64N(e.last-e.first)
		if _, err := f.ReadAt(one, at); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if one[0] != 0 {
			break
		}
	}
	return at, nil
}

func swap(a, b string) error {
	between := a + ".swap"
	return errors.Join(os.Rename(a, between), os.Rename(b, a), os.Rename(between, b))
}

// rollBack puts a copy of the earlier file in the place of the file. A file that was the same then is no roll-back.
func rollBack(earlier, file string) error {
	was, err := os.ReadFile(earlier)
	if errors.Is(err, fs.ErrNotExist) {
		return errNotHere
	}
	now, errNow := os.ReadFile(file)
	if err := errors.Join(err, errNow); err != nil {
		return err
	}
	if bytes.Equal(was, now) {
		return errNotHere
	}
	return copyFile(earlier, file)
}

func rollBackFolder(earlier, folder string) error {
	if _, err := os.Stat(earlier); err != nil {
		return errNotHere
	}
	return errors.Join(os.RemoveAll(folder), copyFolder(earlier, folder))
}

// copyFolder copies files and folders, holes as holes. Sockets are left out.
func copyFolder(from, to string) error {
	return filepath.WalkDir(from, func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		switch target := path.Join(to, name); {
		case entry.IsDir():
			return os.MkdirAll(target, 0o700)
		case entry.Type().IsRegular():
			return copyFile(p, target)
		}
		return nil
	})
}

// copyFile copies the bytes of a file that are stored.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	extents, err := extentsOf(in, info.Size())
	if err == nil {
		err = out.Truncate(info.Size())
	}
	for _, e := range extents {
		if err == nil {
			err = copyExtent(in, out, e)
		}
	}
	return errors.Join(err, out.Close())
}

// copyExtent copies one extent but pages of zeros.
func copyExtent(in, out *os.File, e extent) error {
	page, zero := make([]byte, pageBytes), make([]byte, pageBytes)
	for at := e.first; at < e.last; at += pageBytes {
		part := page[:min(pageBytes, e.last-at)]
		if _, err := in.ReadAt(part, at); err != nil {
			return err
		}
		if bytes.Equal(part, zero[:len(part)]) {
			continue
		}
		if _, err := out.WriteAt(part, at); err != nil {
			return err
		}
	}
	return nil
}

// extent is a part of a file that is stored.
type extent struct{ first, last int64 }
