package storage

import (
	"fmt"
	"slices"

	"zhenni"
	"zhenni/storage/keyfile"
)

// transition returns the status of a tenant's credential before and after a change, equal where there is nothing to
// change.
func (b *batch) transition(
	id zhenni.CredentialID, tenant zhenni.TenantID, change func(zhenni.Credential) (zhenni.Credential, error),
) (before, after status, err error) {
	if err := b.store.agree(id.Slot()); err != nil {
		return status{}, status{}, err
	}
	if before, err = b.store.status(b.txn, b.ring, id, &b.sc); err != nil {
		return status{}, status{}, err
	}
	if before.Tenant != tenant {
		return status{}, status{}, zhenni.ErrNotFound
	}
	now, err := before.whole()
	if err != nil {
		return status{}, status{}, err
	}
	before.Credential = now
	next, err := change(now)
	if err != nil {
		return status{}, status{}, err
	}
	return before, before.with(next), nil
}

// turnStatus makes a change that is in nothing but the status of a credential.
func (b *batch) turnStatus(
	id zhenni.CredentialID, tenant zhenni.TenantID, change func(zhenni.Credential) (zhenni.Credential, error),
) (zhenni.Credential, error) {
	before, after, err := b.transition(id, tenant, change)
	if err != nil || before == after {
		return after.Credential, err
	}
	r, err := b.store.sealStatus(b.ring[tenant], after, &b.sc)
	if err != nil {
		return zhenni.Credential{}, err
	}
	b.put(r)
	return after.Credential, nil
}

// live applies a command about what a credential is besides its status, see package zhenni.
func (b *batch) live(cmd zhenni.Command) (zhenni.Credential, error) {
	type credential = zhenni.Credential
	switch c := cmd.(type) {
	case zhenni.MoveDevice:
		return b.turnStatus(c.ID, c.Tenant, func(now credential) (credential, error) {
			return now.WithDevice(c.From, c.To, normalTime(c.At))
		})
	case zhenni.LockFactors:
		if err := c.Factors.Validate(); err != nil {
			return credential{}, err
		}
		return b.turnStatus(c.ID, c.Tenant, func(now credential) (credential, error) {
			return now.WithLock(c.Factors, c.Locked, normalTime(c.At))
		})
	case zhenni.ReportLoss:
		return b.turnStatus(c.ID, c.Tenant, func(now credential) (credential, error) { return now.Lost(normalTime(c.At)) })
	case zhenni.Renew:
		return b.turnStatus(c.ID, c.Tenant, func(now credential) (credential, error) {
			return now.RenewedUntil(untilTime(c.ValidUntil), normalTime(c.At))
		})
	case zhenni.Expire:
		return b.turnStatus(c.ID, c.Tenant, func(now credential) (credential, error) { return now.ExpiredAt(normalTime(c.At)) })
	}
	return credential{}, fmt.Errorf("%w: command %T is unknown", zhenni.ErrBadValue, cmd)
}

// issue returns what the issue of a credential changes besides its own records: the credential that it replaces, the
// subject's record, and where the validities of its slot end. One without a subject changes nothing.
func (b *batch) issue(c zhenni.Enrol) ([]record, error) {
	if c.Subject.IsZero() {
		return nil, nil
	}
	s := b.store
	key := s.subjectKey(c.Tenant, c.Subject)
	last, err := s.last(b.txn, b.ring, key, &b.sc)
	if err != nil {
		return nil, err
	}
	records, err := b.replace(last, c)
	if err != nil {
		return nil, err
	}
	index, err := s.sealSubject(key, c.ID, &b.sc)
	if err != nil {
		return nil, err
	}
	due, err := b.dueFrom(c.ID.Slot(), untilSecond(c.ValidUntil))
	return slices.Concat(records, []record{index}, due), err
}

// replace returns the last credential of a subject as an issue leaves it, nothing where it leaves it as it is.
func (b *batch) replace(last status, c zhenni.Enrol) ([]record, error) {
	var live zhenni.CredentialID
	if last.Live() {
		live = last.ID
	}
	if live != c.Replaces {
		return nil, fmt.Errorf("%w: an issue in place of another credential than the live one of the subject", zhenni.ErrIllegalChange)
	}
	now, err := last.whole()
	if err != nil {
		return nil, err
	}
	next, err := now.SucceededBy(c.Issue, c.Level, normalTime(c.At))
	if err != nil || next == now {
		return nil, err
	}
	r, err := b.store.sealStatus(b.ring[c.Tenant], last.with(next), &b.sc)
	return []record{r}, err
}

// repeated answers an enrolment whose id is there: with the credential, if it is of the same issue. What the life of the
// credential has changed since is not compared.
func (b *batch) repeated(c zhenni.Enrol) (zhenni.Credential, error) {
	exists := fmt.Errorf("%w: credential %s", zhenni.ErrExists, c.ID)
	if c.Subject.IsZero() {
		return zhenni.Credential{}, exists
	}
	st, err := b.store.status(b.txn, b.ring, c.ID, &b.sc)
	if err != nil {
		return zhenni.Credential{}, err
	}
	now, err := st.whole()
	if err != nil {
		return zhenni.Credential{}, err
	}
	same := now.Tenant == c.Tenant && now.Level == c.Level && now.Subject == c.Subject && now.NameTag == c.NameTag && now.Region == c.Region
	if now.Generation == 1 {
		same = same && now.Device == c.Device && now.ValidUntil.Equal(untilTime(c.ValidUntil))
	}
	if !same {
		return zhenni.Credential{}, exists
	}
	row, err := b.template(st)
	if err != nil {
		return zhenni.Credential{}, err
	}
	defer clear(row)
	if !slices.Equal(row, c.Row) {
		return zhenni.Credential{}, exists
	}
	return now, nil
}

// template opens the template of a credential, also of one that this batch has enrolled, whose key is not in the file yet.
func (b *batch) template(st status) ([]int8, error) {
	s, sc := b.store, &b.sc
	sc.key = appendTemplateKey(sc.key[:0], st.ID, s.label.Model.Factor)
	if err := get(b.txn, sc); err != nil {
		return nil, missingIsCorrupt(err)
	}
	row := make([]int8, s.label.Model.Dim)
	h, err := parseKeyed(sc.value)
	if err != nil || h.place < b.firstNew() || h.place >= b.keys.places {
		_, err := s.openTemplate(b.ring, st, sc.value, row, sc)
		return row, err
	}
	sc.slot = keyfile.Slot(b.slots[(h.place-b.firstNew())*keyfile.SlotSize:][:keyfile.SlotSize])
	nonce, recordKey, err := s.vault.unwrapSlot(b.ring, &h, sc.key, sc.value, sc)
	if err != nil {
		return nil, err
	}
	body, err := openBody(recordKey, nonce, sc.value[keyedHeaderSize:], sc)
	if err != nil {
		return nil, err
	}
	_, err = decodeTemplate(row, body)
	return row, err
}

// forgetSubject returns what an erasure changes of the index: nothing leads to the credential any more.
func (b *batch) forgetSubject(erased status) ([]record, error) {
	if erased.Subject.IsZero() {
		return nil, nil
	}
	key := b.store.subjectKey(erased.Tenant, erased.Subject)
	last, err := b.store.last(b.txn, b.ring, key, &b.sc)
	if err != nil || last.ID != erased.ID {
		return nil, err
	}
	r, err := b.store.sealSubject(key, zhenni.CredentialID{}, &b.sc)
	return []record{r}, err
}
