package main

import (
	"encoding/binary"
	"errors"

	"zhenni"
)

// reference is the id of a reference that is imported: 16 bytes of the keyed digest of all that it is, so that it is the same
// whenever the same row comes again. The first field, which is a party's id where a credential is issued, is empty.
func (i *identities) reference(image string, e zhenni.Enrol) zhenni.CredentialID {
	of := append(binary.BigEndian.AppendUint32(nil, uint32(e.Tenant)), byte(e.Level))
	row := make([]byte, len(e.Row))
	for n, x := range e.Row {
		row[n] = byte(x)
	}
	digest := keyedDigest(i.ids, "", string(of), image, e.Model, string(e.Subject[:]), string(e.NameTag[:]), string(row))
	clear(row)
	return zhenni.NewCredentialID([16]byte(digest))
}

// take puts a part into the store. Of one person there is one row in a commit, so that each is held against what those before
// it have made.
func (im *sealedImport) take(part []sealedReference) error {
	for rest := part; len(rest) > 0; {
		taken, err := im.commit(rest)
		if err != nil {
			return err
		}
		im.bar.Add(taken)
		rest = rest[taken:]
	}
	return nil
}

// commit puts the first rows of a part into the store, up to a second one of somebody, and returns how many they were.
func (im *sealedImport) commit(part []sealedReference) (taken int, err error) {
	var rows []*sealedReference
	var commands []zhenni.Command
	people := map[zhenni.SubjectHandle]bool{}
	for ; taken < len(part) && !people[part[taken].enrol.Subject]; taken++ {
		r := &part[taken]
		wanted, err := im.stands(r)
		if err != nil {
			return 0, err
		}
		if wanted {
			people[r.enrol.Subject] = true
			rows, commands = append(rows, r), append(commands, r.enrol)
		}
	}
	results, err := im.store.Apply(im.ctx, commands)
	for i, result := range results {
		err = errors.Join(err, im.settle(rows[i], result))
	}
	return taken, err
}

// stands holds a row against the live reference of its person, and reports whether it is to be put into the store.
func (im *sealedImport) stands(r *sealedReference) (wanted bool, err error) {
	if r.refused != nil {
		im.refuse(r, &im.done.Refused, r.refused.Error())
		return false, nil
	}
	live, err := im.store.Subject(r.enrol.Tenant, r.enrol.Subject)
	switch {
	case errors.Is(err, zhenni.ErrNotFound):
		return true, nil
	case err != nil:
		return false, err
	case live.ID == r.enrol.ID:
		im.done.LeftOut++
		return false, im.tell(r)
	case !im.replace:
		im.refuse(r, &im.done.Duplicates, "the person has a live reference already; --replace puts this one in its place")
		return false, nil
	}
	r.enrol.Replaces = live.ID
	return true, nil
}

// settle counts what became of a row. An error that is not the row's own ends the import.
func (im *sealedImport) settle(r *sealedReference, result zhenni.Result) error {
	switch err := result.Err; {
	case errors.Is(err, zhenni.ErrExists):
		im.refuse(r, &im.done.Refused, "this reference was erased, and an import brings back nothing that was")
	case errors.Is(err, zhenni.ErrIllegalChange):
		im.refuse(r, &im.done.Refused, "it may not follow what became of the person's last reference without --replace, or at this level")
	case err != nil:
		return err
	case result.Credential.Status == zhenni.StatusSuperseded:
		im.done.LeftOut++
	case !result.Credential.Live():
		im.refuse(r, &im.done.Refused, "this reference was ended, and an import brings back nothing that was")
	case r.enrol.Replaces != zhenni.CredentialID{}:
		im.done.Replaced++
		return im.tell(r)
	default:
		im.done.Enrolled++
		return im.tell(r)
	}
	return nil
}

// tell writes the line of a reference that is live.
func (im *sealedImport) tell(r *sealedReference) error {
	return wrapped("--map", im.told.Write([]string{r.image, "", r.enrol.ID.String()}))
}

// refuse counts a row and tells why.
func (im *sealedImport) refuse(r *sealedReference, count *int, why string) {
	*count++
	im.refusals.tell(im.out, r.row, why)
}
