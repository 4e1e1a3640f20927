package storage

import (
	"encoding/binary"
	"errors"
	"fmt"

	"zhenni"
)

// The value of a tenant key is one of these versions and what follows it.
const (
	tenantKeyRetired = 0 // nothing: the version has no record left
	tenantKeyWrapped = 1 // what the root key made of the key
	tenantKeyTwice   = 2 // length u16, what one root key made of it, and what another did: while the root key changes
)

func isRetired(value []byte) bool { return len(value) == 1 && value[0] == tenantKeyRetired }

// wrappings returns what root keys made of a tenant key.
func wrappings(value []byte) ([][]byte, error) {
	switch {
	case len(value) > 1 && value[0] == tenantKeyWrapped:
		return [][]byte{value[1:]}, nil
	case len(value) > 3 && value[0] == tenantKeyTwice:
		b := value[3:]
		if n := int(binary.LittleEndian.Uint16(value[1:])); n <= len(b) {
			return [][]byte{b[:n], b[n:]}, nil
		}
	}
	return nil, fmt.Errorf("%w: tenant key of an unknown version", zhenni.ErrCorrupt)
}

// unwrapEither opens a tenant key by whichever of its wrappings is of this root.
func unwrapEither(root RootKey, value, context []byte) ([]byte, error) {
	wrapped, err := wrappings(value)
	if err != nil {
		return nil, err
	}
	for _, w := range wrapped {
		var key []byte
		if key, err = root.Unwrap(w, context); err == nil || errors.Is(err, zhenni.ErrUnavailable) {
			return key, err
		}
	}
	return nil, err
}

// RotateRoot makes the root key next open the store in opts.Dir and opts.Root open it no more, which no process has
// open. Every key that the root wraps is wrapped anew; no record is touched.
//
// First each tenant key is wrapped by both, then the header by the next alone, then each tenant key by the next alone:
// until the header is replaced the old root opens everything, and from then on the next one does. After a crash, call it
// again with the same two. A store that next opens already is finished by it.
//
// The old root still opens older copies of the files. Errors are those of [Open].
func RotateRoot(opts Options, next RootKey) error {
	if next == nil || opts.ReadOnly {
		return fmt.Errorf("%w: a rotation needs the next root key, and a store open for writing", zhenni.ErrBadValue)
	}
	old := opts.Root
	s, err := Open(opts)
	if errors.Is(err, zhenni.ErrWrongKey) {
		old, opts.Root = nil, next
		s, err = Open(opts)
	}
	if err != nil {
		return err
	}
	return errors.Join(s.rotateRoot(old, next), s.Close())
}

// rotateRoot goes from the old root to the next; a nil old says that the header is wrapped by the next already.
func (s *Store) rotateRoot(old, next RootKey) error {
	if err := s.seize(); err != nil {
		return err
	}
	defer s.resume()
	if old != nil {
		if err := s.rewrapTenants(old, next); err != nil {
			return err
		}
		if err := s.rewrapStore(old, next); err != nil {
			return err
		}
		s.opts.Root = next
	}
	if err := s.rewrapTenants(next); err != nil {
		return err
	}
	return s.snapshotLast() // which holds no wrapping of the old root
}

// rewrapStore replaces the header by one that the next root opens.
func (s *Store) rewrapStore(old, next RootKey) error {
	key, err := old.Unwrap(s.label.StoreKey, s.label.context("store key"))
	if err != nil {
		return err
	}
	defer clear(key)
	if s.label.StoreKey, err = next.Wrap(key, s.label.context("store key")); err != nil {
		return err
	}
	s.step()
	return s.rewriteLabel()
}

// rewrapTenants has every tenant key wrapped by each of the roots.
func (s *Store) rewrapTenants(roots ...RootKey) error {
	var records []record
	err := s.viewScan([]byte{prefixTenantKey}, func(key, value []byte) error {
		tenant, version, ok := parseTenantKey(key)
		if !ok || isRetired(value) {
			return nil
		}
		context := s.tenantContext(tenant, version)
		opened, err := unwrapEither(s.opts.Root, value, context)
		if err != nil {
			return fmt.Errorf("tenant %d: %w", tenant, err)
		}
		defer clear(opened)
		wrapped, err := wrapBy(roots, opened, context)
		records = append(records, record{appendTenantKey(nil, tenant, version), wrapped})
		return err
	})
	if err != nil {
		return err
	}
	return s.commitRecords(records)
}

// wrapBy returns the value of a tenant key under one root or two.
func wrapBy(roots []RootKey, key, context []byte) ([]byte, error) {
	first, err := roots[0].Wrap(key, context)
	if err != nil {
		return nil, err
	}
	if len(roots) == 1 {
		return append([]byte{tenantKeyWrapped}, first...), nil
	}
	second, err := roots[1].Wrap(key, context)
	if err != nil {
		return nil, err
	}
	value := binary.LittleEndian.AppendUint16([]byte{tenantKeyTwice}, uint16(len(first)))
	return append(append(value, first...), second...), nil
}
