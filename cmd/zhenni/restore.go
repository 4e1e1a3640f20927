package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"zhenni"
	"zhenni/storage"
	"zhenni/storage/audit"
)

// restoreCommand is restore.
type restoreCommand struct {
	Folder    string `arg:"" type:"path" help:"Folder of the backup."`
	KeysCopy  string `type:"path" placeholder:"FILE" help:"Copy of the templates' keys, from this backup or newer, or the key file of the lost store. It is copied to where --keys says, and not changed. Without it the file that --keys names is taken over as it lies."`
	AdoptKeys bool   `help:"Take keys older than the backup, or none: what was erased since is erased again, and the credentials whose keys are lacking are refused one by one."`
	Log       string `type:"path" placeholder:"DIR" help:"Folder log of the lost store, where it still reads: the changes since the backup are taken from it. It is not changed."`
	storeFlags
	JSON bool `help:"Print one JSON object."`
}

// Help is shown by zhenni restore --help.
func (restoreCommand) Help() string {
	return `Reads and verifies the whole backup, makes a store of it in the new or empty folder --store and checks that. A restore that was interrupted is run again; until it is done no server opens the folder. The root key is that of the store that was lost: name its file with --key-file, or put it beside the new folder.

Changes after the end of the backup are gone, revocations among them, unless --log still holds them: the key file of the lost store belongs with it. What was erased does not come back: a credential that was erased after the backup is refused for want of its key.

--audit-dir names the audit log of the lost store, where it still reads; it goes on, once zhenni audit accept has said what is lost. Without it a new one begins. What is left to do is printed at the end.

Examples:

    zhenni restore /mnt/backup/zhenni --store new-data --key-file zhenni-data.key --keys-copy /mnt/keys/zhenni.keys
    zhenni restore /mnt/backup/zhenni --store new-data --key-file zhenni-data.key --keys-copy broken-data/keys --log broken-data/log --audit-dir broken-data/audit`
}

// Run restores.
func (c *restoreCommand) Run(ctx context.Context, out *output) error {
	root, err := c.root(c.Store, false, out)
	var none noKeyError
	switch {
	case errors.As(err, &none):
		return usage("--key-file: %s does not exist: name the root key of the store that was lost; a new one opens nothing of the backup", string(none))
	case err != nil:
		return err
	}
	log, err := c.auditFlags.options(c.Store)
	if err != nil {
		return err
	}
	if err := c.checkAudit(); err != nil {
		return err
	}
	done, err := c.restore(ctx, root)
	if err != nil {
		return err
	}
	steps, err := c.settleAudit(log, root, done.Commit, out)
	if err != nil {
		return err
	}
	if done.Stopped != "" {
		out.Note("--log was followed to commit %d: %s", done.Commit, done.Stopped)
	}
	if c.JSON {
		for _, step := range steps {
			out.Note("%s", step)
		}
		return out.JSON(done)
	}
	return out.Print("%s", strings.Join(append(restoredText(done), steps...), "\n"))
}

func (c *restoreCommand) restore(ctx context.Context, root storage.RootKey) (storage.Restored, error) {
	done, err := storage.Restore(ctx, storage.RestoreOptions{
		From: c.Folder, Log: c.Log, KeysCopy: c.KeysCopy,
		Options: storage.Options{Dir: c.Store, Root: root, Keys: c.Keys, AdoptKeys: c.AdoptKeys},
	})
	switch {
	case errors.Is(err, zhenni.ErrExists), errors.Is(err, zhenni.ErrBadValue):
		return done, usage("%w", err)
	case errors.Is(err, zhenni.ErrCorrupt):
		return done, notSo("%w", err)
	case err != nil:
		return done, environment("%w", err)
	}
	return done, nil
}

// checkAudit refuses an audit folder that holds no log, before anything is restored.
func (c *restoreCommand) checkAudit() error {
	if c.AuditDir == "" {
		return nil
	}
	_, err := audit.PublicKey(audit.Folder(c.AuditDir))
	switch {
	case errors.Is(err, zhenni.ErrNotFound):
		return usage("--audit-dir: %s holds no audit log: leave the flag out, and a new one begins", c.AuditDir)
	case err != nil:
		return auditFailure(c.AuditDir, err)
	}
	return nil
}

// settleAudit begins a new audit log, or makes the audit log of the lost store that of the restored one, and returns what is left to do.
func (c *restoreCommand) settleAudit(o auditOptions, root storage.RootKey, commit uint64, out *output) ([]string, error) {
	flags := c.flags()
	serve := "Serve it with its profiles: zhenni serve " + flags
	if c.AuditDir == "" {
		store, err := c.openWith(storage.Options{}, false, out) // which makes the log
		if err != nil {
			return nil, err
		}
		if err := store.Close(); err != nil {
			return nil, environment("%w", err)
		}
		return []string{"Without --audit-dir a new audit log begins in " + o.dir + ". Keep the old one and its public key.", serve}, nil
	}
	log, err := openAuditLog(o, root)
	if err != nil {
		return nil, err
	}
	recorded := log.changes.Recorded()
	if err := errors.Join(pin(c.Store, o.dir), log.Close()); err != nil {
		return nil, err
	}
	if recorded == commit {
		return []string{"The audit log agrees with it.", serve}, nil
	}
	return []string{
		fmt.Sprintf("The audit log has the changes up to commit %d. Say that what lies between is lost: zhenni audit accept %s", recorded, flags),
		serve,
	}, nil
}

// flags are those that name the restored store from now on.
func (c *restoreCommand) flags() string {
	flags := "--store " + c.Store
	for _, f := range []struct{ name, value string }{
		{"key-file", c.KeyFile}, {"passphrase-file", c.PassphraseFile}, {"keys", c.Keys}, {"audit-dir", c.AuditDir},
	} {
		if f.value != "" {
			flags += fmt.Sprintf(" --%s %s", f.name, f.value)
		}
	}
	return flags
}

func restoredText(done storage.Restored) []string {
	text := fmt.Sprintf("Restored %d credentials, commit %d.", done.Credentials, done.Commit)
	if more := done.Commit - done.Backup; more > 0 {
		text += fmt.Sprintf(" %d commits are from the log.", more)
	}
	if done.Keyless == 0 {
		return []string{text + " Nothing is wrong."}
	}
	return []string{text, fmt.Sprintf("%d credentials have no key in the key file and are refused: erased after the backup, or enrolled after the keys were copied. "+
		"zhenni check lists the first; erase or enrol them anew.", done.Keyless)}
}
