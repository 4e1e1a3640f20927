package storage

import (
	"testing"
	"time"

	"zhenni"
)

// Times are recorded as they are given and decide nothing: changes follow one another in the order of the log, whatever
// the clock said, and read back the same after the log was applied again.
//
// FAULTS: R11
func TestTimesDecideNothing(t *testing.T) {
	summer := time.FixedZone("CEST", 2*3600)
	leap := time.Date(2016, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	for name, times := range map[string][3]time.Time{
		"an hour back":         {testTime, testTime.Add(-time.Hour), testTime.Add(-2 * time.Hour)},
		"an hour forward":      {testTime, testTime.Add(time.Hour), testTime},
		"a leap second":        {leap, leap, leap.Add(-time.Second)},
		"summer time":          {testTime.In(summer), testTime.Add(-time.Hour).In(summer), testTime},
		"before 1970":          {time.Unix(-1, 5).UTC(), time.Time{}, time.Unix(-1<<40, 0)},
		"with a monotonic one": {time.Now(), time.Now().Add(-time.Hour), time.Now()},
	} {
		opts := testOptions(t)
		s := openStore(t, opts)
		enrol := testEnrol(1)
		enrol.At = times[0]
		mustApply(t, s, enrol,
			zhenni.ChangeStatus{ID: testID(1), Tenant: 7, To: zhenni.StatusSuspended, At: times[1]},
			zhenni.ChangeStatus{ID: testID(1), Tenant: 7, To: zhenni.StatusRevoked, At: times[2]})
		for range 2 {
			c, err := s.Credential(testID(1))
			want := zhenni.Credential{
				ID: testID(1), Tenant: 7, Level: zhenni.LevelFull, Status: zhenni.StatusRevoked, Generation: 3,
				EnrolledAt: normalTime(times[0]), ChangedAt: normalTime(times[2]),
			}
			if err != nil || c != want {
				t.Errorf("%s: %+v, %v; want %+v", name, c, err, want)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openStore(t, opts)
		}
	}
}
