package history

import (
	"encoding/binary"
	"errors"
	"fmt"

	"zhenni"
)

// reader takes values from the front of b. Once it lacks bytes it is bad for good and gives zeros.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	taken := r.b[:n:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) u8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// ended reports what was read to its end and no further.
func (r *reader) ended() bool { return !r.bad && len(r.b) == 0 }

func (r *reader) id() (id zhenni.CredentialID) {
	copy(id[:], r.take(len(id)))
	return id
}

func (r *reader) name() string { return string(r.take(int(r.u8()))) }

// askerSize is the least that an asker takes.
const askerSize = 4 + 1 + 1 + 1

func (r *reader) askers(n uint32) []zhenni.Asker {
	if uint64(n)*askerSize > uint64(len(r.b)) {
		r.take(-1)
		return nil
	}
	askers := make([]zhenni.Asker, n)
	for i := range askers {
		askers[i] = zhenni.Asker{Tenant: zhenni.TenantID(r.u32()), Party: r.name(), Service: r.name(), Purpose: r.name()}
	}
	return askers
}

func appendAskers(dst []byte, askers []zhenni.Asker) []byte {
	for _, a := range askers {
		dst = binary.BigEndian.AppendUint32(dst, uint32(a.Tenant))
		for _, s := range [...]string{a.Party, a.Service, a.Purpose} {
			dst = append(append(dst, uint8(len(s))), s...)
		}
	}
	return dst
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: history: %s", zhenni.ErrCorrupt, fmt.Sprintf(format, args...))
}

func unavailable(format string, args ...any) error {
	return fmt.Errorf("%w: history: %w", zhenni.ErrUnavailable, fmt.Errorf(format, args...))
}

func isCorrupt(err error) bool { return errors.Is(err, zhenni.ErrCorrupt) }
