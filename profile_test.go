package zhenni_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"zhenni"
)

func sealedProfile(t *testing.T) zhenni.Profile {
	t.Helper()
	threshold, err := zhenni.NewThreshold(0.25)
	if err != nil {
		t.Fatal(err)
	}
	p, err := zhenni.Profile{
		Model:     zhenni.Model{ID: "test-4", Dim: 4, Factor: zhenni.FactorFace},
		FMRTarget: 1e-6, Supported: true, SupportedFMR: 1e-6,
		Cosine: 0.25, Threshold: threshold, Comparisons: 200_000_000, Errors: 160,
		DET:       []zhenni.OperatingPoint{{Cosine: 0.25, FMR: 8e-7, FNMR: 0.01}},
		CreatedAt: time.Unix(1_800_000_000, 0).UTC(),
	}.Seal()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func written(t *testing.T, p zhenni.Profile) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestProfileRoundTrip(t *testing.T) {
	p := sealedProfile(t)
	back, err := zhenni.ReadProfile(strings.NewReader(written(t, p)))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := written(t, back), written(t, p); got != want {
		t.Errorf("came back as %s, want %s", got, want)
	}
}

func TestReadProfileRefusesWhatWasEdited(t *testing.T) {
	whole := written(t, sealedProfile(t))
	for name, edited := range map[string]string{
		"looser threshold":        strings.Replace(whole, `"threshold_cosine": 0.25`, `"threshold_cosine": 0.2`, 1),
		"looser integer":          strings.Replace(whole, `"threshold": 268435456`, `"threshold": 1`, 1),
		"target":                  strings.Replace(whole, `"fmr_target": 0.000001`, `"fmr_target": 0.0000001`, 1),
		"supported":               strings.Replace(whole, `"supported": true`, `"supported": false`, 1),
		"unknown field":           strings.Replace(whole, `"synthetic"`, `"synthetik"`, 1),
		"truncated":               whole[:len(whole)/2],
		"empty":                   "",
		"a second profile":        whole + whole,
		"rubbish behind":          whole + "}",
		"another model dimension": strings.Replace(whole, `"dim": 4`, `"dim": 5`, 1),
		"impossible dimension":    strings.Replace(whole, `"dim": 4`, `"dim": 4096`, 1),
	} {
		if edited == whole {
			t.Fatalf("%s: the edit changed nothing", name)
		}
		if _, err := zhenni.ReadProfile(strings.NewReader(edited)); !errors.Is(err, zhenni.ErrBadProfile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestModelValidate(t *testing.T) {
	good := zhenni.Model{ID: "ecapa-192_v1.0", Dim: 192, Factor: zhenni.FactorVoice}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*zhenni.Model){
		"no id":             func(m *zhenni.Model) { m.ID = "" },
		"upper case":        func(m *zhenni.Model) { m.ID = "ECAPA" },
		"65 characters":     func(m *zhenni.Model) { m.ID = strings.Repeat("a", 65) },
		"line break":        func(m *zhenni.Model) { m.ID = "a\nb" },
		"no dimension":      func(m *zhenni.Model) { m.Dim = 0 },
		"too large":         func(m *zhenni.Model) { m.Dim = zhenni.MaxDim + 1 },
		"no factor":         func(m *zhenni.Model) { m.Factor = 0 },
		"a factor too many": func(m *zhenni.Model) { m.Factor = zhenni.FactorFingerprint + 1 },
	} {
		m := good
		change(&m)
		if err := m.Validate(); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
