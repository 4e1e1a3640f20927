package cold

import (
	"bytes"
	"errors"
	"testing"

	"zhenni"
)

// Whatever the manifest is, it opens as one that was written or says why not.
func FuzzManifest(f *testing.F) {
	o := testOptions(f).withDefaults()
	f.Add([]byte(`{"format":1}`))
	f.Add([]byte(`{"format":1,"tier":"00","model":{"id":"test-1","dim":24,"factor":"face"},"records":3,"key":"AAAA"}`))
	f.Add([]byte(`{"format":9}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, _, err := openManifest(text, o); err == nil {
			t.Error("a manifest that nobody wrote opens")
		} else if !errors.Is(err, zhenni.ErrCorrupt) && !errors.Is(err, zhenni.ErrFormat) && !errors.Is(err, zhenni.ErrWrongKey) {
			t.Error(err)
		}
	})
}

// Whatever lies at a place, it opens as the record that was written there or not at all; and so of a sector of ids.
func FuzzRecord(f *testing.F) {
	k, err := deriveKeys(bytes.Repeat([]byte{3}, keyBytes), testModel.ID)
	if err != nil {
		f.Fatal(err)
	}
	r := newReference(testID(1), 4, testModel.Dim)
	good := new(opener).seal(nil, &k, 9, &r, make([]byte, randomBytes))
	f.Add(bytes.Clone(good), uint32(9))
	f.Add(bytes.Clone(good), uint32(8))
	f.Add(make([]byte, len(good)), uint32(9))
	f.Fuzz(func(t *testing.T, record []byte, place uint32) {
		written := bytes.Equal(record, good) && place == 9
		var s sector
		if copy(s[:], record); s != (sector{}) && s.check(&k, int64(place)) == nil {
			t.Error("a sector that nobody sealed is believed")
		}
		if len(record) != len(good) {
			return
		}
		got := zhenni.Reference{Row: make([]int8, testModel.Dim)}
		if err := new(opener).open(&k, place, record, &got); (err == nil) != written || written && !same(got, r) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
