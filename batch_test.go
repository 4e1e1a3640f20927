package zhenni_test

import (
	"errors"
	"testing"

	"zhenni"
)

// FAULTS: N6
func TestBatchValidate(t *testing.T) {
	const dim = 4
	whole := func() *zhenni.Batch {
		return &zhenni.Batch{
			Dim: dim, IDs: make([]zhenni.CredentialID, 2), Int8: make([]int8, 2*dim), Outcomes: make([]zhenni.Outcome, 2),
		}
	}
	if err := whole().Validate(dim); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*zhenni.Batch){
		"no items":          func(b *zhenni.Batch) { b.IDs, b.Int8, b.Outcomes = nil, nil, nil },
		"an item too many":  func(b *zhenni.Batch) { b.IDs = make([]zhenni.CredentialID, zhenni.MaxBatchItems+1) },
		"another dimension": func(b *zhenni.Batch) { b.Dim = dim + 1 },
		"no probes":         func(b *zhenni.Batch) { b.Int8 = nil },
		"both encodings":    func(b *zhenni.Batch) { b.Float32 = make([]float32, 2*dim) },
		"probes too short":  func(b *zhenni.Batch) { b.Int8 = b.Int8[:2*dim-1] },
		"probes too long":   func(b *zhenni.Batch) { b.Int8 = append(b.Int8, 0) },
		"outcomes missing":  func(b *zhenni.Batch) { b.Outcomes = b.Outcomes[:1] },
	} {
		b := whole()
		change(b)
		if err := b.Validate(dim); !errors.Is(err, zhenni.ErrBadBatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOutcomeWords(t *testing.T) {
	for o := zhenni.Outcome(0); int(o) < zhenni.OutcomeCount; o++ {
		refused := o.Verdict() == "refused"
		if refused != (o.Reason() != "") {
			t.Errorf("outcome %d is %q with reason %q", o, o.Verdict(), o.Reason())
		}
	}
	if v := zhenni.Outcome(0).Verdict(); v != "pending" {
		t.Errorf("an answer never given reads %q", v)
	}
	if v := zhenni.Outcome(zhenni.OutcomeCount).Verdict(); v != "refused" {
		t.Errorf("an unknown outcome reads %q", v)
	}
}
