package statuslist

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	suffix = ".jwt"
	// unfinished is what a file has behind its name until it is whole.
	unfinished = ".new"
)

func pathOf(dir string, list uint32) string {
	return filepath.Join(dir, strconv.FormatUint(uint64(list), 10)+suffix)
}

// replace replaces the file at path whole: after a crash it has its old content or the new one, which is durable when replace
// returns. Whoever reads it sees one or the other.
func replace(path string, content []byte) error {
	f, err := os.OpenFile(path+unfinished, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+unfinished, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// listOf reads the name of a file; whole is false for one that was not finished.
func listOf(name string) (list uint32, whole, ours bool) {
	name, half := strings.CutSuffix(name, unfinished)
	number, ours := strings.CutSuffix(name, suffix)
	n, err := strconv.ParseUint(number, 10, 32)
	return uint32(n), !half, ours && err == nil && number == strconv.FormatUint(n, 10)
}

// readToken reads a file of at most [MaxToken] bytes.
func readToken(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, MaxToken+1))
	return text, errors.Join(err, f.Close())
}

// prune removes the files of lists that are no more and those a crash left unfinished, and no other.
func prune(dir string, keep func(list uint32) bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var failed error
	for _, entry := range entries {
		if list, whole, ours := listOf(entry.Name()); ours && (!whole || !keep(list)) {
			failed = errors.Join(failed, os.Remove(filepath.Join(dir, entry.Name())))
		}
	}
	return failed
}
