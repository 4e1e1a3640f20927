package engine

import "zhenni"

// Store is what the engine needs of the system of record. Its methods may be called from several goroutines.
type Store interface {
	// Reference opens the current record of id: its Row is written to row, which has the model's dimension, and
	// the returned Reference.Row is row. [zhenni.ErrNotFound] where there is none, [zhenni.ErrCorrupt] where its seal
	// fails. A record of any status is returned. What a command acknowledged before the call changed is seen.
	Reference(id zhenni.CredentialID, row []int8) (zhenni.Reference, error)
	// References visits every record of the slots first … last in ascending order of id. The Row passed is valid only
	// during the visit. A record that fails its seal is skipped and counted in the error, [zhenni.ErrCorrupt], which
	// is returned after the last visit; an error of visit stops the walk and is returned.
	References(first, last zhenni.Slot, visit func(zhenni.Reference) error) error
}

// ManyStore is a [Store] that reads many records together faster than one by one, as one on a disk does. A matcher whose
// store is one reads all that a sweep misses at once.
type ManyStore interface {
	Store
	// ReferenceMany does for each of ids what Reference does, in any order: refs[i] and errs[i] become what it returns,
	// and refs[i].Row, which the caller gives, receives the template. The three have one length; an id may be there more
	// than once.
	ReferenceMany(ids []zhenni.CredentialID, refs []zhenni.Reference, errs []error)
}
