package holder

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenni"
)

// What was saved is what is opened: the same keys, which sign and rotate the same.
func TestKeysAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "phone.keys")
	phone, terminal := newPhone(t, zhenni.KeyP256), newTerminal(t)
	for _, passphrase := range [][]byte{nil, []byte("correct horse")} {
		if err := phone.Save(path, passphrase); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%v, %v", info.Mode(), err)
		}
		again, err := OpenPhone(path, passphrase)
		if err != nil {
			t.Fatal(err)
		}
		if again.Public() != phone.Public() || again.rotation != phone.rotation || again.Credential != own {
			t.Error("a phone is another")
		}
		if token, err := again.Possession(question(probeOf(t, 1)), testNow); err != nil {
			t.Error(err)
		} else if _, err := opened(token, phone.Public(), question(probeOf(t, 1))); err != nil {
			t.Error(err)
		}
		if _, err := OpenTerminal(path, passphrase); !errors.Is(err, zhenni.ErrWrongKey) {
			t.Errorf("a phone as a terminal: %v", err)
		}
		if err := terminal.Save(path, passphrase); err != nil {
			t.Fatal(err)
		}
		if again, err := OpenTerminal(path, passphrase); err != nil || again.Public() != terminal.Public() || again.ID() != "desk" {
			t.Errorf("a terminal is another: %v", err)
		}
	}
	names, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(names) != 1 {
		t.Errorf("%v is left over, %v", names, err)
	}
}

// A sealed file shows nothing, opens by its passphrase alone, and not with a byte changed.
//
// FAULTS: L12
func TestSealedKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "phone.keys")
	phone, passphrase := newPhone(t, zhenni.KeyEd25519), []byte("correct horse")
	if err := phone.Save(path, passphrase); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file keyFile
	if err := json.Unmarshal(good, &file); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(file.Content, phone.rotation[:]) || bytes.Contains(file.Content, []byte(own.String())) {
		t.Error("the content is in the clear")
	}
	for _, wrong := range [][]byte{nil, []byte("correct horsf")} {
		if _, err := OpenPhone(path, wrong); !errors.Is(err, zhenni.ErrWrongKey) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	file.Content[len(file.Content)-1] ^= 1
	changed, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"a bit of the tag": string(changed),
		"another kind":     strings.Replace(string(good), `"phone"`, `"terminal"`, 1),
		"no salt":          strings.Replace(string(good), `"salt"`, `"pepper"`, 1),
		"in the clear":     strings.Replace(string(good), `"kdf":"argon2id",`, "", 1),
		"cut":              string(good[:len(good)/2]),
		"nothing":          "",
		"another file":     `{"format":1}`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := OpenPhone(path, passphrase)
		_, also := OpenTerminal(path, passphrase)
		if !errors.Is(err, zhenni.ErrWrongKey) || !errors.Is(also, zhenni.ErrWrongKey) {
			t.Errorf("%s: %v, %v", name, err, also)
		}
	}
}

func TestFilesThatAreNotOpened(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "phone.keys")
	if err := newPhone(t, zhenni.KeyEd25519).Save(path, nil); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(string(text), `"format":1`, `"format":2`, 1)
	if err := os.WriteFile(path, []byte(newer), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPhone(path, nil); !errors.Is(err, zhenni.ErrFormat) {
		t.Errorf("newer: %v", err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPhone(path, nil); !errors.Is(err, zhenni.ErrWrongKey) {
		t.Errorf("readable by others: %v", err)
	}
	if _, err := OpenPhone(dir, nil); !errors.Is(err, zhenni.ErrWrongKey) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := OpenPhone(filepath.Join(dir, "none"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
	if err := newPhone(t, zhenni.KeyEd25519).Save(filepath.Join(dir, "none", "x"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("into no folder: %v", err)
	}
}

// Whatever a file says, reading it ends; what opens in the clear saves again as what it was.
//
// FAULTS: L12
func FuzzKeyFile(f *testing.F) {
	f.Add([]byte(`{"format":1,"kind":"phone","content":"e30="}`))
	f.Add([]byte(`{"format":1,"kind":"phone","kdf":"argon2id","salt":"AAAAAAAAAAAAAAAAAAAAAA==","content":"AAAA"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := parseKeyFile(text)
		if err != nil {
			return
		}
		again, err := json.Marshal(file)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := parseKeyFile(again); err != nil || same.Kind != file.Kind || !bytes.Equal(same.Content, file.Content) {
			t.Fatalf("%+v, written and read again %+v: %v", file, same, err)
		}
	})
}
