package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"zhenni"
)

// Readiness tells what ends by itself from what only a restart ends, and never what else the error says.
//
// FAULTS: S8 S10
func TestReadinessSaysWhatItWaitsFor(t *testing.T) {
	f := start(t, nil)
	for code, c := range map[string]struct {
		cause error
		says  string
	}{
		"disk_full":   {zhenni.ErrNoRoom, "ready again within 5 seconds"},
		"halted":      {zhenni.ErrHalted, "restart it"},
		"unavailable": {errors.New("starting"), "not ready"},
	} {
		f.node.ready = fmt.Errorf("%w: %w: /secret/path", zhenni.ErrUnavailable, c.cause)
		a := f.call("GET", "/readyz", "", "", nil)
		body := string(a.body)
		if a.status != 503 || !strings.Contains(body, `"code":"`+code+`"`) || !strings.Contains(body, c.says) || strings.Contains(body, "secret") {
			t.Errorf("%s: %d %s", code, a.status, body)
		}
	}
	f.node.ready = nil
	if a := f.call("GET", "/readyz", "", "", nil); a.status != 200 {
		t.Errorf("ready: %d %s", a.status, a.body)
	}
}

// Readiness that is asked for again and again is told to the log where it changes, and then alone.
func TestReadinessIsLoggedWhereItChanges(t *testing.T) {
	var log bytes.Buffer
	f := start(t, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	for _, ready := range []error{nil, zhenni.ErrUnavailable, zhenni.ErrNoRoom, zhenni.ErrHalted, nil} {
		f.node.ready = ready
		for range 5 {
			f.call("GET", "/readyz", "", "", nil)
		}
	}
	if text := log.String(); strings.Count(text, "not ready") != 3 || strings.Count(text, "ready again") != 1 {
		t.Error(text)
	}
}

// A server that records nothing takes no ledger.
func TestUnrecordedTakesNoLedger(t *testing.T) {
	c := Config{Profile: testProfile(t, testDim, true), Unrecorded: true, Ledger: openLedger(t, t.TempDir(), &leafLog{})}
	if err := c.WithDefaults().Validate(); !errors.Is(err, zhenni.ErrBadValue) {
		t.Error(err)
	}
}
