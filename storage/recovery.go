package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"zhenni"
)

const recordHeadSize = 2 + 4

// appendRecords writes records as key length u16 | value length u32 | key | value, little-endian. They are sealed, so
// the file needs no seal of its own.
func appendRecords(dst []byte, records []record) []byte {
	for _, r := range records {
		dst = appendRecord(dst, r.key, r.value)
	}
	return dst
}

func appendRecord(dst, key, value []byte) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(key)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(value)))
	return append(append(dst, key...), value...)
}

// decodeRecords reads what appendRecords wrote. The records share b.
func decodeRecords(b []byte) ([]record, error) {
	var records []record
	for len(b) > 0 {
		if len(b) < recordHeadSize {
			return nil, fmt.Errorf("%w: records are cut short", zhenni.ErrCorrupt)
		}
		keyLen := int(binary.LittleEndian.Uint16(b))
		valueLen := int(binary.LittleEndian.Uint32(b[2:]))
		b = b[recordHeadSize:]
		if keyLen == 0 || valueLen > len(b)-keyLen {
			return nil, fmt.Errorf("%w: records are cut short", zhenni.ErrCorrupt)
		}
		records = append(records, record{b[:keyLen:keyLen], b[keyLen : keyLen+valueLen : keyLen+valueLen]})
		b = b[keyLen+valueLen:]
	}
	return records, nil
}

func (s *Store) readImportFile() ([]record, error) {
	content, err := os.ReadFile(s.path(importFile))
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	return decodeRecords(content)
}

// recoverImport puts the store back as it was before a half-done import.
func (s *Store) recoverImport() error {
	if _, err := os.Stat(s.path(importFile)); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	kept, err := s.readImportFile()
	if err != nil {
		return err
	}
	before, err := s.keptCommit(kept)
	if err != nil {
		return err
	}
	if s.machine.imported == before+1 {
		s.machine.holds = s.machine.imported // the log has it: it was committed
		return nil
	}
	s.opts.Logger.Warn("an import was left half done; the store is put back as it was before")
	// What the import emptied is not lost: its orphans need not be in the view.
	if err := s.dropBase(); err != nil {
		return err
	}
	return errors.Join(s.putBack(kept), s.dropOrphans())
}

// keptCommit is the commit before the import that a file marks.
func (s *Store) keptCommit(kept []record) (sequence uint64, err error) {
	for _, r := range kept {
		if !bytes.Equal(r.key, waterKey) {
			continue
		}
		_, body, err := s.vault.open(keyring{0: s.keys.system}, r.key, r.value, new(scratch))
		if err != nil {
			return 0, err
		}
		w, err := decodeWater(body)
		return w.sequence, err
	}
	return 0, nil
}

// settleImport ends an import that the log has, once the view is at the end of the log.
func (s *Store) settleImport() error {
	if _, err := os.Stat(s.path(importFile)); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := s.machine.settle(); err != nil {
		return err
	}
	return removeFile(s.path(importFile))
}

// putBack empties the view, writes the records kept and then removes the file that marks the import. A crash on the
// way leaves the file, and the next Open starts over.
func (s *Store) putBack(kept []record) error {
	if err := translate(s.db.DropAll()); err != nil {
		return err
	}
	if err := s.dropKeys(kept); err != nil {
		return err
	}
	if err := s.writeRecords(kept); err != nil {
		return err
	}
	return removeFile(s.path(importFile))
}

// writeRecords writes records to the view beside the log, durably.
func (s *Store) writeRecords(records []record) error {
	batch := s.db.NewWriteBatch()
	defer batch.Cancel()
	for _, r := range records {
		if err := translate(batch.Set(r.key, r.value)); err != nil {
			return err
		}
	}
	return errors.Join(translate(batch.Flush()), syncView(s.path(viewDir)))
}

// Abort ends the import and puts the store back as it was before. After Commit it does nothing.
func (im *Import) Abort() error {
	if im.ended {
		return nil
	}
	if err := im.end(); err != nil {
		return err
	}
	return im.undo()
}

func (im *Import) undo() error {
	s := im.store
	im.fail(nil)
	im.writer.Cancel()
	defer s.resume()
	if im.logged {
		s.committer.failed = fmt.Errorf("%w: an import ended without an answer; open the store again", zhenni.ErrUnavailable)
		return nil
	}
	err := im.reopen()
	var kept []record
	if err == nil {
		kept, err = s.readImportFile()
	}
	if err == nil {
		err = s.putBack(kept)
	}
	s.committer.failed = err
	return err
}

// reopen opens the view again where it was closed to become a base. Where that fails the store is of no use.
func (im *Import) reopen() error {
	if !im.closed {
		return nil
	}
	s := im.store
	err := errors.Join(translate(s.db.Close()), s.dropBase())
	if err == nil {
		err = s.reopenView()
	}
	s.lostView = err != nil
	return err
}
