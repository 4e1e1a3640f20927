package storage

import (
	"errors"
	"fmt"
	"slices"

	"zhenni"
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
	now, err := b.whole(before)
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
	r, err := b.sealAfter(before, after)
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
	held, err := s.holdings(b.txn, key, &b.sc)
	if err == nil {
		held, err = held.with(c.ID)
	}
	if err != nil {
		return nil, err
	}
	index, err := s.sealSubject(key, held, &b.sc)
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
	now, err := b.whole(last)
	if err != nil {
		return nil, err
	}
	next, err := now.SucceededBy(c.Issue, c.Level, normalTime(c.At))
	if err != nil || next == now {
		return nil, err
	}
	last.Credential = now
	r, err := b.sealAfter(last, last.with(next))
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
	now, err := b.whole(st)
	if err != nil {
		return zhenni.Credential{}, err
	}
	same := now.Tenant == c.Tenant && now.Level == c.Level && now.Subject == c.Subject && now.NameTag == c.NameTag && now.Region == c.Region &&
		now.Rotation == c.Rotation
	if now.Generation == 1 {
		same = same && now.Device == c.Device && now.ValidUntil.Equal(untilTime(c.ValidUntil))
	}
	if !same {
		return zhenni.Credential{}, exists
	}
	model, err := b.modelOf(c.Model)
	if err != nil {
		return zhenni.Credential{}, err
	}
	row, err := b.template(st, model)
	if errors.Is(err, errNoTemplate) {
		return zhenni.Credential{}, exists
	}
	if err != nil {
		return zhenni.Credential{}, err
	}
	defer clear(row)
	if !slices.Equal(row, c.Row) {
		return zhenni.Credential{}, exists
	}
	return now, nil
}

// forgetSubject returns what an erasure changes of the index: nothing leads to the credential any more.
func (b *batch) forgetSubject(erased status) ([]record, error) {
	if erased.Subject.IsZero() {
		return nil, nil
	}
	key := b.store.subjectKey(erased.Tenant, erased.Subject)
	held, err := b.store.holdings(b.txn, key, &b.sc)
	if err != nil {
		return nil, err
	}
	held, changed := held.without(erased.ID)
	if !changed {
		return nil, nil
	}
	r, err := b.store.sealSubject(key, held, &b.sc)
	return []record{r}, err
}
