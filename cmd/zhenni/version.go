package main

import (
	"runtime"
	"runtime/debug"
	"strings"

	"zhenni/simd"
)

// version is set by the linker for a release: -ldflags "-X main.version=v1.2.3".
var version = "devel"

// versionCommand is version.
type versionCommand struct {
	Tiers bool `help:"List the instruction sets this machine has instead, best first: the words that ZHENNI_CPU takes."`
	JSON  bool `help:"Print one JSON object."`
}

// Run prints what is running.
func (c versionCommand) Run(out *output) error {
	if c.Tiers {
		return out.Print("%s", strings.Join(simd.Tiers(), "\n"))
	}
	v := readVersion()
	if c.JSON {
		return out.JSON(v)
	}
	return out.Print("zhenni %s, commit %s, %s %s, comparing with %s", v.Version, v.Commit, v.Go, v.Platform, v.Tier)
}

// build identifies what is running.
type build struct {
	Version  string   `json:"version"`
	Commit   string   `json:"commit"`
	Go       string   `json:"go"`
	Platform string   `json:"platform"`
	Tier     string   `json:"tier"`
	Tiers    []string `json:"tiers"`
}

func readVersion() build {
	v := build{Version: version, Commit: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Tier: simd.Tier(), Tiers: simd.Tiers()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	modified := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			v.Commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "+modified"
		}
	}
	v.Commit += modified
	return v
}
