package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"zhenni"
	"zhenni/storage/audit"
)

// checkRecord refuses verify-only unless its operator has said where its answers are recorded, or that they are not. What
// lies in the store's folder can not be written then.
func (c *serveCommand) checkRecord() error {
	switch {
	case c.Unrecorded && !c.VerifyOnly:
		return usage("--unrecorded: it goes with --verify-only; otherwise every answer is recorded")
	case c.Unrecorded || !c.VerifyOnly:
		return nil
	}
	for _, place := range []struct{ flag, dir string }{
		{"--audit-dir", c.auditFlags.dir(c.Store)}, {"--ledger-dir", c.ledgerFlags.dir(c.Store)},
	} {
		if lies(place.dir, c.Store) {
			return usage("--verify-only: nothing is written in %s, so its answers can not be recorded in %s: "+
				"copy the audit log and the stored answers to another disk and name them with --audit-dir and --ledger-dir, "+
				"also from then on, or answer without any record with --unrecorded (%s decides it here)", c.Store, place.dir, place.flag)
		}
	}
	return nil
}

// lies reports whether a folder, wherever links lead it, is in another or is it.
func lies(dir, in string) bool {
	rel, err := filepath.Rel(resolved(in), resolved(dir))
	return err != nil || rel == "." || rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// resolved follows the links of as much of a path as there is.
func resolved(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	if real, err := filepath.EvalSymlinks(path); err == nil || path == filepath.Dir(path) {
		return real
	}
	return filepath.Join(resolved(filepath.Dir(path)), filepath.Base(path))
}

// frozenLog shows an audit log that nothing is added to, from its files. It takes and proves nothing.
type frozenLog struct {
	signed []byte
	source audit.Source
}

// openFrozen opens the audit log of a store for showing. It writes nothing and locks nothing.
func openFrozen(store, dir string) (*frozenLog, error) {
	if err := checkPinned(store, dir); err != nil {
		return nil, err
	}
	line, err := audit.PublicKey(audit.Folder(dir))
	if err != nil {
		return nil, auditFailure(dir, err)
	}
	key, err := note.NewVerifier(line)
	if err != nil {
		return nil, auditFailure(dir, err)
	}
	l := &frozenLog{source: audit.FolderSource(audit.Folder(dir))}
	if l.signed, err = l.source.Checkpoint(context.Background()); err != nil {
		return nil, auditFailure(dir, err)
	}
	if _, err := audit.ReadCheckpoint(l.signed, key.Name(), key); err != nil {
		return nil, auditFailure(dir, err)
	}
	return l, nil
}

// Checkpoint implements gateway.AuditLog.
func (l *frozenLog) Checkpoint() []byte { return l.signed }

// Tile implements gateway.AuditLog.
func (l *frozenLog) Tile(path string) ([]byte, error) {
	return l.source.Tile(context.Background(), path)
}

var errUnrecorded = fmt.Errorf("%w: nothing is recorded", zhenni.ErrUnavailable)

// Witnessed implements gateway.AuditLog.
func (*frozenLog) Witnessed([]byte) error { return errUnrecorded }

// Proof implements gateway.AuditLog.
func (*frozenLog) Proof(zhenni.RelyingParty, string, int) ([]byte, error) { return nil, errUnrecorded }

// unrecord makes cfg that of a node that records nothing, and says so.
func (c *serveCommand) unrecord(cfg *nodeConfig, out *output) {
	cfg.ledger, cfg.gateway.Unrecorded = ledgerConfig{}, true
	out.Note("UNRECORDED: no answer of this server is in the audit log, none can be proven, and a transaction sent again is decided again. Every answer says so in the header Unrecorded. Failed attempts at credentials are counted in memory only: those of before are not known, and a restart forgets these.")
	dir := c.auditFlags.dir(c.Store)
	shown, err := openFrozen(c.Store, dir)
	if err != nil {
		out.Note("The audit log is not shown: %v", err)
		return
	}
	cfg.gateway.Audit = shown
}
