package actors

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails when a node that was drained leaves a goroutine. The two ignored ones belong to a pool that ants makes
// when it is imported.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).purgeStaleWorkers"),
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).ticktock"),
	)
}
