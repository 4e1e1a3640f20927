package fault

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"
)

func write(t *testing.T, d *Disk, at int64, b byte, n int) {
	t.Helper()
	if _, err := d.WriteAt(bytes.Repeat([]byte{b}, n), at); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, d *Disk, at int64, n int) []byte {
	t.Helper()
	got := make([]byte, n)
	if _, err := d.ReadAt(got, at); err != nil {
		t.Fatal(err)
	}
	return got
}

// What was flushed survives every loss; what was not is, sector by sector, the old content or one that was written.
func TestDiskKeepsWhatWasFlushed(t *testing.T) {
	for loss := range losses {
		random := rand.New(rand.NewPCG(1, uint64(loss)))
		d := NewDisk(1 << 20)
		write(t, d, 1000, 1, 9000)
		if err := d.Flush(); err != nil {
			t.Fatal(err)
		}
		write(t, d, 4096, 2, 4096)
		write(t, d, 4096, 3, 512)
		if got := read(t, d, 4096, 1)[0]; got != 3 {
			t.Errorf("loss %d: reads %d before the cut", loss, got)
		}
		if volatile := d.Cut(loss, random); volatile != 2 {
			t.Errorf("loss %d: %d volatile writes", loss, volatile)
		}
		if _, err := d.WriteAt([]byte{1}, 0); err == nil {
			t.Errorf("loss %d: written without power", loss)
		}
		if d.Flush() == nil {
			t.Errorf("loss %d: flushed without power", loss)
		}
		again := d.Plug()
		if got := read(t, again, 1000, 3096); !bytes.Equal(got, bytes.Repeat([]byte{1}, 3096)) {
			t.Errorf("loss %d: flushed content is gone", loss)
		}
		content := read(t, again, 4096, 4096)
		for at := 0; at < len(content); at += sectorBytes {
			sector := content[at : at+sectorBytes]
			legal := loss != LoseAll && (sector[0] == 2 || sector[0] == 3 && at == 0) || loss != LoseNone && sector[0] == 1
			if !legal || !bytes.Equal(sector, bytes.Repeat(sector[:1], sectorBytes)) {
				t.Errorf("loss %d: sector at %d is %d", loss, at, sector[0])
			}
		}
	}
}

// A disk that lies loses what it said was flushed: without this the control of the power test proves nothing.
func TestLyingDiskLosesWhatWasFlushed(t *testing.T) {
	d := NewDisk(1 << 20)
	d.lies = time.Hour
	write(t, d, 0, 7, 512)
	if err := d.Flush(); err != nil {
		t.Fatal(err)
	}
	d.Cut(LoseNone, rand.New(rand.NewPCG(1, 1)))
	if got := read(t, d.Plug(), 0, 1)[0]; got != 0 {
		t.Errorf("reads %d", got)
	}
}
