package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"zhenni"
)

// madeFirst are the files of a store that are written before its header; stateFiles are all others.
var (
	madeFirst  = []string{markFile, keysFile}
	stateFiles = []string{
		slotsFile, importFile, restoreFile, logDir, viewDir, coldDir, baseDir, orphanDir, upgradeDir, damagedFile, verifyingFile, quarantineDir,
	}
)

// CheckSandbox reports why the folder holds a store that is not a sandbox's, without the root key, so that it is not proven:
// [ErrSandbox] for a real one, [zhenni.ErrCorrupt] and [zhenni.ErrFormat] for what can not be told to be none. No store is none of these.
func CheckSandbox(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, headerFile))
	if errors.Is(err, os.ErrNotExist) {
		return checkHeadless(dir)
	}
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	l, err := parseLabel(text)
	if err != nil {
		return err
	}
	return l.checkSandbox(Options{Sandbox: true})
}

// checkHeadless refuses a folder with the state of a store whose header is gone: it may be anybody's.
func checkHeadless(dir string) error {
	for _, name := range stateFiles {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%w: %s is missing beside %s; restore it", zhenni.ErrCorrupt, headerFile, name)
		}
	}
	return nil
}

// ClearSandbox removes the store of a sandbox, with what is named beside it in its folder and nothing else, for another one to be made
// there: [zhenni.ErrLocked] while the store is open anywhere, and what [CheckSandbox] refuses. The header goes last, so that what a crash
// leaves is cleared by the next call.
func ClearSandbox(dir string, beside ...string) (err error) {
	lock, err := lockDir(dir, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := CheckSandbox(dir); err != nil {
		return err
	}
	for _, name := range slices.Concat(beside, stateFiles, madeFirst) {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("storage: %w", err)
		}
	}
	if err := syncDir(dir); err != nil || !Exists(dir) {
		return err
	}
	return removeFile(filepath.Join(dir, headerFile))
}
