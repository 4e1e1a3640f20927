package storage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"zhenni"
)

// An entry of the command log, drawn in the package documentation. It is a redo record: whatever a command needs to be
// applied was decided and sealed when it was proposed, so that applying it is writing its records.

// entryKind says what an entry is. Its zero value is none.
type entryKind uint8

const (
	// entryChange carries the records that commands made.
	entryChange entryKind = iota + 1
	// entryImport says that the view was written outside of the log, and carries the high-water record it has.
	entryImport
)

const (
	entryVersion  = 2
	oldEntry      = 1 // has no tallies, and a digest of its own for an import
	entryHeadSize = 1 + 1 + 8 + 4
	importSize    = 8
	oldImportSize = 8 + sha256.Size
	// maxEntryRecords is what the largest commit makes: status, template, tenant key, the status replaced, the subject and
	// the end of validity in the slot for each command, the state of the key file and the high-water record.
	maxEntryRecords = 6*groupCommands + 2
	maxRecordKey    = 128
	maxRecordValue  = 64 << 10
)

// entry is one entry. Its records share the memory it was decoded from.
type entry struct {
	kind entryKind
	// sequence is the commit that the entry makes of the one before it: it is applied to sequence − 1 and to no other.
	sequence uint64
	// credentials is how many an import wrote.
	credentials uint64
	// turned is what a change adds to the tallies, and the tallies themselves after an import. untallied says that an
	// entry of the old version does not tell.
	turned    []placed
	untallied bool
	records   []record
}

// append seals the entry under the log's key: the records are sealed already, so a MAC over all of it is enough.
func (e entry) append(dst, key []byte) []byte {
	from := len(dst)
	dst = append(dst, entryVersion, byte(e.kind))
	dst = binary.LittleEndian.AppendUint64(dst, e.sequence)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(e.records)))
	if e.kind == entryImport {
		dst = binary.LittleEndian.AppendUint64(dst, e.credentials)
	}
	dst = appendPlaced(dst, e.turned)
	dst = appendRecords(dst, e.records)
	return append(dst, entryMAC(dst[from:], key)...)
}

// size is the length of what append writes.
func (e entry) size() int {
	n := entryHeadSize + importSize + 4 + len(e.turned)*placedSize + sha256.Size
	for _, r := range e.records {
		n += recordHeadSize + len(r.key) + len(r.value)
	}
	return n
}

func entryMAC(b, key []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(b)
	return mac.Sum(nil)
}

// openEntry checks and reads an entry: [zhenni.ErrFormat] for one of a newer build, [zhenni.ErrCorrupt].
func openEntry(b, key []byte) (entry, error) {
	if len(b) < entryHeadSize+sha256.Size {
		return entry{}, fmt.Errorf("%w: entry of %d bytes", zhenni.ErrCorrupt, len(b))
	}
	body, mac := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if !hmac.Equal(entryMAC(body, key), mac) {
		return entry{}, fmt.Errorf("%w: the entry fails its seal", zhenni.ErrCorrupt)
	}
	return decodeEntry(body)
}

// decodeEntry reads an entry without its MAC.
func decodeEntry(b []byte) (entry, error) {
	if len(b) < entryHeadSize {
		return entry{}, fmt.Errorf("%w: entry of %d bytes", zhenni.ErrCorrupt, len(b))
	}
	if b[0] != entryVersion && b[0] != oldEntry {
		return entry{}, fmt.Errorf("%w: entry of version %d, this build reads %d and %d", zhenni.ErrFormat, b[0], oldEntry, entryVersion)
	}
	e := entry{kind: entryKind(b[1]), sequence: binary.LittleEndian.Uint64(b[2:]), untallied: b[0] == oldEntry}
	count := int(binary.LittleEndian.Uint32(b[10:]))
	switch {
	case e.kind != entryChange && e.kind != entryImport:
		return entry{}, fmt.Errorf("%w: entry of kind %d", zhenni.ErrFormat, e.kind)
	case count > maxEntryRecords:
		return entry{}, fmt.Errorf("%w: entry of %d records, at most %d", zhenni.ErrCorrupt, count, maxEntryRecords)
	}
	b, err := e.decodeTurn(b[entryHeadSize:])
	if err != nil {
		return entry{}, err
	}
	if e.records, err = decodeRecords(b); err != nil {
		return entry{}, err
	}
	return e, e.check(count)
}

// decodeTurn reads what stands between the head of an entry and its records.
func (e *entry) decodeTurn(b []byte) (rest []byte, err error) {
	if e.kind == entryImport {
		size := importSize
		if e.untallied {
			size = oldImportSize
		}
		if len(b) < size {
			return nil, fmt.Errorf("%w: the entry is cut short", zhenni.ErrCorrupt)
		}
		e.credentials = binary.LittleEndian.Uint64(b)
		b = b[size:]
	}
	if e.untallied {
		return b, nil
	}
	e.turned, b, err = decodePlaced(b)
	return b, err
}

// check holds the records against their bounds.
func (e entry) check(count int) error {
	if len(e.records) != count {
		return fmt.Errorf("%w: an entry of %d records says %d", zhenni.ErrCorrupt, len(e.records), count)
	}
	for _, r := range e.records {
		if len(r.key) > maxRecordKey || len(r.value) > maxRecordValue {
			return fmt.Errorf("%w: record with a key of %d bytes and a value of %d", zhenni.ErrCorrupt, len(r.key), len(r.value))
		}
	}
	return nil
}
