package simd

import (
	"crypto/sha256"
	"testing"
)

func TestQuick(t *testing.T) {
	r := random(1)
	data := make([]byte, 400*41)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	eachTier(t, func(t *testing.T) {
		for size := range 301 {
			for n := range 41 {
				dst := make([][32]byte, n)
				SumMany(dst, data, size, size)
				for i := range dst {
					if dst[i] != sha256.Sum256(data[i*size:(i+1)*size]) {
						t.Fatalf("size %d n %d i %d", size, n, i)
					}
				}
			}
		}
	})
}
