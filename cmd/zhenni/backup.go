package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zhenni"
	"zhenni/storage"
)

// backupCommand is backup.
type backupCommand struct {
	Folder string `arg:"" type:"path" help:"Folder of the backup, on the machine of the server: absent, empty, or holding the last one."`
	Verify bool   `help:"Write nothing; read the whole backup and follow it to its end."`
	storeFlags
	AdminSocket string `type:"path" env:"ZHENNI_ADMIN_SOCKET" placeholder:"FILE" help:"Operator's socket of a running server. Default: admin.sock in the store's folder."`
	JSON        bool   `help:"Print one JSON object."`
}

// Help is shown by zhenni backup --help.
func (backupCommand) Help() string {
	return `A running server is asked over its socket and goes on serving; the store of a stopped one is opened. Into a folder that holds the last backup go the changes since. What is written is read back before it counts, and an interrupted backup leaves the last one. The root key is not in it: keep that elsewhere. Exit code 1 says that a backup is damaged.

Examples:

    zhenni backup /mnt/backup/zhenni
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
	return errors.Join(err, out.Print("It ends at commit %d with %d credentials.", done.Commit, done.Credentials))
}

func (c *backupCommand) run(ctx context.Context, out *output) (done zhenni.Backup, err error) {
	if c.Verify {
		root, err := c.root(c.Store, false, out)
		if err != nil {
			return done, err
		}
		return storage.VerifyBackup(ctx, c.Folder, root)
	}
	socket := c.AdminSocket
	if socket == "" {
		socket = adminSocket(c.Store)
	}
	if admin := newAdminClient(socket); admin.answers() {
		admin.http.Timeout = 0 // as long as the disk takes
		return done, admin.do(ctx, "POST", "/admin/backup", map[string]string{"folder": c.Folder}, &done)
	}
	store, err := c.open(false, out)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return store.Backup(ctx, storage.BackupOptions{Dir: c.Folder, At: time.Now().UTC()})
}

// restoreCommand is restore.
type restoreCommand struct {
	Folder string `arg:"" type:"path" help:"Folder of the backup."`
	Log    string `type:"path" placeholder:"DIR" help:"Folder log of the lost store, where it still reads: the changes since the backup are taken from it. It is not changed."`
	storeFlags
	JSON bool `help:"Print one JSON object."`
}

// Help is shown by zhenni restore --help.
func (restoreCommand) Help() string {
	return `Reads and verifies the whole backup, makes a store of it in the new or empty folder --store and checks that. A restore that was interrupted is run again; until it is done no server opens the folder. The root key is that of the store that was lost: name its file with --key-file, or put it beside the new folder.

Changes after the end of the backup are gone, revocations among them, unless --log still holds them.

Examples:

    zhenni restore /mnt/backup/zhenni --store new-data --key-file zhenni-data.key
    zhenni restore /mnt/backup/zhenni --store new-data --key-file zhenni-data.key --log broken-data/log`
}

// Run restores.
func (c *restoreCommand) Run(ctx context.Context, out *output) error {
	root, err := c.root(c.Store, false, out)
	if err != nil {
		return err
	}
	done, err := storage.Restore(ctx, storage.RestoreOptions{From: c.Folder, Log: c.Log, Options: storage.Options{Dir: c.Store, Root: root}})
	switch {
	case errors.Is(err, zhenni.ErrExists), errors.Is(err, zhenni.ErrBadValue):
		return usage("%w", err)
	case errors.Is(err, zhenni.ErrCorrupt):
		return notSo("%w", err)
	case err != nil:
		return environment("%w", err)
	}
	if done.Stopped != "" {
		out.Note("--log was followed to commit %d: %s", done.Commit, done.Stopped)
	}
	if c.JSON {
		return out.JSON(done)
	}
	return out.Print("%s", restoredText(done))
}

func restoredText(done storage.Restored) string {
	text := fmt.Sprintf("Restored %d credentials, commit %d.", done.Credentials, done.Commit)
	if more := done.Commit - done.Backup; more > 0 {
		text += fmt.Sprintf(" %d commits are from the log.", more)
	}
	return text + " Nothing is wrong."
}
