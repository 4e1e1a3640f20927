package storage

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"zhenni"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// golden compares got, as lines of 32 bytes in hexadecimal, with testdata/name.golden.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	var text strings.Builder
	for line := range slices.Chunk(got, 32) {
		fmt.Fprintln(&text, hex.EncodeToString(line))
	}
	path := filepath.Join("testdata", name+".golden")
	if *rewrite {
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text.String() != string(want) {
		t.Errorf("%s: the format is frozen; got\n%swant\n%s", name, text.String(), want)
	}
}

// fromGolden reads what golden compares with.
func fromGolden(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".golden"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var goldenStatus = status{
	Credential: zhenni.Credential{
		ID: testID(0x010203), Tenant: 7, Level: zhenni.LevelFull, Status: zhenni.StatusSuspended, Generation: 5,
		EnrolledAt: testTime, ChangedAt: testTime.Add(time.Hour),
	},
	template: 2,
}

var goldenParty = party{
	RelyingParty: zhenni.RelyingParty{
		ID: "hotel-1", Name: "Hôtel 1", Tenant: 7, Roles: zhenni.RoleVerifier | zhenni.RoleIssuer, Evaluation: true,
		KeyHash: [32]byte{1, 2, 3}, CreatedAt: testTime,
	},
	version: 3,
}

func TestGoldenBodies(t *testing.T) {
	row := []int8{-127, -1, 0, 1, 127}
	golden(t, "status", goldenStatus.appendBody(nil))
	golden(t, "template", appendTemplate(nil, row, 127*127*2+2))
	golden(t, "water", water{sequence: 9, credentials: 1 << 33}.appendBody(nil))
	golden(t, "mark", sealMark(water{sequence: 9, credentials: 1 << 33}, bytes.Repeat([]byte{7}, keySize)))
	golden(t, "records", appendRecords(nil, []record{{[]byte("k1"), []byte("value")}, {[]byte("p"), nil}}))
}

func TestGoldenKeys(t *testing.T) {
	id := testID(0x010203)
	keys := [][]byte{
		appendStatusKey(nil, id), appendTemplateKey(nil, id, zhenni.FactorFace), appendTenantKey(nil, 7, 1),
		waterKey, appendPartyKey(nil, "hotel-1"), slotKey(0x1234),
	}
	golden(t, "keys", bytes.Join(keys, []byte{0xff}))
}

// counting yields 0, 1, 2, …: entropy for golden files.
type counting struct{ next byte }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i], c.next = c.next, c.next+1
	}
	return len(p), nil
}

// goldenSeal returns a vault, a ring and a record sealed with known keys and entropy.
func goldenSeal(t testing.TB) (*vault, keyring, []byte, []byte) {
	t.Helper()
	aead, err := newGCM(bytes.Repeat([]byte{9}, keySize))
	if err != nil {
		t.Fatal(err)
	}
	v := &vault{model: testModel.ID, entropy: &counting{}}
	ring := keyring{7: {aead: aead, version: 1}}
	key := appendStatusKey(nil, goldenStatus.ID)
	sealed, err := v.seal(ring[7], 7, goldenStatus.Generation, key, goldenStatus.appendBody(nil), new(scratch))
	if err != nil {
		t.Fatal(err)
	}
	return v, ring, key, sealed
}

func TestGoldenSealedRecord(t *testing.T) {
	v, ring, key, sealed := goldenSeal(t)
	golden(t, "sealed", sealed)
	h, body, err := v.open(ring, key, sealed, new(scratch))
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeStatus(goldenStatus.ID, h, body)
	if err != nil || got != goldenStatus {
		t.Fatalf("opened %+v, %v", got, err)
	}
}

// FAULTS: Z6 S7 S14
func TestOpenRefusesAnythingElse(t *testing.T) {
	v, ring, key, sealed := goldenSeal(t)
	refused := func(what string, v *vault, ring keyring, key, sealed []byte) {
		t.Helper()
		if _, body, err := v.open(ring, key, sealed, new(scratch)); !errors.Is(err, zhenni.ErrCorrupt) || body != nil {
			t.Errorf("%s: body of %d bytes, %v", what, len(body), err)
		}
	}
	for i := range sealed {
		for _, bit := range []byte{1, 0x80} {
			flipped := bytes.Clone(sealed)
			flipped[i] ^= bit
			refused(fmt.Sprintf("byte %d flipped", i), v, ring, key, flipped)
		}
		refused(fmt.Sprintf("cut to %d bytes", i), v, ring, key, sealed[:i])
	}
	refused("a byte more", v, ring, key, append(bytes.Clone(sealed), 0))
	for i := range key {
		moved := bytes.Clone(key)
		moved[i] ^= 1
		refused("another place", v, ring, moved, sealed)
	}
	refused("another model", &vault{model: "test-face.2"}, ring, key, sealed)
	refused("no tenant key", v, keyring{}, key, sealed)
	refused("a damaged tenant key", v, keyring{7: nil}, key, sealed)
	refused("a tenant key of another version", v, keyring{7: {aead: ring[7].aead, version: 2}}, key, sealed)
}

// The two are the key schedule and the tables of the record key's cipher; everything else is reused.
func TestOpenAllocatesTheCipherOnly(t *testing.T) {
	v, ring, key, sealed := goldenSeal(t)
	var sc scratch
	allocs := testing.AllocsPerRun(100, func() {
		if _, _, err := v.open(ring, key, sealed, &sc); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 2 {
		t.Errorf("%v allocations, want at most 2", allocs)
	}
}

func TestBodiesReadBack(t *testing.T) {
	s, err := decodeStatus(goldenStatus.ID, header{tenant: 7, keyVersion: 1, generation: 5}, goldenStatus.appendBody(nil))
	if err != nil || s != goldenStatus {
		t.Errorf("status %+v, %v", s, err)
	}
	p, err := decodeParty("hotel-1", header{generation: 3}, goldenParty.appendBody(nil))
	if err != nil || !reflect.DeepEqual(p, goldenParty) {
		t.Errorf("party %+v, %v", p, err)
	}
	zero, err := decodeTime(appendTime(nil, time.Time{}))
	if err != nil || !zero.IsZero() {
		t.Errorf("the zero time reads back as %v, %v", zero, err)
	}
}

// set returns a copy of b with byte i changed to x.
func set(b []byte, i int, x byte) []byte {
	b = bytes.Clone(b)
	b[i] = x
	return b
}

func TestDecodersRefuse(t *testing.T) {
	st, pa := goldenStatus.appendBody(nil), goldenParty.appendBody(nil)
	template := appendTemplate(nil, []int8{1, 2, 3}, 14)
	decodeS := func(b []byte) error {
		_, err := decodeStatus(testID(1), header{tenant: 7, keyVersion: 1, generation: 5}, b)
		return err
	}
	decodeT := func(b []byte) error { _, err := decodeTemplate(make([]int8, 3), b); return err }
	decodeP := func(b []byte) error { _, err := decodeParty("x", header{}, b); return err }
	decodeW := func(b []byte) error { _, err := decodeWater(b); return err }
	decodeR := func(b []byte) error { _, err := decodeRecords(b); return err }
	tests := []struct {
		name   string
		decode func([]byte) error
		body   []byte
	}{
		{"status short", decodeS, st[:len(st)-1]},
		{"status long", decodeS, append(bytes.Clone(st), 0)},
		{"status 0", decodeS, set(st, 0, 0)},
		{"status 7", decodeS, set(st, 0, 7)},
		{"level 0", decodeS, set(st, 1, 0)},
		{"level 3", decodeS, set(st, 1, 3)},
		{"template generation 0", decodeS, set(st, 2, 0)},
		{"template generation above the status's", decodeS, set(st, 2, 6)},
		{"nanoseconds", decodeS, set(st, 6+11, 0xff)},
		{"template short", decodeT, template[:len(template)-1]},
		{"template empty", decodeT, nil},
		{"template of another dimension", decodeT, set(template, 0, 4)},
		{"norm 0", decodeT, set(template, 2, 0)},
		{"norm too large", decodeT, set(template, 5, 0x80)},
		{"party short", decodeP, pa[:partyHeadSize-1]},
		{"party long", decodeP, append(bytes.Clone(pa), 0)},
		{"party form", decodeP, set(pa, 0, 4)},
		{"party evaluation", decodeP, set(pa, 1, 4)},
		{"water short", decodeW, make([]byte, waterSize-1)},
		{"water negative", decodeW, bytes.Repeat([]byte{0xff}, waterSize)},
		{"records head", decodeR, []byte{1, 0, 0}},
		{"records cut", decodeR, []byte{1, 0, 9, 0, 0, 0, 'k'}},
		{"records huge", decodeR, []byte{1, 0, 0xff, 0xff, 0xff, 0xff, 'k'}},
	}
	for _, tt := range tests {
		if err := tt.decode(tt.body); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", tt.name, err)
		}
	}
}

func TestKeysSortBySlot(t *testing.T) {
	id := zhenni.CredentialID{0x48, 0xd3}
	if id.Slot() != 0x1234 {
		t.Fatalf("slot %#x", id.Slot())
	}
	status, template := appendStatusKey(nil, id), appendTemplateKey(nil, id, zhenni.FactorFace)
	inOrder := [][]byte{slotKey(0x1233), slotKey(0x1234), status, template, slotKey(0x1235)}
	for i := range inOrder[1:] {
		if bytes.Compare(inOrder[i], inOrder[i+1]) >= 0 {
			t.Errorf("%x is not below %x", inOrder[i], inOrder[i+1])
		}
	}
}
