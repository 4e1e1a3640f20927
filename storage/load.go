package storage

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/dgraph-io/badger/v4"

	"zhenni"
)

// load reads what is kept in memory: tenant keys, relying parties and the high-water record, which it holds against
// the mark.
func (s *Store) load() error {
	if err := s.agreeRest(); err != nil {
		return err
	}
	ring := keyring{0: s.keys.system}
	parties := map[string]party{}
	var reached water
	err := s.look(func(txn reading) error {
		if err := s.loadTenantKeys(txn, ring); err != nil {
			return err
		}
		if err := s.loadParties(txn, ring, parties); err != nil {
			return err
		}
		var err error
		if reached, err = s.loadWater(txn, ring); err != nil {
			return err
		}
		return errors.Join(s.loadModels(txn), s.loadDue(txn))
	})
	if err != nil {
		return err
	}
	s.ring.Store(&ring)
	s.parties.Store(&parties)
	index := newPartyIndex(parties)
	s.partyIndex.Store(&index)
	s.credentials.Store(reached.credentials)
	s.committer.reached, s.found = reached, reached.sequence
	return s.compareMark(reached)
}

// loadTenantKeys unwraps every tenant key. One that does not open is kept as nil: its records are refused one by one
// and the other tenants are served. A root that can not be reached stops the load.
func (s *Store) loadTenantKeys(txn reading, ring keyring) error {
	return scan(txn, []byte{prefixTenantKey}, func(key, value []byte) error {
		tenant, version, ok := parseTenantKey(key)
		if !ok || isRetired(value) {
			return nil
		}
		unwrapped, err := s.unwrapTenantKey(tenant, version, value)
		if errors.Is(err, zhenni.ErrUnavailable) {
			return err
		}
		if err != nil {
			s.opts.Logger.Error("tenant key does not open; its records are refused", "tenant", tenant)
		}
		if unwrapped != nil {
			unwrapped.previous = ring[tenant]
		}
		ring[tenant] = unwrapped
		return nil
	})
}

func (s *Store) unwrapTenantKey(tenant zhenni.TenantID, version uint16, value []byte) (*tenantKey, error) {
	key, err := unwrapEither(s.opts.Root, value, s.tenantContext(tenant, version))
	if err != nil {
		return nil, err
	}
	defer clear(key)
	if len(key) != keySize {
		return nil, fmt.Errorf("%w: tenant key of %d bytes", zhenni.ErrCorrupt, len(key))
	}
	aead, err := newGCM(key)
	return &tenantKey{aead: aead, version: version}, err
}

func (s *Store) tenantContext(tenant zhenni.TenantID, version uint16) []byte {
	return s.label.context(fmt.Sprintf("tenant key %d %d", tenant, version))
}

// newTenantKey draws the key of a tenant and a version and returns it with its record.
func (s *Store) newTenantKey(tenant zhenni.TenantID, version uint16) (*tenantKey, record, error) {
	key, err := drawKey(s.opts.Entropy)
	defer clear(key[:])
	if err != nil {
		return nil, record{}, err
	}
	wrapped, err := s.opts.Root.Wrap(key[:], s.tenantContext(tenant, version))
	if err != nil {
		return nil, record{}, err
	}
	aead, err := newGCM(key[:])
	value := append([]byte{recordVersion}, wrapped...)
	return &tenantKey{aead: aead, version: version}, record{appendTenantKey(nil, tenant, version), value}, err
}

// loadParties reads the relying parties. One that does not open is left out, which refuses its requests.
func (s *Store) loadParties(txn reading, ring keyring, parties map[string]party) error {
	var sc scratch
	return scan(txn, []byte{prefixParty}, func(key, value []byte) error {
		p, err := s.openParty(ring, key, value, &sc)
		if err != nil {
			s.opts.Logger.Error("relying party does not open; it is refused", slog.String("id", string(key[1:])))
			return nil
		}
		parties[p.ID] = p
		return nil
	})
}

func (s *Store) openParty(ring keyring, key, value []byte, sc *scratch) (party, error) {
	h, body, err := s.vault.open(ring, key, value, sc)
	if err != nil {
		return party{}, err
	}
	return decodeParty(string(key[1:]), h, body)
}

// loadWater reads the high-water record; a store without one has no commit yet.
func (s *Store) loadWater(txn reading, ring keyring) (water, error) {
	sc := scratch{key: waterKey}
	err := get(txn, &sc)
	if errors.Is(err, zhenni.ErrNotFound) {
		return water{}, nil
	}
	if err != nil {
		return water{}, err
	}
	_, body, err := s.vault.open(ring, waterKey, sc.value, &sc)
	if err != nil {
		return water{}, err
	}
	return decodeWater(body)
}

// compareMark refuses a view that is behind the mark: it has lost acknowledged changes, revocations among them.
func (s *Store) compareMark(reached water) error {
	marked := s.committer.marked
	if reached.sequence >= marked.sequence {
		return nil
	}
	if s.opts.ReadOnly && !s.opts.VerifyOnly {
		s.lost = &marked
		return nil
	}
	return fmt.Errorf("%w: the view ends at commit %d of %d acknowledged; restore the store from a backup",
		zhenni.ErrCorrupt, reached.sequence, marked.sequence)
}

// scan visits every record under prefix in order of key. Key and value are valid during the visit.
func scan(txn reading, prefix []byte, visit func(key, value []byte) error) error {
	options := badger.DefaultIteratorOptions
	options.PrefetchValues = false
	options.Prefix = prefix
	it := txn.NewIterator(options)
	defer it.Close()
	var value []byte
	for it.Rewind(); it.Valid(); it.Next() {
		var err error
		if value, err = it.Item().ValueCopy(value); err != nil {
			return translate(err)
		}
		if err := visit(it.Item().Key(), value); err != nil {
			return err
		}
	}
	return nil
}
