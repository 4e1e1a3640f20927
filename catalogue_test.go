package zhenni_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"zhenni"
)

// The shipped catalogue has the services of the articles, each with a way without the face.
func TestShippedCatalogue(t *testing.T) {
	c := zhenni.ShippedCatalogue()
	count := map[string]int{}
	for _, s := range c.Services() {
		prefix, _, _ := strings.Cut(s.ID, ".")
		count[prefix]++
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", s.ID, err)
		}
		if found, ok := c.Service(s.ID); !ok || found != s {
			t.Errorf("%s is not found", s.ID)
		}
		if s.FMR > 1e-5 {
			t.Errorf("%s is content with %v", s.ID, s.FMR)
		}
	}
	if count["gov"] != 37 || count["fee"] < 20 {
		t.Errorf("%d services of a counter, want 37; %d fees, want 20 or more", count["gov"], count["fee"])
	}
	for id, level := range map[string]zhenni.Level{
		"gov.company-registration": zhenni.LevelFull, "netcafe.entry": zhenni.LevelLite, "hotel.check-in": zhenni.LevelLite,
		"parcel.posting": zhenni.LevelLite, "telecom.sim-registration": zhenni.LevelFull, "bank.account-opening": zhenni.LevelFull,
		"pension.proof-of-life": zhenni.LevelLite,
	} {
		if s, ok := c.Service(id); !ok || s.Level != level {
			t.Errorf("%s: %v, want %v", id, s, level)
		}
	}
	if _, ok := c.Service("none"); ok || c.Version() == "" {
		t.Error("a service that is not there, or no version")
	}
}

// Whatever is not of the form is refused with the place of it.
//
// FAULTS: L2 L4 L10 L11
func TestCatalogueRefusals(t *testing.T) {
	for _, c := range []struct{ document, want string }{
		{``, "not JSON"},
		{`[]`, "want an object"},
		{`{}`, "services is missing"},
		{`{"services":[]}`, "version is missing"},
		{`{"version":"V 1","services":[]}`, "version: "},
		{`{"version":7,"services":[]}`, "version: "},
		{`{"version":"v","services":{}}`, "services: "},
		{`{"version":"v","services":[7]}`, "services[0]: "},
		{`{"version":"v","services":[]}{}`, "goes on"},
		{`{"version":"v","services":[]} x`, "goes on"},
		{`{"version":"v","services":[`, "services"},
		{`{"version":"v","services":[],"more":1}`, `"more"`},
		{`{"version":"v","version":"v","services":[]}`, "version occurs twice"},
		{`{"version":"v","services":[{"Id":"x"}]}`, `services[0]: `},
		{"{\"version\":\"\xff\",\"services\":[]}", "UTF-8"},
		{`{"version":"v","services":[` + strings.Repeat(" ", zhenni.MaxCatalogueBytes) + `]}`, "more than"},
		{`{"version":"v","services":[` + strings.Repeat("[", 1e5), "services[0]"},
		{`{"version":"v","services":[` + openService + "," + openService + `]}`, "services[1]: "},
	} {
		checkRefusal(t, c.document, c.want)
	}
}

func checkRefusal(t *testing.T, document, want string) {
	t.Helper()
	got, err := zhenni.ReadCatalogue(strings.NewReader(document))
	if got != nil || !errors.Is(err, zhenni.ErrBadValue) || !strings.Contains(err.Error(), want) {
		t.Errorf("%.200s: %v, want %s", document, err, want)
	}
}

// FAULTS: L4 L10
func TestServiceRefusals(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`"id": "strict",`, ``, "services[1]: zhenni: bad value: id is missing"},
		{`"id": "strict"`, `"id": "strict", "\u0069d": "strict"`, "services[1]: zhenni: bad value: id occurs twice"},
		{`"strict"`, `"Strict"`, "services[1]: id: "},
		{`"strict"`, `"ѕtrict"`, "services[1]: id: "},
		{`"严"`, `""`, "services[1]: zh: "},
		{`"严"`, `"` + strings.Repeat("严", 67) + `"`, "services[1]: zh: "},
		{`"Strict"`, `"a\u202eb"`, "services[1]: en: "},
		{`"Strict"`, `"a\nb"`, "services[1]: en: "},
		{`"Strict"`, `"\ud800"`, "services[1]: en: "},
		{`"Strict"`, `7`, "services[1].en: "},
		{`"Strict"`, `null`, "services[1].en: "},
		{`"test"`, `"Test"`, "services[1]: category: "},
		{`["open", "close"]`, `[]`, "services[1]: purposes: "},
		{`["open", "close"]`, `["open", "open"]`, "services[1]: purposes[1]: "},
		{`["open", "close"]`, `["open", "Close"]`, "services[1]: purposes[1]: "},
		{`["open", "close"]`, `["open", 7]`, "services[1].purposes[1]: "},
		{`["open", "close"]`, `"open"`, "services[1].purposes: "},
		{`["open", "close"]`, `[` + strings.Repeat(`"a",`, 16) + `"a"]`, "more than 16"},
		{`"full"`, `"FULL"`, "services[1].level: "},
		{`"full"`, `2`, "services[1].level: "},
		{`[["face"]]`, `[]`, "services[1]: factors: "},
		{`[["face"]]`, `[[]]`, "services[1]: factors: "},
		{`[["face"]]`, `["face"]`, "services[1].factors[0]: "},
		{`[["face"]]`, `[["iris"]]`, "services[1].factors[0][0]: "},
		{`[["face"]]`, `[["face", "face"]]`, "services[1].factors[0][1]: "},
		{`[["face"]]`, `[["face"], ["face", "pin"]]`, "services[1]: factors: "},
		{`[["face"]]`, `[["face"],["voice"],["pin"],["card"],["document"]]`, "more than 4"},
		{`[["card"], ["pin", "document"]]`, `[["face"]]`, "services[1]: without_face: "},
		{`[["card"], ["pin", "document"]]`, `[["card", "face"]]`, "services[1]: without_face: "},
		{`[["card"], ["pin", "document"]]`, `[]`, "services[1]: without_face: "},
		{`"without_face": [["card"], ["pin", "document"]],`, ``, "without_face is missing"},
		{`"active"`, `"none"`, "services[1]: liveness_max_age_s: "},
		{`"active"`, `"certain"`, "services[1].liveness: "},
		{`"liveness_max_age_s": 60`, `"liveness_max_age_s": 0`, "services[1]: liveness_max_age_s: "},
		{`"liveness_max_age_s": 60`, `"liveness_max_age_s": 86401`, "services[1]: liveness_max_age_s: "},
		{`"liveness_max_age_s": 60`, `"liveness_max_age_s": -1`, "services[1].liveness_max_age_s: "},
		{`"liveness_max_age_s": 60`, `"liveness_max_age_s": 1.5`, "services[1].liveness_max_age_s: "},
		{`"liveness_max_age_s": 60`, `"liveness_max_age_s": 1e1`, "services[1].liveness_max_age_s: "},
		{`"capture_max_age_s": 30`, `"capture_max_age_s": 86401`, "services[1]: capture_max_age_s: "},
		{`"capture_max_age_s": 30`, `"capture_max_age_s": "30"`, "services[1].capture_max_age_s: "},
		{`true`, `1`, "services[1].possession: "},
		{`1e-6`, `0`, "services[1]: fmr: "},
		{`1e-6`, `0.011`, "services[1]: fmr: "},
		{`1e-6`, `1e-13`, "services[1]: fmr: "},
		{`1e-6`, `1e400`, "services[1].fmr: "},
		{`1e-6`, `"1e-6"`, "services[1].fmr: "},
		{`1e-6`, `1e-6, "threshold": 0`, `"threshold"`},
	} {
		if !strings.Contains(strictService, c.old) {
			t.Fatalf("there is no %s", c.old)
		}
		checkRefusal(t, `{"version":"v","services":[`+openService+","+strings.Replace(strictService, c.old, c.new, 1)+`]}`, c.want)
	}
}

func TestCatalogueIsBounded(t *testing.T) {
	var many []string
	for i := range zhenni.MaxServices + 1 {
		many = append(many, strings.Replace(strings.Join(strings.Fields(openService), " "), `"open"`, `"s-`+strconv.Itoa(i)+`"`, 1))
	}
	document := func(n int) string { return `{"version":"v","services":[` + strings.Join(many[:n], ",") + `]}` }
	if c, err := zhenni.ReadCatalogue(strings.NewReader(document(zhenni.MaxServices))); err != nil || len(c.Services()) != zhenni.MaxServices {
		t.Errorf("%d services: %v", zhenni.MaxServices, err)
	}
	if _, err := zhenni.ReadCatalogue(strings.NewReader(document(zhenni.MaxServices + 1))); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("one more: %v", err)
	}
}

type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }

func TestCatalogueThatCanNotBeRead(t *testing.T) {
	if _, err := zhenni.ReadCatalogue(brokenReader{os.ErrPermission}); !errors.Is(err, os.ErrPermission) || errors.Is(err, zhenni.ErrBadValue) {
		t.Error(err)
	}
}

// What is taken is valid JSON, and each of its services is valid.
//
// FAULTS: L12
func FuzzReadCatalogue(f *testing.F) {
	f.Add([]byte(`{"version":"v","services":[` + strictService + `]}`))
	f.Add([]byte(`{"version":"v","services":[` + openService + `]}`))
	f.Add([]byte(`{"version":"v","services":[]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		c, err := zhenni.ReadCatalogue(bytes.NewReader(document))
		if err != nil {
			if c != nil {
				t.Fatal("refused and returned")
			}
			return
		}
		if !json.Valid(document) {
			t.Fatalf("taken, and not JSON: %q", document)
		}
		for _, s := range c.Services() {
			if err := s.Validate(); err != nil || s.WithoutFace.Means().Has(zhenni.MeansFace) {
				t.Fatalf("%+v: %v", s, err)
			}
		}
	})
}
