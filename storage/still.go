package storage

import (
	"sync/atomic"

	"zhenni"
)

// slotChanges count the records of a slot's credentials that entries of the log write: those begun, and those that are in the view
// and in the cold tier. One that failed stays begun.
type slotChanges [zhenni.Slots]struct{ begun, done atomic.Uint64 }

// Changes returns how many changes of the credentials in the slot of id are done, for [Store.Unchanged]. It is to be called before
// the record of id is read.
func (s *Store) Changes(id zhenni.CredentialID) uint64 { return s.changes[id.Slot()].done.Load() }

// Unchanged reports whether the record of id, read after Changes returned since, is what [Store.Credential] would find now. It says
// so only where no change of a credential in the slot was under way then or has begun after.
func (s *Store) Unchanged(id zhenni.CredentialID, since uint64) bool {
	return s.changes[id.Slot()].begun.Load() == since
}

// begin counts what an entry writes before it does, end after it did.
func (c *slotChanges) begin(e *entry) { e.eachSlot(func(slot int) { c[slot].begun.Add(1) }) }

func (c *slotChanges) end(e *entry) { e.eachSlot(func(slot int) { c[slot].done.Add(1) }) }

// eachSlot calls visit with the slot of every credential's record: of an import, whose records are not in it, with all.
func (e *entry) eachSlot(visit func(slot int)) {
	if e.kind == entryImport {
		for slot := range zhenni.Slots {
			visit(slot)
		}
	}
	for _, r := range e.records {
		if len(r.key) > len(zhenni.CredentialID{}) && r.key[0] == prefixCredential {
			visit(int(zhenni.CredentialID(r.key[1 : 1+len(zhenni.CredentialID{})]).Slot()))
		}
	}
}
