package storage

import (
	"bufio"
	"bytes"
	"errors"
	"testing"

	"zhenni"
)

// FuzzOpenRecord feeds sealed records, as they lie in Badger, to the path of a read.
func FuzzOpenRecord(f *testing.F) {
	v, ring, key, sealed := goldenSeal(f)
	f.Add(key, sealed)
	f.Add(key, sealed[:sealOverhead])
	f.Add([]byte("p"), []byte{})
	f.Fuzz(func(t *testing.T, place, value []byte) {
		_, body, err := v.open(ring, place, value, new(scratch))
		if err == nil && (!bytes.Equal(place, key) || !bytes.Equal(value, sealed)) {
			t.Fatalf("a forged record opened to %x", body)
		}
	})
}

// FuzzBodies feeds plaintext bodies to every decoder: what decodes encodes to the same bytes.
func FuzzBodies(f *testing.F) {
	f.Add(goldenStatus.appendBody(nil))
	f.Add(goldenLife(f).appendBody(nil))
	f.Add(goldenSealed(f).appendBody(nil))
	f.Add(goldenParty.appendBody(nil))
	f.Add(fullParty(f).appendBody(nil))
	f.Add(appendTemplate(nil, []int8{1, 2, 3}, 14))
	f.Add(water{1, 2}.appendBody(nil))
	f.Fuzz(func(t *testing.T, body []byte) {
		same := func(what string, encoded []byte, err error) {
			if err == nil && !bytes.Equal(encoded, body) {
				t.Errorf("%s %x encodes to %x", what, body, encoded)
			}
		}
		s, err := decodeStatus(testID(1), header{tenant: 7, keyVersion: 1, generation: 1 << 30}, body)
		same("status", s.appendBody(nil), err)
		p, err := decodeParty("x", header{}, body)
		if err == nil && body[0] < partySecond {
			body = p.appendBody(nil) // the first form is read, and never written
			p, err = decodeParty("x", header{}, body)
		}
		same("party", p.appendBody(nil), err)
		w, err := decodeWater(body)
		same("water", w.appendBody(nil), err)
		row := make([]int8, max(0, len(body)-templateHeadSize))
		norm, err := decodeTemplate(row, body)
		same("template", appendTemplate(nil, row, norm), err)
	})
}

func FuzzRecords(f *testing.F) {
	f.Add(appendRecords(nil, []record{{[]byte("k1"), []byte("value")}, {[]byte("p"), nil}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		records, err := decodeRecords(b)
		if err == nil && !bytes.Equal(appendRecords(nil, records), b) {
			t.Errorf("%x does not encode back", b)
		}
	})
}

// FuzzFiles feeds the small files beside the view to their parsers, which must only not fail badly.
func FuzzFiles(f *testing.F) {
	f.Add([]byte(`{"format":1,"store":"00","model":{"id":"m","dim":1,"factor":"face"},"store_key":"AA==","mac":"AA=="}`))
	f.Add([]byte(`{"format":1,"kdf":"argon2id","passes":3,"memory_kib":65536,"threads":4,"salt":"AAAAAAAAAAAAAAAAAAAAAA==","root":"AA=="}`))
	f.Add(append(sealMark(water{1, 2}, nil), make([]byte, 2*markSlot)...))
	root, err := NewRootKey([32]byte{}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, err := parseLabel(b); err == nil {
			if _, err := l.unlock(root); err == nil {
				t.Error("a forged header holds")
			}
		}
		if file, err := parsePassphraseFile(b); err == nil && file.Memory > maxArgonMemory {
			t.Error("a passphrase file of unbounded cost is accepted")
		}
		parseCredentialKey(b, zhenni.FactorFace)
		parseTenantKey(b)
		if commit, err := readLogEntry(bufio.NewReader(bytes.NewReader(b))); err != nil && (commit != 0 || !errors.Is(err, errLogEnd)) {
			t.Errorf("log entry: commit %d, %v", commit, err)
		}
		if len(b) >= 2*markSlot {
			if _, ok := highest(b[:2*markSlot], []byte("another key")); ok {
				t.Error("a forged mark holds")
			}
		}
	})
}
