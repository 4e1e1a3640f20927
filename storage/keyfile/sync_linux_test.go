package keyfile

import (
	"os"
	"testing"
)

// What is said to be durable was synced: on a file that takes writes and refuses to be synced, every such call fails.
//
// FAULTS: S9 C14
func TestDurableIsSynced(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := &File{file: null, key: testKey, size: offset(8)}
	defer f.Close()
	if err := f.Write(0, slots(1, 5)); err != nil {
		t.Fatalf("a write without a sync: %v", err)
	}
	for what, call := range map[string]func() error{
		"Put":      func() error { return f.Put(0, slots(1, 5)) },
		"Shred":    func() error { return f.Shred([]uint64{0}) },
		"SetEpoch": func() error { return f.SetEpoch(1) },
		"Sync":     f.Sync,
	} {
		if call() == nil {
			t.Errorf("%s is done before it is durable", what)
		}
	}
}
