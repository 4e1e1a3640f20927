package audit

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"zhenni"
)

// shown is a log as others see it.
type shown struct {
	log *Log
	// spoil, if set, changes the content of a tile.
	spoil func(path string, data []byte) []byte
}

func (s shown) Checkpoint(context.Context) ([]byte, error) { return s.log.Checkpoint(), nil }

func (s shown) Tile(_ context.Context, path string) ([]byte, error) {
	data, err := s.log.Tile(path)
	if err == nil && s.spoil != nil {
		data = s.spoil(path, data)
	}
	return data, err
}

// A witness follows a log by its tiles from size to size, over the wire and in a copy, and is not moved by tiles that are
// not of the checkpoint, nor by a copy of the log from before.
//
// FAULTS: S6
func TestWitnessFollows(t *testing.T) {
	disk := newMemory()
	l := openLog(t, testOptions(t, disk))
	w := openWitness(t, newMemory())
	for _, size := range []int64{1, 255, 256, 700, 700, 66_000} {
		if now := l.Tree().N; now < size {
			fill(t, l, now, size, 1000)
		}
		cosigned, err := w.Follow(t.Context(), shown{log: l})
		if err != nil || w.Size() != size {
			t.Fatalf("size %d: %v, at %d", size, err, w.Size())
		}
		if err := l.Witnessed(cosigned); err != nil {
			t.Fatal(err)
		}
	}
	before := copyOf(disk.cached)
	fill(t, l, 66_000, 66_300, 300)
	spoiled := func(_ string, data []byte) []byte { data = append([]byte(nil), data...); data[3] ^= 1; return data }
	if _, err := w.Follow(t.Context(), shown{l, spoiled}); !errors.Is(err, zhenni.ErrCorrupt) || w.Size() != 66_000 {
		t.Errorf("spoiled tiles: %v, at %d", err, w.Size())
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Follow(t.Context(), FolderSource(disk)); err != nil || w.Size() != 66_300 {
		t.Errorf("the folder: %v, at %d", err, w.Size())
	}
	if _, err := w.Follow(t.Context(), FolderSource(before)); !errors.Is(err, zhenni.ErrCorrupt) || w.Size() != 66_300 {
		t.Errorf("a folder from before: %v, at %d", err, w.Size())
	}
	if _, err := w.Follow(t.Context(), FolderSource(newMemory())); err == nil {
		t.Error("an empty folder")
	}
}

func TestWitnessSecretHasOneForm(t *testing.T) {
	text, err := WitnessSecret("witness.example", testWitnessSecret())
	if err != nil {
		t.Fatal(err)
	}
	name, key, err := ParseWitnessSecret(text)
	if err != nil || name != "witness.example" || !key.Equal(testWitnessSecret()) {
		t.Errorf("%q, %v", name, err)
	}
	for at := range text {
		changed := []byte(text)
		changed[at] ^= 1
		if _, _, err := ParseWitnessSecret(string(changed)); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("byte %d changed: %v", at, err)
		}
	}
	if _, err := WitnessSecret("a+b", testWitnessSecret()); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("a name with a plus: %v", err)
	}
}

// A disk that does not answer makes the recorder unready after five seconds, while what waits stays bounded, and ready
// again once it answers.
//
// FAULTS: O8 S11
func TestStalledDiskIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newMemory()
		var stalled chan struct{}
		disk.beforeSync = func() error {
			if stalled != nil {
				<-stalled
			}
			return nil
		}
		s := openSecrets(t, disk)
		l := openLog(t, Options{Files: disk, Signer: s.Signer, Key: s.Key, Queue: 4, Segment: 64 << 10, Beat: make(chan time.Time)})
		c := openChanges(t, l, s)
		stalled = make(chan struct{})
		leaf := []Leaf{{Kind: KindVerification, At: testStart}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Append(ctx, leaf); !errors.Is(err, zhenni.ErrDeadline) {
			t.Errorf("on a stalled disk: %v", err)
		}
		if err := c.Ready(); err != nil {
			t.Errorf("after a second: %v", err)
		}
		time.Sleep(stallAfter)
		if err := c.Ready(); !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("after %v: %v", stallAfter, err)
		}
		close(stalled)
		synctest.Wait()
		if err := c.Ready(); err != nil || l.Stall() != 0 {
			t.Errorf("once it answers: %v", err)
		}
		if err := errors.Join(c.Close(), l.Close()); err != nil {
			t.Error(err)
		}
	})
}
