package storage

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"zhenni"
	"zhenni/storage/commandlog"
)

// A file of entries: a magic, then the entries to the end of the file, each
//
//	index u64 | term u64 | kind u8 | length u32 | the entry as the log has it
//
// Its digest is in the manifest; each entry carries its own seal besides.
const (
	tailMagic     = "zhenni backup 1\n"
	tailHeadSize  = 8 + 8 + 1 + 4
	backupsBuffer = 1 << 20
)

func appendTailEntry(dst []byte, e commandlog.Entry) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, e.Index)
	dst = binary.LittleEndian.AppendUint64(dst, e.Term)
	dst = append(dst, e.Kind)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(e.Data)))
	return append(dst, e.Data...)
}

// readTail passes every entry to visit, whose memory they are.
func readTail(from io.Reader, visit func(commandlog.Entry) error) error {
	r := bufio.NewReaderSize(from, backupsBuffer)
	var head [tailHeadSize]byte
	if _, err := io.ReadFull(r, head[:len(tailMagic)]); err != nil || string(head[:len(tailMagic)]) != tailMagic {
		return fmt.Errorf("%w: not entries of this build", zhenni.ErrFormat)
	}
	for {
		if _, err := io.ReadFull(r, head[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%w: the entries are cut short: %w", zhenni.ErrCorrupt, err)
		}
		length := binary.LittleEndian.Uint32(head[17:])
		if length > commandlog.MaxEntry {
			return fmt.Errorf("%w: entry of %d bytes", zhenni.ErrCorrupt, length)
		}
		e := commandlog.Entry{Index: binary.LittleEndian.Uint64(head[:]), Term: binary.LittleEndian.Uint64(head[8:]), Kind: head[16]}
		e.Data = make([]byte, length)
		if _, err := io.ReadFull(r, e.Data); err != nil {
			return fmt.Errorf("%w: the entries are cut short: %w", zhenni.ErrCorrupt, err)
		}
		if err := visit(e); err != nil {
			return err
		}
	}
}

// recount is a rebuild that writes nothing: it follows a snapshot and entries from one state to the next, opens their
// seals and counts.
type recount struct {
	keys  storeKeys
	vault vault
	sc    scratch
	end   backupEnd
	// templates is how many credentials there can be: those of the snapshot, and a template record for each since.
	templates int64
}

// base follows a snapshot.
func (c *recount) base(from io.Reader, index, term uint64) error {
	statuses := int64(0)
	front, err := readSnapshot(from, c.keys.log, nil, func(r record) error {
		if r.key[0] == prefixCredential && len(r.key) == statusKeySize && r.key[idEnd] == kindStatus {
			statuses++
		}
		return c.water(r)
	})
	if err != nil {
		return err
	}
	at := front.at
	if front.base != "" && statuses < c.end.Credentials {
		statuses = c.end.Credentials // the others are in the tables
	}
	if at.index > index || at.sequence != c.end.Sequence || statuses != c.end.Credentials {
		return fmt.Errorf("%w: a snapshot of commit %d has %d credentials; its records say commit %d and %d",
			zhenni.ErrCorrupt, at.sequence, statuses, c.end.Sequence, c.end.Credentials)
	}
	c.templates = statuses
	c.end.Index, c.end.Term = index, term
	return nil
}

// water takes note of a high-water record.
func (c *recount) water(r record) error {
	if !bytes.Equal(r.key, waterKey) {
		return nil
	}
	_, body, err := c.vault.open(keyring{0: c.keys.system}, r.key, r.value, &c.sc)
	if err != nil {
		return err
	}
	w, err := decodeWater(body)
	c.end.Sequence, c.end.Credentials = w.sequence, w.credentials
	return err
}

// errImported is an import in the log: its records are in the view only.
var errImported = fmt.Errorf("%w: an import that no snapshot holds", zhenni.ErrUnavailable)

// entry follows one entry of the log.
func (c *recount) entry(e commandlog.Entry) error {
	switch {
	case e.Index != c.end.Index+1 || e.Term < c.end.Term:
		return fmt.Errorf("%w: entry %d of term %d follows entry %d of term %d", zhenni.ErrCorrupt, e.Index, e.Term, c.end.Index, c.end.Term)
	case !commandlog.KnownKind(e.Kind):
		return fmt.Errorf("%w: entry %d is of kind %d", zhenni.ErrFormat, e.Index, e.Kind)
	case e.Command():
		if err := c.command(e); err != nil {
			return err
		}
	}
	c.end.Index, c.end.Term, c.end.SHA256 = e.Index, e.Term, digestEntry(e)
	return nil
}

func (c *recount) command(e commandlog.Entry) error {
	opened, err := openEntry(e.Data, c.keys.log)
	switch {
	case err != nil:
		return fmt.Errorf("entry %d: %w", e.Index, err)
	case opened.sequence <= c.end.Sequence:
		return nil // another one overtook it
	case opened.sequence != c.end.Sequence+1:
		return fmt.Errorf("%w: entry %d makes commit %d of commit %d", zhenni.ErrCorrupt, e.Index, opened.sequence, c.end.Sequence)
	case opened.kind == entryImport:
		return errImported
	}
	for _, r := range opened.records {
		if r.key[0] == prefixCredential && len(r.key) == templateKeySize {
			c.templates++
		}
		if err := c.water(r); err != nil {
			return fmt.Errorf("entry %d: %w", e.Index, err)
		}
	}
	if opened.sequence != c.end.Sequence || c.end.Credentials > c.templates {
		return fmt.Errorf("%w: entry %d makes commit %d of %d credentials, its records say commit %d and have %d templates",
			zhenni.ErrCorrupt, e.Index, opened.sequence, c.end.Credentials, c.end.Sequence, c.templates)
	}
	return nil
}

// digestEntry tells two entries of one index apart.
func digestEntry(e commandlog.Entry) []byte {
	sum := sha256.Sum256(appendTailEntry(nil, e))
	return sum[:]
}

// measured reads a file of a backup and takes its size and digest.
type measured struct {
	from  io.Reader
	hash  hash.Hash
	bytes int64
}

func (m *measured) Read(b []byte) (int, error) {
	n, err := m.from.Read(b)
	m.hash.Write(b[:n])
	m.bytes += int64(n)
	return n, err
}

// matches reads what is left and holds the file against the manifest.
func (m *measured) matches(p backupPart) error {
	if _, err := io.Copy(io.Discard, m); err != nil {
		return fmt.Errorf("storage: %s: %w", p.Name, err)
	}
	if m.bytes != p.Bytes || !bytes.Equal(m.hash.Sum(nil), p.SHA256) {
		return fmt.Errorf("%w: %s is not the file of %d bytes that the manifest names; use another backup", zhenni.ErrCorrupt, p.Name, p.Bytes)
	}
	return nil
}
