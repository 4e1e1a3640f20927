package storage

import (
	"fmt"
	"os"
	"path/filepath"

	"zhenni/storage/disk"
)

// Every file of a store, in its folder.
const (
	headerFile  = "zhenni.json" // format, model and the wrapped store key
	markFile    = "mark"        // the high-water mark, outside Badger
	keysFile    = "keys"        // the record keys of templates, unless Options.Keys names another place
	slotsFile   = "slots"       // what the slots of the view hold, at its last two syncs
	importFile  = "import"      // exists while an import is half done
	restoreFile = "restore"     // exists while a restore is half done
	logDir      = "log"         // the command log and its snapshots
	viewDir     = "view"        // Badger's folder
	coldDir     = "cold"        // the cold tier, a copy of the templates that reads fast; see package cold
	baseDir     = "base"        // what an import wrote once, under the view
	orphanDir   = "orphans"     // tables that Badger would remove, until nothing of theirs is missing
	upgradeDir  = "upgrade"     // the view of the newest format, while it is made

	damagedFile   = "damaged"    // exists while the view is known to be damaged
	verifyingFile = "verifying"  // exists while the tables of the view are read in the background
	quarantineDir = "quarantine" // damaged views, each in a numbered folder, after the log made a new one
)

// writeFile replaces the file at path whole: after a crash it has the old content or the new, and the new is durable
// when writeFile returns.
func writeFile(path string, content []byte) error {
	if err := disk.Replace(path, content); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	return nil
}

// removeFile removes the file at path, durably.
func removeFile(path string) error {
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	if err := disk.SyncDir(dir); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	return nil
}
