package storage

import (
	"encoding/binary"
	"fmt"
	"slices"

	"zhenni"
)

// The models of a store are numbered. Number 0 is that of the header, and has no record before it is retired; each other has
// one, in the log like any change.

// storedModel is a model with the version of its record.
type storedModel struct {
	zhenni.StoredModel
	version zhenni.Generation
}

// modelList are the models of a store, by number. It is immutable: a change swaps a clone in.
type modelList []storedModel

// maxModelNumbers is the most models that a store can ever have had.
const maxModelNumbers = 1 << 8

// named returns the model of an id whose templates are opened.
func (l modelList) named(id string) (*storedModel, error) {
	for i := range l {
		if l[i].ID == id && !l[i].Retired {
			return &l[i], nil
		}
	}
	return nil, fmt.Errorf("%w: the store has no templates of model %q", zhenni.ErrNotFound, id)
}

// serving is the number of models that are not retired.
func (l modelList) serving() (n int) {
	for i := range l {
		n += int(bit(!l[i].Retired))
	}
	return n
}

// of returns the model of a number, nil where there is none.
func (l modelList) of(number uint8) *storedModel {
	if int(number) >= len(l) {
		return nil
	}
	return &l[number]
}

// templateKey is where the template of a credential lies. That of number 0 lies where it lay before there were others.
func (m *storedModel) templateKey(dst []byte, id zhenni.CredentialID) []byte {
	if m.Number == 0 {
		return appendTemplateKey(dst, id, m.Factor)
	}
	dst = append(dst, prefixCredential)
	dst = append(dst, id[:]...)
	return append(dst, kindFurther, byte(m.Factor), m.Number)
}

// parseFurtherKey splits the key of a template that is not of number 0.
func parseFurtherKey(key []byte) (id zhenni.CredentialID, factor zhenni.Factor, number uint8, ok bool) {
	if len(key) != furtherKeySize || key[0] != prefixCredential || key[idEnd] != kindFurther || key[idEnd+2] == 0 {
		return id, 0, 0, false
	}
	copy(id[:], key[1:idEnd])
	return id, zhenni.Factor(key[idEnd+1]), key[idEnd+2], true
}

func modelKey(number uint8) []byte { return []byte{prefixModel, number} }

const modelHeadSize = 1 + 1 + 2

func (m *storedModel) appendBody(dst []byte) []byte {
	dst = append(dst, bit(m.Retired), byte(m.Factor))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(m.Dim))
	return append(dst, m.ID...)
}

func decodeModel(number uint8, h header, body []byte) (storedModel, error) {
	if len(body) < modelHeadSize || body[0] > 1 {
		return storedModel{}, fmt.Errorf("%w: model of %d bytes", zhenni.ErrCorrupt, len(body))
	}
	m := storedModel{version: h.generation, StoredModel: zhenni.StoredModel{
		Number: number, Retired: body[0] == 1,
		Model: zhenni.Model{Factor: zhenni.Factor(body[1]), Dim: int(binary.LittleEndian.Uint16(body[2:])), ID: string(body[modelHeadSize:])},
	}}
	if err := m.Validate(); err != nil {
		return storedModel{}, fmt.Errorf("%w: %w", zhenni.ErrCorrupt, err)
	}
	return m, nil
}

func (s *Store) sealModel(m *storedModel, sc *scratch) (record, error) {
	key := modelKey(m.Number)
	value, err := s.vault.seal(s.keys.system, 0, m.version, key, m.appendBody(nil), sc)
	return record{key, value}, err
}

func (s *Store) openModel(key, value []byte, sc *scratch) (storedModel, error) {
	if len(key) != len(modelKey(0)) {
		return storedModel{}, fmt.Errorf("%w: key of a model", zhenni.ErrCorrupt)
	}
	h, body, err := s.vault.open(keyring{0: s.keys.system}, key, value, sc)
	if err != nil {
		return storedModel{}, err
	}
	return decodeModel(key[1], h, body)
}

// loadModels reads the models. One that does not open refuses the store: whose templates it has is not known.
func (s *Store) loadModels(txn reading) error {
	list := modelList{{StoredModel: zhenni.StoredModel{Model: s.label.Model}}}
	var sc scratch
	err := scan(txn, []byte{prefixModel}, func(key, value []byte) error {
		m, err := s.openModel(key, value, &sc)
		if err != nil {
			return err
		}
		switch {
		case m.Number == 0 && m.Model == s.label.Model:
			list[0] = m
		case int(m.Number) == len(list):
			list = append(list, m)
		default:
			return fmt.Errorf("%w: model %d is out of order", zhenni.ErrCorrupt, m.Number)
		}
		return nil
	})
	s.models.Store(&list)
	return err
}

// Models returns the models of the store in the order of their numbers, those that are retired too.
func (s *Store) Models() []zhenni.StoredModel {
	var all []zhenni.StoredModel
	for _, m := range *s.models.Load() {
		all = append(all, m.StoredModel)
	}
	return all
}

// putModel adds a model.
func (b *batch) putModel(c zhenni.PutModel) error {
	if err := c.Model.Validate(); err != nil {
		return err
	}
	if there, err := b.models.named(c.Model.ID); err == nil {
		if there.Model == c.Model {
			return nil
		}
		return fmt.Errorf("%w: model %s", zhenni.ErrExists, c.Model.ID)
	}
	if b.models.serving() >= zhenni.MaxModels || len(b.models) >= maxModelNumbers {
		return fmt.Errorf("%w: more than %d models at once, or %d ever", zhenni.ErrBadValue, zhenni.MaxModels, maxModelNumbers)
	}
	return b.writeModel(storedModel{StoredModel: zhenni.StoredModel{Model: c.Model, Number: uint8(len(b.models))}})
}

// retireModel ends a model.
func (b *batch) retireModel(c zhenni.RetireModel) error {
	m, err := b.models.named(c.ID)
	if err != nil {
		return err
	}
	if b.models.serving() == 1 {
		return fmt.Errorf("%w: the last model of the store", zhenni.ErrIllegalChange)
	}
	next := *m
	next.Retired = true
	return b.writeModel(next)
}

// writeModel stages the next version of a model's record.
func (b *batch) writeModel(m storedModel) error {
	m.version++
	r, err := b.store.sealModel(&m, &b.sc)
	if err != nil {
		return err
	}
	b.models = append(slices.Clone(b.models[:m.Number]), append(modelList{m}, b.models[min(int(m.Number)+1, len(b.models)):]...)...)
	b.put(r)
	return nil
}

// serves reports whether templates of a number are opened.
func (s *Store) serves(number uint8) bool {
	m := s.models.Load().of(number)
	return m != nil && !m.Retired
}
