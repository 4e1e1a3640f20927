package main

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"zhenni/bench/labelledtest"
)

// On published faces and voices nothing links templates of two keys beyond what the estimate can see, whichever way they are
// compared, and rotating costs no accuracy.
//
// FAULTS: B7 B8
func TestUnlinkabilityOfPublishedEmbeddings(t *testing.T) {
	t.Parallel()
	dir := labelledtest.Folder(t)
	for _, name := range []string{"lfw-dlib128", "vox1-ecapa192"} {
		var u unlinkability
		if err := json.Unmarshal([]byte(mustRun(t, "unlinkability", "--data", filepath.Join(dir, name), "--pairs", "5000", "--json")), &u); err != nil {
			t.Fatal(err)
		}
		for _, l := range u.Linkages {
			if l.OneKey && l.By == "angle" && l.DSys < 0.9 || !l.OneKey && l.DSys > l.Floor+0.02 {
				t.Errorf("%s: %+v", name, l)
			}
		}
		if math.Abs(u.Plain.EER-u.StolenKey.EER) > 0.0005 {
			t.Errorf("%s: equal error rate %g, rotated %g", name, u.Plain.EER, u.StolenKey.EER)
		}
	}
}

func TestUnlinkabilityCommand(t *testing.T) {
	dir := t.TempDir()
	writeSet(t, dir, 30, enrolment, subjectName)
	if code, _, notes := runCommand(t, "unlinkability", "--data", dir); code != exitUsage || !strings.Contains(notes, "persons with two samples") {
		t.Errorf("one sample a person: exit code %d, %s", code, notes)
	}
	pairs := filepath.Join(dir, "pairs")
	writeSet(t, pairs, 30, enrolment, func(i int) string { return subjectName(i / 2) })
	text := mustRun(t, "unlinkability", "--data", pairs, "--pairs", "1000")
	for _, want := range []string{"control: one key, two captures", "magnitudes in order", "with the key stolen", "FNMR at FMR 1e-02"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
