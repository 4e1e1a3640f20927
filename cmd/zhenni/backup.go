package main

import (
	"context"
	"errors"
	"time"

	"zhenni"
	"zhenni/storage"
)

// backupCommand is backup.
type backupCommand struct {
	Folder   string `arg:"" type:"path" help:"Folder of the backup, on the machine of the server: absent, empty, or holding the last one."`
	KeysCopy string `type:"path" placeholder:"FILE" help:"File that the templates' keys are copied to, outside of the folder: without it the backup brings back no template. Keep it apart, for a stated number of days."`
	Verify   bool   `help:"Write nothing; read the whole backup and follow it to its end."`
	storeFlags
	adminFlags
	JSON bool `help:"Print one JSON object."`
}

// Help is shown by zhenni backup --help.
func (backupCommand) Help() string {
	return `A running server is asked over its socket and goes on serving; the store of a stopped one is opened. Into a folder that holds the last backup go the changes since. What is written is read back before it counts, and an interrupted backup leaves the last one. The root key is not in it: keep that elsewhere.

The keys of the templates are not in it either, so that an erasure does not have to reach every backup. --keys-copy copies them, as new as the backup or newer. An erasure is complete once the last copy from before it is deleted: keep these copies apart, for a stated number of days. The backup itself may be kept as long as is wanted. A tenant's key that was rotated takes both anew.

Exit code 1 says that a backup is damaged.

Examples:

    zhenni backup /mnt/backup/zhenni --keys-copy /mnt/keys/zhenni.keys
    zhenni backup /mnt/backup/zhenni --verify`
}

// Run makes or verifies a backup.
func (c *backupCommand) Run(ctx context.Context, out *output) error {
	done, err := c.run(ctx, out)
	if errors.Is(err, zhenni.ErrCorrupt) {
		return notSo("%w", err)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return out.JSON(done)
	}
	switch {
	case c.Verify:
		err = out.Print("Whole: %d files, %s.", done.Files, byteSize(done.TotalBytes))
	case done.Base:
		err = out.Print("Made anew: %d files, %s.", done.Files, byteSize(done.TotalBytes))
	default:
		err = out.Print("Added %d entries, %s; %d files, %s in all.", done.Entries, byteSize(done.Bytes), done.Files, byteSize(done.TotalBytes))
	}
	err = errors.Join(err, out.Print("It ends at commit %d with %d credentials.", done.Commit, done.Credentials))
	switch {
	case c.Verify:
	case done.KeysBytes > 0:
		err = errors.Join(err, out.Print("Copied the keys of the templates: %s.", byteSize(done.KeysBytes)))
	default:
		out.Note("The keys of the templates were not copied: --keys-copy does.")
	}
	return err
}

func (c *backupCommand) run(ctx context.Context, out *output) (done zhenni.Backup, err error) {
	if c.Verify {
		root, err := c.root(c.Store, false, out)
		if err != nil {
			return done, err
		}
		return storage.VerifyBackup(ctx, c.Folder, root)
	}
	if admin := c.client(c.Store); admin.answers() {
		admin.http.Timeout = 0 // as long as the disk takes
		return done, admin.do(ctx, "POST", "/admin/backup", map[string]string{"folder": c.Folder, "keys_copy": c.KeysCopy}, &done)
	}
	store, err := c.open(false, out)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return store.Backup(ctx, storage.BackupOptions{Dir: c.Folder, KeysCopy: c.KeysCopy, At: time.Now().UTC()})
}
