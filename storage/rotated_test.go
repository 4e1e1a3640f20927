package storage

import (
	"bytes"
	"errors"
	"testing"

	"zhenni"
)

// rotatedIssue is an issue whose template is rotated.
func rotatedIssue(t testing.TB, n int) zhenni.Enrol {
	e := testIssue(t, n)
	e.Rotation = zhenni.RotationCommitment(bytes.Repeat([]byte{0xc5, byte(n)}, 16))
	return e
}

// The commitment to a rotation key is of version 4, sealed with the person; what is not rotated stays of version 3, byte for byte.
func TestGoldenRotated(t *testing.T) {
	st := goldenLife(t)
	st.Rotation = rotatedIssue(t, 1).Rotation
	want := st.Credential
	v := vault{entropy: bytes.NewReader(bytes.Repeat([]byte{6}, nonceSize))}
	key := bytes.Repeat([]byte{8}, keySize)
	sealed, err := v.sealPerson(key, st.Credential, new(scratch))
	if err != nil {
		t.Fatal(err)
	}
	st = st.nobody()
	st.place, st.sealed = 1<<33, sealed
	body := st.appendBody(nil)
	golden(t, "status-rotated", body)
	if bytes.Contains(body, want.Rotation[:8]) {
		t.Error("the commitment is in the clear")
	}
	back, err := decodeStatus(st.ID, header{tenant: st.Tenant, generation: st.Generation}, body)
	if err != nil || back != st {
		t.Fatalf("%+v, %v", back, err)
	}
	if c, err := openPerson(key, &back.sealed, back.Credential); err != nil || c != want {
		t.Errorf("%+v, %v", c, err)
	}
	for _, version := range []byte{lifeClear, lifeSealed, lifeRotated + 1} {
		other := bytes.Clone(body)
		other[statusSize] = version
		if _, err := decodeStatus(st.ID, header{tenant: st.Tenant, generation: st.Generation}, other); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("version %d: %v", version, err)
		}
	}
	for n := statusSize + anonymousSize + 1; n < len(body); n++ {
		if _, err := decodeStatus(st.ID, header{tenant: st.Tenant, generation: st.Generation}, body[:n]); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("%d of %d bytes: %v", n, len(body), err)
		}
	}
}

// That a credential is rotated, and by which key, goes where the credential goes: through the changes of its life, a restart, a snapshot,
// a rotation of the tenant's key that a crash ends at any step, and a backup; an erasure takes it from every copy. One that is not
// rotated beside it stays so.
//
// FAULTS: S1 C6 C14
func TestRotatedIsKept(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s := openStore(t, opts)
	e, plain := rotatedIssue(t, 1), testIssue(t, 2)
	mustApply(t, s, e, plain)
	holds := func(what string, s *Store) {
		t.Helper()
		for _, want := range []zhenni.Enrol{e, plain} {
			if c, err := s.Credential(want.ID); err != nil || c.Rotation != want.Rotation || c.Subject != want.Subject {
				t.Errorf("%s: %+v, %v", what, c, err)
			}
		}
		if report := mustCheck(t, s); !report.OK() {
			t.Errorf("%s: %+v", what, report)
		}
	}
	holds("written", s)
	mustApply(t, s, zhenni.MoveDevice{ID: e.ID, Tenant: e.Tenant, From: e.Device, To: testDevices(t)[2], At: testTime},
		zhenni.LockFactors{ID: e.ID, Tenant: e.Tenant, Factors: zhenni.FactorsOf(zhenni.FactorFace), Locked: true, At: testTime})
	holds("moved and locked", s)
	_, before := statusAt(t, s, e.ID)
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	s = reopened(t, s)
	holds("reopened", s)
	images := imagesOf(t, s, func() error { return s.RotateTenant(t.Context(), e.Tenant, nil) })
	holds("under another key", s)
	for _, image := range images {
		opts.Dir = image
		crashed := openStore(t, opts)
		holds("crashed", crashed)
		if err := crashed.Close(); err != nil {
			t.Fatal(err)
		}
	}
	backup := t.TempDir()
	backUp(t, s, backup)
	again, _ := restored(t, backup, nil)
	holds("restored", again)

	mustApply(t, s, zhenni.Erase{ID: e.ID, Tenant: e.Tenant, At: testTime})
	if c, err := s.Credential(e.ID); err != nil || !c.Rotation.IsZero() {
		t.Errorf("erased: %+v, %v", c, err)
	}
	st, err := decodeStatus(e.ID, header{tenant: e.Tenant, generation: 3}, before)
	if err != nil || !st.sealed.rotated {
		t.Fatalf("%+v, %v", st, err)
	}
	if c, err := s.person(*s.ring.Load(), st, nil, new(scratch)); !errors.Is(err, zhenni.ErrCorrupt) || !c.Rotation.IsZero() {
		t.Errorf("a status from before opens after the erasure: %v", err)
	}
}

// A further template is rotated by the key that the first one was rotated by, or by none where that was by none. An issue sent again
// with another is another issue, and without a subject there is none.
func TestTemplatesAreRotatedAlike(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, zhenni.PutModel{Model: laterModel})
	e, plain := rotatedIssue(t, 1), testIssue(t, 2)
	mustApply(t, s, e, plain)
	for n, own := range map[int]zhenni.RotationCommitment{1: e.Rotation, 2: {}} {
		for _, other := range []zhenni.RotationCommitment{{}, e.Rotation, {1}} {
			if other == own {
				continue
			}
			c := putTemplate(laterModel, n)
			if c.Rotation = other; !errors.Is(apply(t, s, c).Err, zhenni.ErrIllegalChange) {
				t.Errorf("credential %d takes a template under another key", n)
			}
		}
		c := putTemplate(laterModel, n)
		c.Rotation = own
		mustApply(t, s, c, c)
	}
	again := e
	again.Rotation[0]++
	if r := apply(t, s, again); !errors.Is(r.Err, zhenni.ErrExists) {
		t.Errorf("repeated under another key: %v", r.Err)
	}
	mustApply(t, s, e)
	nobody := testEnrol(3)
	nobody.Rotation = e.Rotation
	if r := apply(t, s, nobody); !errors.Is(r.Err, zhenni.ErrBadValue) {
		t.Errorf("without a subject: %v", r.Err)
	}
}
