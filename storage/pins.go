package storage

import (
	"context"
	"fmt"

	"zhenni"
)

// PINs visits the PIN of every live credential that has one, in ascending order of id, for which it walks the store once; the
// verifier is valid during the visit, and may be kept. An error of visit ends it and is returned. Others: [zhenni.ErrDeadline] when
// ctx ends, [zhenni.ErrCorrupt] where part of the store could not be read.
func (s *Store) PINs(ctx context.Context, visit func(zhenni.Credential, zhenni.PIN) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.gate.RUnlock()
	m := s.freeze(0, zhenni.Slots-1)
	defer m.txn.Discard()
	sc, met := scratch{}, 0
	return s.carried(m, 0, zhenni.Slots-1, func(c *carried) error {
		if met++; met%checkStride == 1 && ctx.Err() != nil {
			return inTime(ctx)
		}
		switch {
		case c.damaged:
			return fmt.Errorf("%w: PINs of credentials that can not be read: run zhenni check", zhenni.ErrCorrupt)
		case len(c.pin) == 0 || !c.Live():
			return nil
		}
		p, err := s.openPIN(appendPINKey(sc.key[:0], c.ID), c.pin, &sc)
		if err != nil || len(p.Verifier) == 0 {
			return err
		}
		return visit(c.Credential, p)
	})
}
