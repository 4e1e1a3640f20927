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
