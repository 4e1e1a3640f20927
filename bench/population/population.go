package population

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"zhenni"
	"zhenni/engine/accuracy"
)

// MaxSize is the largest population.
const MaxSize = 1 << 32

// Population is subjects 0 … Size−1. It is a value, immutable and safe for concurrent use.
type Population struct {
	Seed uint64
	// Size is the number of subjects, 2–MaxSize.
	Size int64
	// Dim is the number of elements, 8–zhenni.MaxDim.
	Dim int
	// Likeness is how alike captures are; nil is [accuracy.Population], whose scores are normal and easy to tell apart.
	Likeness *Likeness
	// Tenants share the subjects out by turns: subject i is of tenant 1 + i mod Tenants. 0 is one tenant.
	Tenants int
	// Revoked is how many subjects have a credential that is revoked: the last ones.
	Revoked int64
}

// Validate reports the first field out of range: [zhenni.ErrBadValue].
func (p Population) Validate() error {
	switch {
	case p.Size < 2 || p.Size > MaxSize:
		return fmt.Errorf("%w: %d subjects: want 2–%d", zhenni.ErrBadValue, p.Size, int64(MaxSize))
	case p.Dim < 8 || p.Dim > zhenni.MaxDim:
		return fmt.Errorf("%w: dimension %d: want 8–%d", zhenni.ErrBadValue, p.Dim, zhenni.MaxDim)
	case p.Tenants < 0 || p.Revoked < 0 || p.Size-p.Revoked < 2*int64(p.tenants()):
		return fmt.Errorf("%w: %d subjects of %d tenants, %d revoked: want 2 left to each tenant", zhenni.ErrBadValue, p.Size, p.tenants(), p.Revoked)
	}
	return nil
}

func (p Population) tenants() int { return max(p.Tenants, 1) }

// Tenant returns the tenant of subject i.
func (p Population) Tenant(i int64) zhenni.TenantID {
	return zhenni.TenantID(1 + i%int64(p.tenants()))
}

// ID returns the credential of subject i. Ids ascend with i, as an import wants them, and are uniform as drawn ones are: the
// first 64 bits are a point drawn from part i of Size equal parts of their range, the others are drawn freely.
func (p Population) ID(i int64) (id zhenni.CredentialID) { return p.numbering().id(i) }

// numbering is what ids follow from. Making one takes longer than an id.
type numbering struct{ seed, part uint64 }

func (p Population) numbering() numbering { return numbering{p.Seed, p.part()} }

func (n numbering) id(i int64) (id zhenni.CredentialID) {
	inside := scatter(n.seed + scatter(uint64(i)))
	offset, _ := bits.Mul64(inside, n.part) // below part
	binary.BigEndian.PutUint64(id[:8], uint64(i)*n.part+offset)
	binary.BigEndian.PutUint64(id[8:], scatter(inside))
	return id
}

// part is the width of a part of the range. What is left behind the last is less than a width.
func (p Population) part() uint64 { return math.MaxUint64 / uint64(p.Size) }

// Unknown returns an id that no subject has, beside that of subject i.
func (p Population) Unknown(i int64) zhenni.CredentialID {
	return unknown(p.ID(i))
}

func unknown(id zhenni.CredentialID) zhenni.CredentialID {
	id[15] ^= 1
	return id
}

// Subject returns the subject whose credential id is, and false where none has it.
func (p Population) Subject(id zhenni.CredentialID) (int64, bool) {
	i := int64(binary.BigEndian.Uint64(id[:8]) / p.part())
	return i, i < p.Size && p.ID(i) == id
}

// Reference writes what subject i is enrolled with, of unit length, to dst of Dim elements. It does not allocate.
func (p Population) Reference(i int64, dst []float32) {
	if p.Likeness == nil {
		p.plain().Reference(int(i), dst)
		return
	}
	p.Likeness.reference(p.Seed, i, dst)
}

// Probe writes capture number sample, from 0, of subject i to dst of Dim elements. It does not allocate.
func (p Population) Probe(i, sample int64, dst []float32) {
	if p.Likeness == nil {
		p.plain().Probe(int(i), int(sample), dst)
		return
	}
	p.Likeness.probe(p.Seed, i, sample, dst)
}

func (p Population) plain() accuracy.Population {
	return accuracy.Population{Seed: p.Seed, Dim: p.Dim}
}
