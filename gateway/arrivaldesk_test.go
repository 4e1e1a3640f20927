package gateway

import (
	"testing"
	"testing/synctest"
	"time"

	"zhenni"
)

// The code of a session that may have been begun after its maker gave up is no other guest's meanwhile.
//
// FAULTS: R10
func TestDoubtfulCodeStaysReserved(t *testing.T) {
	const drawn = 42
	none := func(string) []zhenni.Session { return nil }
	for name, c := range map[string]struct {
		err   error
		after time.Duration
		code  uint8
	}{
		"begun":          {nil, 0, drawn},
		"surely not":     {zhenni.ErrOverloaded, 0, drawn},
		"given up":       {zhenni.ErrDeadline, doubtTime - 1, drawn + 1},
		"unavailable":    {zhenni.ErrUnavailable, doubtTime - 1, drawn + 1},
		"given up, over": {zhenni.ErrDeadline, doubtTime, drawn},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := new(desks)
				first, _ := d.reserve("hotel", testID(1), drawn, none)
				first.releaseAfter(c.err)
				time.Sleep(c.after)
				synctest.Wait()
				if second, taken := d.reserve("hotel", testID(2), drawn, none); taken || second.code != c.code {
					t.Errorf("code %d, taken %v; want %d", second.code, taken, c.code)
				}
				if again, taken := d.reserve("hotel", testID(1), drawn, none); taken || again.code == drawn {
					t.Errorf("the first guest again: code %d, taken %v", again.code, taken)
				}
				time.Sleep(doubtTime) // nothing is left that waits
			})
		})
	}
}
