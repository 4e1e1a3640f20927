package storage

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"zhenni"
)

// A stream of chunks is a stream of bytes that can be believed chunk by chunk: each has a tag of AES-256-GMAC, under a
// key of the stream's own and the chunk's number as the nonce, so that none repeats. What stands in a stream is sealed
// or no secret; only that it is whole is at stake.
const (
	chunkSize   = 1 << 20
	chunkHead   = 4
	chunkLast   = 1 << 31 // in the length: nothing follows
	chunkIDSize = 16
)

// newChunkAEAD makes the key of the stream of that id and use.
func newChunkAEAD(key []byte, use string, id [chunkIDSize]byte) (cipher.AEAD, error) {
	derived, err := hkdf.Expand(sha256.New, key, use+string(id[:]), keySize)
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	return newGCM(derived)
}

// chunkNonce is number u64 | last u32.
func chunkNonce(number uint64, last bool) []byte {
	nonce := binary.LittleEndian.AppendUint64(make([]byte, 0, nonceSize), number)
	return binary.LittleEndian.AppendUint32(nonce, uint32(bit(last)))
}

// chunkWriter writes a stream; Close ends it.
type chunkWriter struct {
	to     io.Writer
	aead   cipher.AEAD
	buf    []byte
	number uint64
}

func newChunkWriter(to io.Writer, aead cipher.AEAD) *chunkWriter {
	return &chunkWriter{to: to, aead: aead, buf: make([]byte, chunkHead, chunkHead+chunkSize+tagSize)}
}

func (w *chunkWriter) Write(b []byte) (n int, err error) {
	for n = len(b); len(b) > 0; {
		if len(w.buf) == chunkHead+chunkSize {
			if err := w.flush(false); err != nil {
				return 0, err
			}
		}
		fits := min(len(b), chunkHead+chunkSize-len(w.buf))
		w.buf = append(w.buf, b[:fits]...)
		b = b[fits:]
	}
	return n, nil
}

func (w *chunkWriter) flush(last bool) error {
	size := uint32(len(w.buf) - chunkHead)
	if last {
		size |= chunkLast
	}
	binary.LittleEndian.PutUint32(w.buf, size)
	w.buf = w.aead.Seal(w.buf, chunkNonce(w.number, last), nil, w.buf)
	_, err := w.to.Write(w.buf)
	w.buf, w.number = w.buf[:chunkHead], w.number+1
	return err
}

// Close writes the last chunk.
func (w *chunkWriter) Close() error { return w.flush(true) }

// chunkReader reads a stream up to its last chunk: [zhenni.ErrCorrupt] for one that is not whole. What it returned
// before that was written in this place.
type chunkReader struct {
	from   io.Reader
	aead   cipher.AEAD
	buf    []byte
	rest   []byte // of buf, not yet returned
	number uint64
	ended  bool
}

func newChunkReader(from io.Reader, aead cipher.AEAD) *chunkReader {
	return &chunkReader{from: from, aead: aead, buf: make([]byte, chunkHead+chunkSize+tagSize)}
}

func (r *chunkReader) Read(b []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.ended {
			return 0, io.EOF
		}
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *chunkReader) next() error {
	if _, err := io.ReadFull(r.from, r.buf[:chunkHead]); err != nil {
		return fmt.Errorf("%w: a stream is cut short: %w", zhenni.ErrCorrupt, err)
	}
	size := binary.LittleEndian.Uint32(r.buf)
	last := size&chunkLast != 0
	size &^= chunkLast
	if size > chunkSize {
		return fmt.Errorf("%w: chunk of %d bytes", zhenni.ErrCorrupt, size)
	}
	end := chunkHead + int(size)
	if _, err := io.ReadFull(r.from, r.buf[chunkHead:end+tagSize]); err != nil {
		return fmt.Errorf("%w: a stream is cut short: %w", zhenni.ErrCorrupt, err)
	}
	if _, err := r.aead.Open(nil, chunkNonce(r.number, last), r.buf[end:end+tagSize], r.buf[:end]); err != nil {
		return fmt.Errorf("%w: chunk %d fails its seal", zhenni.ErrCorrupt, r.number)
	}
	r.rest, r.ended, r.number = r.buf[chunkHead:end], last, r.number+1
	return nil
}
