package identity

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"
)

// secrets are the values that must not show, with the ways in which they could.
func secrets(t *testing.T) (values map[string]any, traces []string) {
	key := testKey(t, 1)
	number, name, root := mustNumber(t, "11010519491231002X"), mustName(t, "阿卜杜拉·Smith"), testRoot(7)
	d := newDeriver(t, root)
	h, err := d.Handle(number)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := d.NameTag(h, name)
	if err != nil {
		t.Fatal(err)
	}
	scalar, err := key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range [][]byte{number.bytes(), name.bytes(), h.sum[:], tag.sum[:], d.secret.handle[:], d.secret.tag[:], scalar, root} {
		list := strings.Trim(fmt.Sprint(secret[:6]), "[]")
		traces = append(traces, string(secret[:6]), list, strings.ReplaceAll(list, " ", ", "), strings.ReplaceAll(list, " ", ","),
			hex.EncodeToString(secret[:6]), strings.ToUpper(hex.EncodeToString(secret[:6])), base64.StdEncoding.EncodeToString(secret[:6]))
	}
	traces = append(traces, "Smith", new(big.Int).SetBytes(scalar).String())
	person := Person{Name: name, Number: number}
	return map[string]any{
		"number": number, "name": name, "person": person, "*person": &person, "handle": h, "*handle": &h, "tag": tag,
		"deriver": d, "private key": key, "opener": newOpener(t, key),
	}, traces
}

// FAULTS: L11
func TestNothingIsShown(t *testing.T) {
	values, traces := secrets(t)
	for what, v := range values {
		for how, text := range prints(t, v) {
			if !strings.Contains(text, shown) {
				t.Errorf("%s by %s: %q says nothing", what, how, text)
			}
			mustNotShow(t, what+" by "+how, text, traces)
		}
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
	for within, held := range map[string]any{
		"itself": v, "struct": holder{v}, "*struct": &holder{v}, "slice": []any{v}, "map": map[string]any{"k": v},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%20v"} {
			all[within+" "+verb] = fmt.Sprintf(verb, held)
		}
		all[within+" Sprint"] = fmt.Sprint(held)
		all[within+" Errorf"] = fmt.Errorf("about %v", held).Error()
		text, err := json.Marshal(held)
		if err != nil {
			t.Fatal(err)
		}
		all[within+" JSON"] = string(text)
		var lines bytes.Buffer
		for _, h := range []slog.Handler{slog.NewTextHandler(&lines, nil), slog.NewJSONHandler(&lines, nil)} {
			lines.Reset()
			slog.New(h).With("with", held).WithGroup("g").Info("line", "value", held)
			all[fmt.Sprintf("%s %T", within, h)] = lines.String()
		}
	}
	return all
}

func TestHandlesAsKeysAreNotShown(t *testing.T) {
	values, traces := secrets(t)
	byHandle := map[Handle]NameTag{values["handle"].(Handle): values["tag"].(NameTag)}
	for how, text := range prints(t, byHandle) {
		mustNotShow(t, how, text, traces)
	}
}

// fmt does not ask an unexported field of another struct how it wants to be printed. What is personal lies behind a
// pointer then; of handles and tags, redact.go says that it does not.
func TestUnexportedFieldsAreNotFollowed(t *testing.T) {
	values, traces := secrets(t)
	type session struct {
		number  Number
		name    Name
		person  *Person
		deriver *Deriver
		key     *PrivateKey
		opener  *Opener
	}
	held := session{
		values["number"].(Number), values["name"].(Name), values["*person"].(*Person),
		values["deriver"].(*Deriver), values["private key"].(*PrivateKey), values["opener"].(*Opener),
	}
	for _, v := range []any{held, &held, []session{held}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			mustNotShow(t, verb, fmt.Sprintf(verb, v), traces)
		}
	}
}
