package engine_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"zhenni"
	"zhenni/engine"
)

// The vectors under testdata were computed apart from this code, in arbitrary precision. They bind every instruction
// set, every machine and every later version: a change that needs them changed breaks what is stored.

func readVectors[T any](t *testing.T, name string) []T {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []T
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 10 {
		t.Fatalf("%s: only %d vectors", name, len(vectors))
	}
	return vectors
}

// FAULTS: N10 N15
func TestDecisionVectors(t *testing.T) {
	type vector struct {
		Case      string
		Dot       int32
		ProbeNorm int32 `json:"probe_norm"`
		RefNorm   int32 `json:"ref_norm"`
		Threshold zhenni.Threshold
		Accept    bool
	}
	for _, v := range readVectors[vector](t, "decisions.json") {
		if got := v.Threshold.Accept(v.Dot, v.ProbeNorm, v.RefNorm); got != v.Accept {
			t.Errorf("%+v: %v", v, got)
		}
	}
}

func TestSlotVectors(t *testing.T) {
	type vector struct {
		ID      zhenni.CredentialID
		Slot    zhenni.Slot
		Segment int
	}
	for _, v := range readVectors[vector](t, "slots.json") {
		if slot, segment := v.ID.Slot(), engine.SegmentOf(v.ID); slot != v.Slot || segment != v.Segment {
			t.Errorf("%+v: slot %d, segment %d", v, slot, segment)
		}
	}
}

// FAULTS: N1 N2 N3 N4 N5 N9 N15
func TestEmbeddingVectors(t *testing.T) {
	type vector struct {
		Case string
		// Embedding holds the bits of float32 elements.
		Embedding []uint32
		// Row is absent where the embedding is refused.
		Row  []int8
		Norm int32
	}
	for _, v := range readVectors[vector](t, "embeddings.json") {
		src := make([]float32, len(v.Embedding))
		for i, bits := range v.Embedding {
			src[i] = math.Float32frombits(bits)
		}
		dst := make([]int8, len(src))
		norm, err := engine.Prepare(dst, src)
		if v.Row == nil {
			expectBadProbe(t, v.Case, err)
			continue
		}
		if err != nil || norm != v.Norm || !slices.Equal(dst, v.Row) {
			t.Errorf("%s: %v, norm %d, %v; want %v, norm %d", v.Case, dst, norm, err, v.Row, v.Norm)
		}
	}
}
