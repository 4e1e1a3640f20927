package main

import (
	"errors"

	"zhenni/storage"
)

// auditAccept is audit accept.
type auditAccept struct {
	storeFlags
}

// Help is shown by zhenni audit accept --help.
func (auditAccept) Help() string {
	return `A store whose audit log has other changes than it has does not open: one of the two was put back as it was earlier. Restore the newest copies of both. Where there are none, this says that the changes between are lost, revocations perhaps among them, and records for good that it was said.

Examples:

    zhenni audit accept --store zhenni-data`
}

// Run records the store's commit as the newest, where it is another.
func (c *auditAccept) Run(out *output) (err error) {
	root, err := c.root(c.Store, false, out)
	if err != nil {
		return err
	}
	o, err := c.auditFlags.options(c.Store)
	if err != nil {
		return err
	}
	if err := checkPinned(c.Store, o.dir); err != nil {
		return err
	}
	store, err := openStore(storage.Options{Dir: c.Store, Keys: c.Keys, Root: root, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	log, err := openAuditLog(o, root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	recorded, reached := log.changes.Recorded(), store.Commit()
	if recorded == reached {
		return out.Print("The store and its audit log agree at commit %d; nothing is recorded.", reached)
	}
	if err := log.changes.Accept(reached); err != nil {
		return environment("%w", err)
	}
	return out.Print("The audit log had the changes up to commit %d, the store has those up to %d, and goes on from there.", recorded, reached)
}
