package history

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
)

// What is on disk keeps its form: each file's content, under a fixed key and salt, reads as the golden files have it.
func TestGolden(t *testing.T) {
	keys, err := newSecrets(bytes.Repeat([]byte{3}, secretSize))
	if err != nil {
		t.Fatal(err)
	}
	head := indexHeader(span{1, 0x0a0b0c0d, 2}, [saltSize]byte{1, 2, 3})
	aead, err := keys.aead("index", head)
	if err != nil {
		t.Fatal(err)
	}
	foot, state := goldenFoot(), goldenState()
	var page [pageBody]byte
	encodePage(&page, goldenEntries())
	nonce := nonceOf(5)
	for name, got := range map[string][]byte{
		"block":  sealBlock(aead, append(make([]byte, blockHead), goldenBlock()...), 7, columnsHead),
		"header": head, "foot": foot.append(nil), "state": state.append(nil), "page": page[:128], "columns": columnsHeader(0x0a0b0c0d, [saltSize]byte{4}),
		"sealed-page": aead.Seal(nil, nonce[:], page[:], nil)[pageBody:],
	} {
		path := filepath.Join("testdata", name+".golden")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		want, err := hex.DecodeString(string(bytes.TrimSpace(text)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is now\n%x", path, got)
		}
	}
}
