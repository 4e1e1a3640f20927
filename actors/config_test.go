package actors

import (
	"errors"
	"testing"
	"time"

	"zhenni"
)

func TestConfigValidate(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		ok     bool
	}{
		"defaults":              {Config{}, true},
		"most shards":           {Config{Shards: MaxShards}, true},
		"too many shards":       {Config{Shards: MaxShards + 1}, false},
		"negative shards":       {Config{Shards: -1}, false},
		"one full batch":        {Config{InFlightItems: zhenni.MaxBatchItems}, true},
		"no full batch fits":    {Config{InFlightItems: zhenni.MaxBatchItems - 1}, false},
		"single-item messages":  {Config{MessageItems: 1}, true},
		"message over a batch":  {Config{MessageItems: zhenni.MaxBatchItems + 1}, false},
		"negative panic limit":  {Config{PanicLimit: -1}, false},
		"panic window too long": {Config{PanicWindow: 2 * time.Hour}, false},
		"cooldown too short":    {Config{Cooldown: time.Microsecond}, false},
		"negative stall":        {Config{Stall: -time.Second}, false},
		"refresh":               {Config{Refresh: time.Second}, true},
	} {
		err := c.config.Validate()
		if c.ok && err != nil || !c.ok && !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStartRefuses(t *testing.T) {
	w := newWorld(40, testDim, 1)
	arena, rule := newArena(t, w)
	model := zhenni.Model{ID: "test-model", Dim: testDim, Factor: zhenni.FactorFace}
	if _, err := Start(Config{Shards: 65}, model, rule, arena, w); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("65 shards: %v", err)
	}
	model.Dim = 0
	if _, err := Start(Config{}, model, rule, arena, w); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("dimension 0: %v", err)
	}
}
