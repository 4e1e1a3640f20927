package storage

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"zhenni"
)

func chunked(t testing.TB, content []byte, step int) (stream []byte) {
	t.Helper()
	aead, err := newChunkAEAD(goldenLogKey, "test", [chunkIDSize]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := newChunkWriter(&out, aead)
	for from := 0; from < len(content); from += step {
		if _, err := w.Write(content[from:min(len(content), from+step)]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func dechunked(t testing.TB, stream []byte) ([]byte, error) {
	t.Helper()
	aead, err := newChunkAEAD(goldenLogKey, "test", [chunkIDSize]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	return io.ReadAll(newChunkReader(bytes.NewReader(stream), aead))
}

// FAULTS: S3
func TestChunksAreWholeOrRefused(t *testing.T) {
	const frame = chunkHead + chunkSize + tagSize
	content := make([]byte, 2*chunkSize+100)
	for i := range content {
		content[i] = byte(i >> 8)
	}
	for _, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, len(content)} {
		stream := chunked(t, content[:size], 300_001)
		if got, err := dechunked(t, stream); err != nil || !bytes.Equal(got, content[:size]) {
			t.Errorf("%d bytes: %d come back, %v", size, len(got), err)
		}
	}
	stream := chunked(t, content, len(content))
	swapped := bytes.Join([][]byte{stream[frame : 2*frame], stream[:frame], stream[2*frame:]}, nil)
	damages := map[string][]byte{
		"cut in a chunk": stream[:frame+5], "cut between two": stream[:frame], "cut at the last": stream[:2*frame],
		"one left out": append(bytes.Clone(stream[:frame]), stream[2*frame:]...), "two swapped": swapped,
		"first made last": set(stream[:frame], 3, stream[3]|0x80), "empty": nil,
		"length changed": set(stream, 0, stream[0]^1), "content changed": set(stream, 1000, ^stream[1000]),
		"tag changed": set(stream, frame-1, ^stream[frame-1]), "too long": set(stream, 3, 0x7f),
	}
	for name, damaged := range damages {
		if _, err := dechunked(t, damaged); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
}

// FuzzChunks feeds streams under a key that nothing was sealed with: none reads to an end.
func FuzzChunks(f *testing.F) {
	f.Add(chunked(f, []byte("content"), 7)[:20])
	f.Add([]byte{0, 0, 0, 0x80, 16: 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		aead, err := newChunkAEAD([]byte("another key, of any length"), "test", [chunkIDSize]byte{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(newChunkReader(bytes.NewReader(b), aead)); !errors.Is(err, zhenni.ErrCorrupt) || len(got) > 0 {
			t.Errorf("%d bytes read, %v", len(got), err)
		}
	})
}
