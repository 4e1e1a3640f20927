package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// maxConfigBytes bounds the configuration file.
const maxConfigBytes = 1 << 20

// settings reads the flags of a command from its configuration file too, and remembers where each value came from.
// The order is flag, environment, file, default. A key of the file is the name of a flag without the dashes.
//
// A command embeds it; kong calls its hooks.
type settings struct {
	Config      string `type:"path" env:"ZHENNI_CONFIG" placeholder:"FILE" help:"YAML file of settings; its keys are the names of these flags."`
	PrintConfig bool   `help:"Print every setting, its value and where it came from, and exit."`

	list []setting
}

// setting is one line of --print-config.
type setting struct {
	Name   string `json:"setting"`
	Value  string `json:"value"`
	Source string `json:"source"`
	Env    string `json:"env,omitempty"`
}

// notSettings are flags that say how to run once, not what to run with.
var notSettings = []string{"help", "config", "print-config", "json"}

// BeforeResolve reads the file, once flags and environment are known.
func (s *settings) BeforeResolve(parse *kong.Context) error {
	path := ""
	for _, flag := range parse.Flags() {
		if flag.Name == "config" {
			path, _ = parse.FlagValue(flag).(string)
		}
	}
	if path == "" {
		return nil
	}
	file, err := readConfig(path)
	if err != nil {
		return err
	}
	if err := file.refuseUnknown(parse.Flags()); err != nil {
		return fmt.Errorf("--config %s: %w", path, err)
	}
	parse.AddResolver(file)
	return nil
}

// AfterApply notes the values in effect.
func (s *settings) AfterApply(parse *kong.Context) error {
	sources := map[string]string{}
	for _, element := range parse.Path {
		switch {
		case element.Flag == nil:
		case element.Resolved:
			sources[element.Flag.Name] = "file"
		default:
			sources[element.Flag.Name] = "flag"
		}
	}
	s.list = nil
	for _, flag := range parse.Flags() {
		if slices.Contains(notSettings, flag.Name) {
			continue
		}
		source := sources[flag.Name]
		if source == "" {
			source = "default"
			if inEnvironment(flag) {
				source = "env"
			}
		}
		s.list = append(s.list, setting{flag.Name, printed(parse.FlagValue(flag)), source, strings.Join(flag.Envs, " ")})
	}
	return nil
}

func printed(value any) string {
	if list, ok := value.([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(value)
}

// unsetEmpty makes a setting that the environment names without a value one that it does not have, as service managers
// and compose files mean it. A path would else be the working folder.
func unsetEmpty() {
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); value == "" && strings.HasPrefix(name, "ZHENNI_") {
			_ = os.Unsetenv(name) // fails for malformed names only
		}
	}
}

func inEnvironment(flag *kong.Flag) bool {
	return slices.ContainsFunc(flag.Envs, func(name string) bool {
		_, set := os.LookupEnv(name)
		return set
	})
}

// print writes the settings as a table, or as JSON. Defaults that depend on other settings or on the machine are in
// derived, by name.
func (s *settings) print(out *output, asJSON bool, derived map[string]string) error {
	list := slices.Clone(s.list)
	for i := range list {
		if value, ok := derived[list[i].Name]; ok && slices.Contains([]string{"", "0", "0s"}, list[i].Value) {
			list[i].Value = value
		}
	}
	if asJSON {
		return out.JSON(list)
	}
	rows := [][]string{{"setting", "value", "from", "environment"}}
	for _, line := range list {
		rows = append(rows, []string{line.Name, line.Value, line.Source, line.Env})
	}
	return out.Table(rows)
}

// configFile is the content of a configuration file by flag name.
type configFile map[string]any

func readConfig(path string) (configFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, environment("--config: %w", err)
	}
	defer f.Close()
	file := configFile{}
	if err := yaml.NewDecoder(io.LimitReader(f, maxConfigBytes)).Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, usage("--config %s: %w", path, err)
	}
	return file, nil
}

// refuseUnknown refuses a key that is no setting, so that a misspelt one does not pass in silence.
func (c configFile) refuseUnknown(flags []*kong.Flag) error {
	for key := range c {
		known := slices.ContainsFunc(flags, func(f *kong.Flag) bool { return f.Name == key })
		if !known || slices.Contains(notSettings, key) {
			return fmt.Errorf("unknown setting %q: zhenni serve --print-config lists them", key)
		}
	}
	return nil
}

// Validate implements kong.Resolver.
func (c configFile) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver: the environment stands above the file.
func (c configFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	value := c[flag.Name] // nil also where the file names the setting and gives no value
	if value == nil || inEnvironment(flag) {
		return nil, nil
	}
	if list, ok := value.([]any); ok {
		return list, nil
	}
	return fmt.Sprint(value), nil
}

// byteSize is a number of bytes, written "512MiB", "8GiB" or as a plain number.
type byteSize int64

var byteUnits = []struct {
	suffix string
	bytes  byteSize
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *byteSize) UnmarshalText(text []byte) error {
	for _, unit := range byteUnits {
		digits, ok := strings.CutSuffix(string(text), unit.suffix)
		if !ok {
			continue
		}
		n, ok := inTenths(digits, unit.suffix != "")
		if !ok || n > 1<<62/uint64(unit.bytes) {
			break
		}
		*b = byteSize(n*uint64(unit.bytes)) / 10
		return nil
	}
	return fmt.Errorf("%q is not a size: want a number of bytes, or one with KiB, MiB or GiB, to a tenth of it", text)
}

// inTenths reads "12" as 120 and, where there may be a fraction, "12.5" as 125: what String writes is read again.
func inTenths(digits string, fraction bool) (n uint64, ok bool) {
	whole, tenth, split := strings.Cut(digits, ".")
	if !split {
		tenth = "0"
	}
	n, err := strconv.ParseUint(whole+tenth, 10, 62)
	return n, err == nil && whole != "" && len(tenth) == 1 && (fraction || !split)
}

// String returns the shortest form that says the size to a tenth of its unit.
func (b byteSize) String() string {
	for _, unit := range byteUnits {
		switch {
		case b < unit.bytes || unit.suffix == "":
		case b%unit.bytes == 0:
			return fmt.Sprintf("%d%s", b/unit.bytes, unit.suffix)
		default:
			return fmt.Sprintf("%.1f%s", float64(b)/float64(unit.bytes), unit.suffix)
		}
	}
	return strconv.FormatInt(int64(b), 10)
}
