package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"

	"zhenni"
	"zhenni/engine/accuracy"
)

// testWorkload is a few people of few elements, with ids of their own.
func testWorkload(t *testing.T) *workload {
	t.Helper()
	threshold, err := zhenni.NewThreshold(0.52)
	if err != nil {
		t.Fatal(err)
	}
	const people = 50
	w, err := newWorkload(t.Context(), accuracy.Population{Seed: 1, Dim: 64}, zhenni.Profile{Cosine: 0.52, Threshold: threshold}, people, 256)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]zhenni.CredentialID, people)
	for i := range ids {
		ids[i][15] = byte(i)
	}
	w.enrolled(ids)
	return w
}

// Every form in which a peer compares gives zhenni's decision, and both decisions occur.
func TestFormsDecideAlike(t *testing.T) {
	w := testWorkload(t)
	reference := make([]float32, w.dim())
	matches := 0
	for trial, match := range w.match {
		if match {
			matches++
		}
		subject, probe := int(w.subjects[trial]), w.float(w.probeOf(trial))
		w.people.Reference(subject, reference)
		for form, got := range map[string]bool{
			"int8":    w.decide(trial, rawBytes(w.reference(subject))),
			"float32": dotLittle(probe, littleFloats(nil, reference)) >= w.cosine(),
			"real[]":  dotReal(probe, appendReal(nil, reference)[realHead:]) >= w.cosine(),
		} {
			if got != match {
				t.Errorf("trial %d: %s decides %v, zhenni %v", trial, form, got, match)
			}
		}
		if w.claims[trial][15] != byte(subject) {
			t.Fatalf("trial %d claims another's credential", trial)
		}
	}
	if share := float64(matches) / float64(len(w.match)); share < 0.4 || share > 0.5 {
		t.Errorf("%v of the trials match, want nearly half", share)
	}
}

// The binary forms are read back by pgx, which knows them from PostgreSQL.
func TestRealIsPostgresForm(t *testing.T) {
	want := []float32{0.5, -2, float32(math.Pi)}
	var got []float32
	if err := pgtype.NewMap().Scan(pgtype.Float4ArrayOID, pgtype.BinaryFormatCode, appendReal(nil, want), &got); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("element %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func TestQuestionHoldsBothFields(t *testing.T) {
	id, probe := bytes.Repeat([]byte{7}, 16), []byte{1, 2, 3}
	element := appendQuestion(nil, id, 1021, probe)
	if size := int(binary.BigEndian.Uint32(element)); size != len(element)-4 {
		t.Fatalf("an element of %d bytes says %d", len(element)-4, size)
	}
	want := binary.BigEndian.AppendUint32(nil, 2)
	want = appendSized(binary.BigEndian.AppendUint32(want, oidUUID), id)
	want = appendSized(binary.BigEndian.AppendUint32(want, 1021), probe)
	if !bytes.Equal(element[4:], want) {
		t.Errorf("the element is %v, want %v", element[4:], want)
	}
}

// recorder answers the truth and notes which trials it was asked.
type recorder struct {
	w     *workload
	asked map[int]int
}

func (r recorder) close() error { return nil }

func (r recorder) ask(_ context.Context, first int, match []bool) error {
	for i := range match {
		r.asked[first+i]++
		match[i] = r.w.match[first+i] != (first+i == 0) // one wrong answer
	}
	return nil
}

// The members of a crew ask every trial once before one of them repeats any.
func TestCrewAsksEveryTrialOnce(t *testing.T) {
	w := testWorkload(t)
	asked := map[int]int{}
	c, err := newCrew(t.Context(), w, contender{clients: 4, items: 16, dial: func(context.Context, int, int) (asker, error) {
		return recorder{w, asked}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	var differed int64
	for _, m := range c.members {
		for range len(w.match) / 4 / 16 {
			if _, err := m.step(t.Context(), w); err != nil {
				t.Fatal(err)
			}
		}
		differed += m.differed
	}
	for trial := range w.match {
		if asked[trial] != 1 {
			t.Fatalf("trial %d was asked %d times", trial, asked[trial])
		}
	}
	if differed != 1 {
		t.Errorf("%d answers differ, want 1", differed)
	}
}

func TestCrewNeedsAProbeForEachItem(t *testing.T) {
	if _, err := newCrew(t.Context(), testWorkload(t), contender{clients: 64, items: 16}); err == nil {
		t.Error("64 clients of 16 share 256 probes")
	}
}
