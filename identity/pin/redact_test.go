package pin

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// FAULTS: L11
func TestNothingIsShown(t *testing.T) {
	peppers := testPeppers(t, 0x41424344)
	d, v := mustParse(t, "58204917"), makeVerifier(t, peppers)
	c := newChecker(t, Config{Peppers: peppers, Params: cheap, Concurrent: 1})
	var traces []string
	for _, secret := range [][]byte{d.bytes(), (*peppers.current.key)[:], v.sealed[:]} {
		list := strings.Trim(fmt.Sprint(secret[:6]), "[]")
		traces = append(traces, string(secret[:6]), list, strings.ReplaceAll(list, " ", ","), hex.EncodeToString(secret[:6]))
	}
	for what, value := range map[string]any{
		"digits": d, "*digits": &d, "pepper": peppers.current, "peppers": peppers, "verifier": v, "checker": c, "turn": admit(t, c),
	} {
		for how, text := range prints(t, value) {
			if !strings.Contains(text, shown) {
				t.Errorf("%s by %s: %q says nothing", what, how, text)
			}
			mustNotShow(t, what+" by "+how, text, traces)
		}
	}
	// fmt does not ask unexported fields. Digits and peppers lie behind pointers that it does not follow.
	held := struct {
		digits Digits
		pepper Pepper
		all    *Peppers
	}{d, peppers.current, peppers}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		mustNotShow(t, verb, fmt.Sprintf(verb, held)+fmt.Sprintf(verb, &held), traces)
	}
}

func mustNotShow(t *testing.T, what, text string, traces []string) {
	t.Helper()
	for _, trace := range traces {
		if strings.Contains(text, trace) {
			t.Errorf("%s: %q shows %q", what, text, trace)
		}
	}
}

// prints is v printed in every way, by itself and within what others hold it in.
func prints(t *testing.T, v any) map[string]string {
	t.Helper()
	type holder struct{ V any }
	all := make(map[string]string)
	for within, held := range map[string]any{"itself": v, "struct": holder{v}, "*struct": &holder{v}, "slice": []any{v}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%20v"} {
			all[within+" "+verb] = fmt.Sprintf(verb, held)
		}
		all[within+" Errorf"] = fmt.Errorf("about %v", held).Error()
		text, err := json.Marshal(held)
		if err != nil {
			t.Fatal(err)
		}
		all[within+" JSON"] = string(text)
		var lines bytes.Buffer
		for _, h := range []slog.Handler{slog.NewTextHandler(&lines, nil), slog.NewJSONHandler(&lines, nil)} {
			lines.Reset()
			slog.New(h).Info("line", "value", held)
			all[fmt.Sprintf("%s %T", within, h)] = lines.String()
		}
	}
	return all
}
