package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"zhenni"
)

// quarantine moves the view and what belongs to it into a folder of its own, for a person to look at. The folders are
// numbered, the newest highest.
func (s *Store) quarantine() (aside string, err error) {
	if err := os.MkdirAll(s.path(quarantineDir), 0o700); err != nil {
		return "", fmt.Errorf("storage: %w", err)
	}
	numbers, err := quarantines(s.opts.Dir)
	if err != nil {
		return "", err
	}
	s.aside = 1
	if len(numbers) > 0 {
		s.aside = slices.Max(numbers) + 1
	}
	aside = filepath.Join(s.path(quarantineDir), fmt.Sprint(s.aside))
	if err := os.Mkdir(aside, 0o700); err != nil {
		return "", fmt.Errorf("storage: %w", err)
	}
	for _, name := range []string{importFile, orphanDir, viewDir} {
		if err := os.Rename(s.path(name), filepath.Join(aside, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("storage: %w", err)
		}
	}
	return aside, errors.Join(syncDir(aside), syncDir(s.opts.Dir))
}

// quarantines lists the damaged views of the store in dir by number, in ascending order.
func quarantines(dir string) (numbers []int, err error) {
	folders, err := os.ReadDir(filepath.Join(dir, quarantineDir))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	for _, f := range folders {
		if n, err := strconv.Atoi(f.Name()); err == nil && n > 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// dropQuarantines removes older damaged views once the log has made a new one in place of the newest, which stays
// whatever is asked for.
func (s *Store) dropQuarantines() {
	if s.aside == 0 {
		return
	}
	if freed, err := pruneQuarantines(s.opts.Dir, s.opts.Quarantines); err != nil || freed > 0 {
		s.opts.Logger.Info("older damaged views are removed", "bytes", freed, "cause", err)
	}
}

// PruneQuarantine removes the damaged views that a closed store keeps, but for the newest keep, and returns the bytes
// freed: [zhenni.ErrLocked] while the store is open anywhere.
func PruneQuarantine(dir string, keep int) (freed int64, err error) {
	if keep < 0 {
		return 0, fmt.Errorf("%w: keep %d", zhenni.ErrBadValue, keep)
	}
	lock, err := lockDir(dir, false)
	if err != nil {
		return 0, err
	}
	defer lock.Close()
	return pruneQuarantines(dir, keep)
}

func pruneQuarantines(dir string, keep int) (freed int64, err error) {
	numbers, err := quarantines(dir)
	if err != nil {
		return 0, err
	}
	for _, n := range numbers[:max(0, len(numbers)-keep)] {
		path := filepath.Join(dir, quarantineDir, fmt.Sprint(n))
		bytes := diskBytes(path)
		if err := os.RemoveAll(path); err != nil {
			return freed, fmt.Errorf("storage: %w", err)
		}
		freed += bytes
	}
	return freed, nil
}
