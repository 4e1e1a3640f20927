package storage

import (
	"context"
	"encoding/binary"
	"fmt"

	"zhenni"
)

// Report is what [Store.Check] found. It names credentials, tenants and relying parties by id and holds nothing of
// what their records hold.
type Report struct {
	Credentials    int64 `json:"credentials"`
	RelyingParties int64 `json:"relying_parties"`
	TenantKeys     int64 `json:"tenant_keys"`
	// Keys is the number of keys in the key file, Erased that of the keys destroyed by erasures, SpareKeys that of the
	// keys that no record names; they open nothing.
	Keys      int64 `json:"keys"`
	Erased    int64 `json:"erased"`
	SpareKeys int64 `json:"spare_keys"`
	// Further is the number of templates of other models than the store's first.
	Further int64 `json:"further_templates,omitempty"`
	// Slots is the number of slots that hold a credential.
	Slots int `json:"slots"`
	// Bytes is what the files take on disk.
	Bytes int64 `json:"bytes"`
	// Quarantined is the number of damaged views kept aside, QuarantineBytes what they take of Bytes.
	Quarantined     int       `json:"quarantined"`
	QuarantineBytes int64     `json:"quarantine_bytes"`
	Problems        []Problem `json:"problems"`
}

// Problem is one class of damage: how many records it met, the first of them, and what an operator can do.
type Problem struct {
	Class string `json:"class"`
	Count int64  `json:"count"`
	First string `json:"first"`
	Hint  string `json:"hint"`
}

// OK reports whether nothing is wrong.
func (r Report) OK() bool { return len(r.Problems) == 0 }

// The classes of damage, and for each what can be done.
var hints = map[string]string{
	"status":            "the record fails its seal and the credential is refused: restore it from a backup or re-enrol",
	"template":          "the record fails its seal and the credential is refused: restore it from a backup or re-enrol",
	"PIN":               "the record fails its seal and no PIN is right: set it anew with the card",
	"template missing":  "the credential has a status only: restore it from a backup or re-enrol",
	"subject":           "the index of a subject does not lead to its live credential, or fails its seal: restore it from a backup",
	"person":            "what is known of the person fails its seal, and no device is the credential's: issue it anew",
	"PIN pepper":        "under which pepper the PINs are sealed can not be told: restore from a backup",
	"identity root":     "under which root the subjects are known can not be told: restore from a backup",
	"validity":          "the record of where validity ends fails its seal, and expiry may come late: restore it from a backup",
	"status missing":    "a template without a status is never served: restore the status from a backup",
	"template unsound":  "the template opens and contradicts itself: re-enrol, and report a fault of the writer",
	"tenant key":        "the root key does not open it: every record of the tenant is refused until it is restored",
	"relying party":     "the record fails its seal and the party is refused: restore it or add it again",
	"high-water record": "the count of credentials can not be told: restore from a backup",
	"position":          "where the view stands in the command log can not be told: restore from a backup",
	"count":             "records were lost or added outside of the store: restore from a backup",
	"mark":              "acknowledged changes are missing, revocations perhaps among them: restore from a backup",
	"table":             "a file of the view fails its checksum: restore from a backup",
	"slot":              "records were lost, changed or added outside of the store: open it for writing, which rebuilds the view",
	"tallies":           "what the slots must hold is not known: open the store for writing once",
	"table lost":        "a table kept in the folder orphans holds what the view has lost: restore from a backup",
	"key file":          "it is an older copy, in which erased keys may be back: put back the newest, or run zhenni keys adopt",
	"key state":         "whether the key file is the newest can not be told: restore from a backup",
	"erased key":        "the key of an erased template is back: run zhenni keys adopt, which destroys it again",
	"erasure":           "the record of an erasure fails its seal: restore it from a backup",
	"re-proof":          "the record that failed attempts are forgotten fails its seal: have the holder re-proved again",
	"model":             "the record of a model fails its seal, and the store does not open: restore it from a backup",
	"unknown key":       "no record of this format has such a key: a newer build, or a foreign writer, was here",
}

var faultClasses = map[fault]string{
	statusUnsealed: "status", statusMissing: "status missing", templateUnsealed: "template",
	templateMissing: "template missing", keyUnknown: "unknown key", slotDiffers: "slot", subjectUnsealed: "subject",
	pinUnsealed: "PIN",
}

// checkStride is the number of credentials between two reports of progress.
const checkStride = 4096

// inspection is one run of Check.
type inspection struct {
	store    *Store
	ctx      context.Context
	progress func(done, total int64)
	ring     keyring
	report   Report
	index    map[string]int
	slots    [zhenni.Slots]bool
	total    int64
	// pardoned says that a template without a key is no damage, keyless how many there are.
	pardoned bool
	keyless  int64
	// txn is what is looked at.
	txn reading
}

// Check walks everything, as of one moment, while the store is in use: that every table holds its checksum, that every
// record opens, that each credential has both its records and they agree, that the number of credentials is the one
// recorded, that no erased key is left in the key file, and that the view is not behind its mark. It calls progress, when not nil, now and then with the
// credentials walked and expected. An error means that it did not finish ([zhenni.ErrDeadline] when ctx ends,
// [zhenni.ErrUnavailable]); damage is in the report.
func (s *Store) Check(ctx context.Context, progress func(done, total int64)) (Report, error) {
	if err := s.enter(); err != nil {
		return Report{}, err
	}
	defer s.gate.RUnlock()
	if progress == nil {
		progress = func(int64, int64) {}
	}
	c := &inspection{store: s, ctx: ctx, progress: progress, index: map[string]int{}}
	return c.run()
}

// checkRestored is Check for a store whose keys may be of another time than its data: a template whose place in the key
// file holds no key is counted, and is no damage.
func (s *Store) checkRestored(ctx context.Context) (report Report, keyless int64, err error) {
	if err := s.enter(); err != nil {
		return Report{}, 0, err
	}
	defer s.gate.RUnlock()
	c := &inspection{store: s, ctx: ctx, progress: func(int64, int64) {}, index: map[string]int{}, pardoned: true}
	report, err = c.run()
	return report, c.keyless, err
}

func (c *inspection) run() (Report, error) {
	s := c.store
	m := s.freeze(0, zhenni.Slots)
	defer m.txn.Discard()
	c.txn, c.ring = m.txn, *s.ring.Load()
	for _, step := range []func(moment) error{c.high, c.tables, c.rest, c.keys, c.credentials, c.further} {
		if err := step(m); err != nil {
			return Report{}, err
		}
	}
	c.report.Bytes = s.Size()
	numbers, err := quarantines(s.opts.Dir)
	c.report.Quarantined, c.report.QuarantineBytes = len(numbers), diskBytes(s.path(quarantineDir))
	return c.report, err
}

// add counts one finding.
func (c *inspection) add(class, first string) {
	at, ok := c.index[class]
	if !ok {
		at = len(c.report.Problems)
		c.index[class] = at
		c.report.Problems = append(c.report.Problems, Problem{Class: class, First: first, Hint: hints[class]})
	}
	c.report.Problems[at].Count++
}

// high reads the high-water record and holds it against the mark.
func (c *inspection) high(m moment) error {
	reached, err := c.store.loadWater(m.txn, c.ring)
	if err != nil {
		c.add("high-water record", "")
		return nil
	}
	c.total = reached.credentials
	if lost := c.store.lost; lost != nil {
		c.add("mark", fmt.Sprintf("commit %d of %d", reached.sequence, lost.sequence))
	}
	return nil
}

func (c *inspection) tables(moment) error {
	if c.store.tablesLost {
		c.add("table lost", "")
	}
	if err := c.store.verifyChecksums(); err != nil {
		c.add("table", "")
	}
	return nil
}

// rest looks at every key outside of the credentials, and holds them against the log.
func (c *inspection) rest(m moment) error {
	w := c.store.newSlotWalk(m.txn)
	defer w.it.Close()
	var sc scratch
	sum, err := w.rest(func(key, value []byte) { c.one(key, value, &sc) })
	if err != nil {
		return err
	}
	switch {
	case m.held == nil:
		c.add("tallies", "")
	case sum != m.held[restPlace]:
		c.add("slot", "tenant keys and relying parties")
	}
	return nil
}

func (c *inspection) one(key, value []byte, sc *scratch) {
	tenant, version, isTenant := parseTenantKey(key)
	switch {
	case isTenant:
		if isRetired(value) {
			return
		}
		c.report.TenantKeys++
		if _, err := c.store.unwrapTenantKey(tenant, version, value); err != nil {
			c.add("tenant key", fmt.Sprintf("tenant %d", tenant))
		}
	case key[0] == prefixParty:
		p, err := c.store.openParty(c.ring, key, value, sc)
		if err != nil {
			c.add("relying party", string(key[1:]))
		} else if !p.removed {
			c.report.RelyingParties++
		}
	case string(key) == string(progressKey):
		if _, err := openProgress(value, c.store.keys.log); err != nil {
			c.add("position", "")
		}
	case key[0] == prefixErased:
		if _, _, err := c.store.vault.open(c.ring, key, value, sc); err != nil || len(key) != erasedKeySize {
			c.add("erasure", fmt.Sprintf("%x", key))
		}
	case key[0] == prefixDue:
		if _, err := c.store.openDue(key, value, sc); err != nil {
			c.add("validity", fmt.Sprintf("%x", key))
		}
	case key[0] == prefixModel:
		if _, err := c.store.openModel(key, value, sc); err != nil {
			c.add("model", fmt.Sprintf("%x", key[1:]))
		}
	case key[0] == prefixReproof:
		if _, err := c.store.openReproof(c.ring, key, value, sc); err != nil {
			c.add("re-proof", fmt.Sprintf("%x", key[1:]))
		}
	case string(key) == string(identityKey):
		if _, err := c.store.openCheck(key, value, sc); err != nil {
			c.add("identity root", "")
		}
	case isPepperKey(key):
		if _, err := c.store.openCheck(key, value, sc); err != nil {
			c.add("PIN pepper", fmt.Sprint(binary.BigEndian.Uint32(key[1:])))
		}
	case string(key) != string(waterKey) && string(key) != string(keyStateKey):
		c.add("unknown key", fmt.Sprintf("%x", key))
	}
}

func (c *inspection) credentials(m moment) error {
	err := c.store.walk(m, 0, zhenni.Slots-1, c.credential)
	if err != nil {
		return err
	}
	for _, used := range c.slots {
		c.report.Slots += int(bit(used))
	}
	if _, unknown := c.index["high-water record"]; !unknown && c.report.Credentials != c.total {
		c.add("count", fmt.Sprintf("%d of %d", c.report.Credentials, c.total))
	}
	c.progress(c.report.Credentials, c.total)
	return nil
}

func (c *inspection) credential(f found) error {
	if c.report.Credentials%checkStride == 0 {
		if err := c.ctx.Err(); err != nil {
			return fmt.Errorf("%w: check: %w", zhenni.ErrDeadline, err)
		}
		c.progress(c.report.Credentials, c.total)
	}
	switch f.fault {
	case sound, erased, bare:
	case slotDiffers:
		c.add("slot", fmt.Sprint(f.ID.Slot()))
	case templateUnsealed:
		if c.pardoned && c.hasNoKey(f.ID) {
			c.keyless++
			break
		}
		c.add(faultClasses[f.fault], f.ID.String())
	default:
		c.add(faultClasses[f.fault], f.ID.String())
	}
	switch f.fault {
	case statusMissing, keyUnknown, slotDiffers, subjectUnsealed, pinUnsealed:
		return nil
	}
	c.subject(f)
	c.report.Credentials++
	c.slots[f.ID.Slot()] = true
	if f.fault != sound {
		return nil
	}
	if sum, symmetric := sumSquares(f.row); !symmetric || sum != f.norm {
		c.add("template unsound", f.ID.String())
	}
	return nil
}
