package keyfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"zhenni"
)

// While a copy is made keys are put and shredded: it has the slots of the first so many puts, each whole, and the epoch
// from before.
func TestCopyOfAFileInUse(t *testing.T) {
	f, path := create(t)
	const pages = 3
	if err := errors.Join(f.Put(0, slots(pages*scanSlots, 1)), f.Shred([]uint64{5}), f.SetEpoch(1)); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(filepath.Dir(path), "copy")
	end, steps := uint64(pages*scanSlots), 0
	size, err := f.Copy(to, func() error {
		steps++
		err := errors.Join(f.Put(end, slots(2000, byte(steps))), f.Shred([]uint64{uint64(steps)}), f.SetEpoch(uint64(1+steps)))
		end += 2000
		return err
	})
	if err != nil || size < firstSlot+pages*scanSlots*SlotSize {
		t.Fatal(size, err)
	}
	copied, err := Open(to, testID, testKey, true)
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	if copied.Epoch() != 1 {
		t.Errorf("epoch %d, want 1", copied.Epoch())
	}
	copied.want(t, 0, Used, 1)
	copied.want(t, 5, Shredded, 0)
	next := uint64(0)
	if err := copied.Scan(0, func(place uint64, _ State) error {
		if place != next {
			t.Fatalf("place %d is unused, %d is not", next, place)
		}
		next++
		return nil
	}); err != nil || next < pages*scanSlots {
		t.Errorf("%d places, %v", next, err)
	}
}

func TestCopyThatEndsLeavesTheLast(t *testing.T) {
	f, path := create(t)
	to := filepath.Join(filepath.Dir(path), "copy")
	if _, err := f.Copy(to, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Put(0, slots(3, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Copy(to, func() error { return zhenni.ErrDeadline }); !errors.Is(err, zhenni.ErrDeadline) {
		t.Errorf("%v, want ErrDeadline", err)
	}
	copied, err := Open(to, testID, testKey, true)
	if err != nil || copied.Places() != 0 {
		t.Fatalf("%v: the last copy is gone", err)
	}
	if err := copied.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(to + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a copy is left: %v", err)
	}
}
