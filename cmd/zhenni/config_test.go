package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenni"
)

// What a file leaves empty, or anybody sets to 0, is the default, and is printed as it is in effect.
func TestPrintedSettingsAreThoseInEffect(t *testing.T) {
	file := writeConfig(t, "profile:\nmax-held: 0\n")
	got := printConfig(t, "--config", file, "--max-connections", "0", "--idle-timeout", "0s")
	for name, want := range map[string]string{"profile": "", "max-held": "1GiB", "max-connections": "1024", "idle-timeout": "1m0s"} {
		if got[name].Value != want {
			t.Errorf("%s: %q, want %q", name, got[name].Value, want)
		}
	}
}

func TestAnEmptyVariableIsNoSetting(t *testing.T) {
	for _, name := range []string{"ZHENNI_PROFILE", "ZHENNI_SHARDS", "ZHENNI_STORE"} {
		t.Setenv(name, "")
	}
	t.Setenv("ZHENNI_ARENA", "64MiB")
	unsetEmpty()
	for name, s := range printConfig(t) {
		if want := name == "arena"; (s.Source == "env") != want {
			t.Errorf("%s: %q from %s", name, s.Value, s.Source)
		}
	}
}

// printConfig returns what --print-config says of each setting.
func printConfig(t *testing.T, args ...string) map[string]setting {
	t.Helper()
	var list []setting
	text := mustRun(t, append([]string{"serve", "--print-config", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	byName := map[string]setting{}
	for _, s := range list {
		byName[s.Name] = s
	}
	return byName
}

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "zhenni.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSettingsComeFromFlagThenEnvironmentThenFile(t *testing.T) {
	file := writeConfig(t, "shards: 3\nlisten: 127.0.0.1:1\narena: 256MiB\ndrain: 3s\nlog-json: true\n")
	t.Setenv("ZHENNI_SHARDS", "5")
	t.Setenv("ZHENNI_LISTEN", "127.0.0.1:2")
	got := printConfig(t, "--config", file, "--shards", "7")
	for name, want := range map[string]setting{
		"shards":          {Value: "7", Source: "flag"},
		"listen":          {Value: "127.0.0.1:2", Source: "env"},
		"arena":           {Value: "256MiB", Source: "file"},
		"drain":           {Value: "3s", Source: "file"},
		"log-json":        {Value: "true", Source: "file"},
		"max-connections": {Value: "1024", Source: "default"},
	} {
		if g := got[name]; g.Value != want.Value || g.Source != want.Source {
			t.Errorf("%s: %s from %s, want %s from %s", name, g.Value, g.Source, want.Value, want.Source)
		}
	}
}

func TestEverySettingHasAnEnvironmentVariableAndAValue(t *testing.T) {
	mayBeEmpty := map[string]bool{"profile": true, "passphrase-file": true, "tls-cert": true, "tls-key": true, "client-ca": true, "witness-key": true, "witness-seen": true,
		"result-key": true, "result-key-before": true, "result-jwks": true, "result-passphrase-file": true, "pseudonym-root": true,
		"identity-root": true, "identity-key": true, "pin-pepper": true, "pin-pepper-before": true, "status-lists": true, "status-list-uri": true, "reference-tenant": true, "issue-service": true, "terminal-issue-service": true, "metrics-listen": true, "ciba-ping": true, "webhook-allow": true, "webhook-ca": true, "person-party": true, "operator-listen": true}
	settings := printConfig(t)
	for name, s := range settings {
		if s.Env != "ZHENNI_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_")) {
			t.Errorf("%s: environment variable %q", name, s.Env)
		}
		if s.Value == "" && !mayBeEmpty[name] {
			t.Errorf("%s: no value printed", name)
		}
	}
	if len(settings) < 20 {
		t.Errorf("%d settings printed", len(settings))
	}
}

func TestConfigurationFileIsRead(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		code int
		says string
	}{
		"empty":            {"", 0, ""},
		"unknown key":      {"sharts: 2\n", exitUsage, "sharts"},
		"not a setting":    {"print-config: true\n", exitUsage, "print-config"},
		"duplicate key":    {"shards: 2\nshards: 3\n", exitUsage, "shards"},
		"wrong type":       {"shards: many\n", exitUsage, "shards"},
		"out of its units": {"arena: 3 parsecs\n", exitUsage, "parsecs"},
		"not a mapping":    {"- shards\n", exitUsage, "--config"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, notes := runCommand(t, "serve", "--print-config", "--config", writeConfig(t, c.text))
			if code != c.code || !strings.Contains(notes, c.says) {
				t.Errorf("exit code %d with %q, want %d with %q", code, notes, c.code, c.says)
			}
		})
	}
	if code, _, notes := runCommand(t, "serve", "--print-config", "--config", "no-such-file"); code != exitEnvironment {
		t.Errorf("a missing file: exit code %d, %s", code, notes)
	}
}

// The step in which answers without a face are given is a setting, and one that hides nothing is refused.
func TestUnprobedTime(t *testing.T) {
	if s := printConfig(t)["unprobed-time"]; s.Value != "250ms" || s.Source != "default" {
		t.Errorf("%+v", s)
	}
	if s := printConfig(t, "--unprobed-time", "400ms")["unprobed-time"]; s.Value != "400ms" || s.Source != "flag" {
		t.Errorf("%+v", s)
	}
	c := &serveCommand{UnprobedTime: 400 * time.Millisecond}
	if got := c.nodeConfig(zhenni.Profile{}, 0, nil).gateway.UnprobedTime; got != 400*time.Millisecond {
		t.Errorf("%v is served with", got)
	}
	for _, wrong := range []string{"-1s", "1us", "6s", "soon"} {
		code, _, notes := runCommand(t, "serve", "--store", t.TempDir(), "--profile", "profiles/synthetic-512.json", "--allow-unsupported", "--unprobed-time", wrong)
		if code != exitUsage {
			t.Errorf("%s: exit code %d: %s", wrong, code, notes)
		}
	}
}

func TestByteSizes(t *testing.T) {
	for text, want := range map[string]byteSize{"0": 0, "17": 17, "4KiB": 4 << 10, "512MiB": 512 << 20, "8GiB": 8 << 30, "1.5GiB": 3 << 29} {
		var got byteSize
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", text, got, err, want)
		}
		if got.String() != text {
			t.Errorf("%s is printed as %s", text, got)
		}
	}
	for _, text := range []string{"", "-1", "1.5", "1.25GiB", ".5GiB", "1.GiB", "+1GiB", "1e3GiB", "GiB", "8GB", "9223372036854775807GiB", "1 GiB"} {
		if new(byteSize).UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is taken", text)
		}
	}
	if got := byteSize(3<<30/2).String() + " " + byteSize(1000).String(); got != "1.5GiB 1000" {
		t.Errorf("got %s", got)
	}
}

func TestHelpNamesEveryCommandAndGivesExamples(t *testing.T) {
	help := mustRun(t)
	for _, command := range []string{"serve", "demo", "tune", "plan", "enrol", "verify", "calibrate", "evaluate", "check", "rp", "shards", "version"} {
		if !strings.Contains(help, "\n  "+command) {
			t.Errorf("%s is not in the help", command)
		}
	}
	for _, args := range [][]string{{"serve"}, {"demo"}, {"tune"}, {"plan"}, {"enrol"}, {"verify"}, {"calibrate"}, {"evaluate"}, {"check"}, {"rp", "add"}, {"shards", "set"}} {
		if text := mustRun(t, append(args, "--help")...); !strings.Contains(text, "Example") || !strings.Contains(text, "zhenni "+args[0]) {
			t.Errorf("%v: no example in\n%s", args, text)
		}
	}
	if code, _, _ := runCommand(t, "serve-me"); code != exitUsage {
		t.Errorf("an unknown command: exit code %d, want %d", code, exitUsage)
	}
}
