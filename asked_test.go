package zhenni

import (
	"errors"
	"testing"
)

// A cursor has one written form, and the zero cursor none: it is before the first page.
func TestAskedCursorHasOneForm(t *testing.T) {
	for _, c := range []AskedCursor{{1, 0}, {0, 1}, {1<<32 - 1, 1<<32 - 1}, {1_700_000_000, 12}} {
		if got, err := ParseAskedCursor(c.String()); err != nil || got != c {
			t.Errorf("%v is read as %v, %v", c, got, err)
		}
	}
	for _, s := range []string{"", "-", "1", "1-", "-1", "0-0", "01-2", "1-+2", "1-2-3", "4294967296-0", "1-4294967296", " 1-2", "1 -2"} {
		if c, err := ParseAskedCursor(s); !errors.Is(err, ErrBadValue) || c != (AskedCursor{}) {
			t.Errorf("%q is read as %v, %v", s, c, err)
		}
	}
}

func TestGapCauseNames(t *testing.T) {
	for c, want := range map[GapCause]string{GapOff: "off", GapShed: "shed", GapDamaged: "damaged"} {
		if c.String() != want {
			t.Errorf("%d is %q, want %q", c, c, want)
		}
	}
}
