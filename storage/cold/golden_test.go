package cold

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"zhenni"
)

// What is on disk keeps its form: a record, a sector of ids and a mark under a fixed key read as the files have them.
func TestGolden(t *testing.T) {
	k, err := deriveKeys(bytes.Repeat([]byte{3}, keyBytes), testModel.ID)
	if err != nil {
		t.Fatal(err)
	}
	r := zhenni.Reference{
		ID: zhenni.CredentialID{1, 2, 3, 15: 16}, Tenant: 0x01020304, Status: zhenni.StatusSuspended, Generation: 0x0a0b0c0d, Norm: 24 * 25,
		Row: bytesAsRow(bytes.Repeat([]byte{0xfb}, testModel.Dim)),
	}
	var ids sector
	appendEntry(ids.entry(2)[:0], &r.ID, r.Generation)
	ids.seal(&k, 7)
	for name, got := range map[string][]byte{
		"record": new(opener).seal(nil, &k, 0x01000005, &r, []byte("8 random")), "sector": ids[:], "mark": mark{0x1122334455, 9}.seal(&k),
	} {
		path := filepath.Join("testdata", name+".golden")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := hex.DecodeString(string(bytes.TrimSpace(text)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is now\n%x", path, got)
		}
	}
}

func bytesAsRow(b []byte) []int8 {
	row := make([]int8, len(b))
	for i := range b {
		row[i] = int8(b[i])
	}
	return row
}
