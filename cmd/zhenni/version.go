package main

import (
	"runtime"
	"runtime/debug"

	"zhenni/simd"
)

// version is set by the linker for a release: -ldflags "-X main.version=v1.2.3".
var version = "devel"

type versionCommand struct {
	JSON bool `help:"Print one JSON object."`
}

func (c versionCommand) Run(out *output) error {
	v := readVersion()
	if c.JSON {
		return out.JSON(v)
	}
	return out.Print("zhenni %s, commit %s, %s %s, comparing with %s", v.Version, v.Commit, v.Go, v.Platform, v.Tier)
}

// build identifies what is running.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Tier     string `json:"tier"`
}

func readVersion() build {
	v := build{Version: version, Commit: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Tier: simd.Tier()}
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
