package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"zhenni"
)

// catalogueCommand is catalogue.
type catalogueCommand struct {
	Check catalogueCheck `cmd:"" help:"Read a catalogue of services and say what is wrong with it, and where."`
	List  catalogueList  `cmd:"" help:"List the services of a catalogue with what each takes."`
}

// oneInAMillion is the false match rate that the whole is built for.
const oneInAMillion = 1e-6

type catalogueCheck struct {
	File string `arg:"" help:"The catalogue, or - for standard input."`
	JSON bool   `help:"Print one JSON object."`
}

// Help is shown by zhenni catalogue check --help.
func (catalogueCheck) Help() string {
	return `Exit code 1 says that the file is no catalogue; the field is named. zhenni serve --catalogue takes what this takes.

Examples:

    zhenni catalogue list --source > services.json
    zhenni catalogue check services.json`
}

// Run reads the file.
func (c *catalogueCheck) Run(out *output) error {
	catalogue, err := openCatalogue(c.File)
	if err != nil {
		return err
	}
	services, loose := catalogue.Services(), 0
	for _, s := range services {
		if s.FMR > oneInAMillion {
			loose++
		}
	}
	if c.JSON {
		return out.JSON(map[string]any{"version": catalogue.Version(), "services": len(services), "above_1e-6": loose})
	}
	return out.Print("Version %s with %d services; %d of them are content with a false match rate above %g. Nothing is wrong.",
		catalogue.Version(), len(services), loose, float64(oneInAMillion))
}

type catalogueList struct {
	Catalogue string `type:"path" placeholder:"FILE" help:"Catalogue to list. Default: the one that comes with this program."`
	Source    bool   `help:"Print the document as it is, to edit."`
	JSON      bool   `help:"Print JSON."`
}

// serviceRow is one service as zhenni catalogue list --json has it.
type serviceRow struct {
	ID          string          `json:"id"`
	ZH          string          `json:"zh"`
	EN          string          `json:"en"`
	Category    string          `json:"category"`
	Purposes    []string        `json:"purposes"`
	Level       zhenni.Level    `json:"level"`
	Factors     string          `json:"factors"`
	WithoutFace string          `json:"without_face"`
	Liveness    zhenni.Liveness `json:"liveness"`
	Possession  bool            `json:"possession"`
	FMR         zhenni.Rate     `json:"fmr"`
}

// Run lists the services.
func (c *catalogueList) Run(out *output) error {
	if c.Source {
		return c.source(out)
	}
	catalogue, err := catalogueOf(c.Catalogue)
	if err != nil {
		return err
	}
	list := []serviceRow{}
	for _, s := range catalogue.Services() {
		list = append(list, serviceRow{
			s.ID, s.NameZH, s.NameEN, s.Category, s.Purposes, s.Level, s.Factors.String(), s.WithoutFace.String(), s.Liveness, s.Possession, s.FMR,
		})
	}
	if c.JSON {
		return out.JSON(map[string]any{"version": catalogue.Version(), "services": list})
	}
	rows := [][]string{{"service", "level", "factors", "without the face", "liveness", "device", "fmr", "purposes", "name"}}
	for i, s := range catalogue.Services() {
		row := list[i]
		live := row.Liveness.String()
		if s.LivenessMaxAge > 0 {
			live = fmt.Sprintf("%s ≤ %d s", live, s.LivenessMaxAge/time.Second)
		}
		device := "-"
		if row.Possession {
			device = "signs"
		}
		rows = append(rows, []string{
			row.ID, row.Level.String(), row.Factors, row.WithoutFace, live, device, fmt.Sprintf("%g", float64(row.FMR)), strings.Join(row.Purposes, ","), row.EN,
		})
	}
	return out.Table(rows)
}

// source prints the document.
func (c *catalogueList) source(out *output) error {
	document := zhenni.ShippedServices()
	if c.Catalogue != "" {
		var err error
		if document, err = os.ReadFile(c.Catalogue); err != nil {
			return environment("--catalogue: %w", err)
		}
	}
	_, err := out.results.Write(document)
	return err
}

// catalogueOf reads the catalogue of a flag, or is the one that comes with the program.
func catalogueOf(path string) (*zhenni.Catalogue, error) {
	if path == "" {
		return zhenni.ShippedCatalogue(), nil
	}
	return openCatalogue(path)
}

func openCatalogue(path string) (*zhenni.Catalogue, error) {
	in := io.Reader(os.Stdin)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, environment("catalogue: %w", err)
		}
		defer f.Close()
		in = f
	}
	catalogue, err := zhenni.ReadCatalogue(in)
	if err != nil {
		return nil, notSo("%s: %w", path, err)
	}
	return catalogue, nil
}
