package main

import (
	"fmt"
	"os"
	"path/filepath"

	"zhenni"
	"zhenni/bench/labelled"
	"zhenni/engine/accuracy"
)

// sampleCommand is sample.
type sampleCommand struct {
	Out    string `arg:"" type:"path" help:"Folder to make; it gets the folders references and probes."`
	People int    `default:"1000" placeholder:"N" help:"How many people (default ${default})."`
	Dim    int    `default:"512" placeholder:"N" help:"Dimension of the embeddings (default ${default})."`
	Seed   uint64 `default:"1" placeholder:"N" help:"Which people (default ${default})."`
}

// Help is shown by zhenni sample --help.
func (sampleCommand) Help() string {
	return `Writes embeddings of people who do not exist, in the form the other commands read: one reference a person to enrol, and one probe a person to verify. They fit the model synthetic-DIM of zhenni calibrate --synthetic.

Example:

    zhenni sample people && zhenni enrol people/references --map credentials.csv && zhenni verify people/probes --map credentials.csv --out answers.csv`
}

// maxSampleElements bounds what is made in memory: 256 MiB of float32.
const maxSampleElements = 64 << 20

// Run writes the two sets.
func (c sampleCommand) Run(out *output) error {
	if c.People < 1 || c.Dim < 8 || c.Dim > zhenni.MaxDim || c.People > maxSampleElements/c.Dim {
		return usage("--people %d --dim %d: want one person or more, a dimension of 8–%d, and at most %d elements",
			c.People, c.Dim, zhenni.MaxDim, maxSampleElements)
	}
	if _, err := os.Stat(c.Out); err == nil {
		return usage("%s exists already: name a folder to make", c.Out)
	}
	people := accuracy.Population{Seed: c.Seed, Dim: c.Dim}
	for _, part := range []struct {
		name string
		fill func(i int, dst []float32)
	}{
		{"references", people.Reference},
		{"probes", func(i int, dst []float32) { people.Probe(i, 0, dst) }},
	} {
		if err := c.write(part.name, part.fill); err != nil {
			return err
		}
	}
	out.Note("Made %d people in %s: enrol its references, verify its probes.", c.People, c.Out)
	return nil
}

// write makes one set: fill writes the embedding of person i.
func (c sampleCommand) write(name string, fill func(i int, dst []float32)) error {
	labels := make([]accuracy.Label, c.People)
	embeddings := make([]float32, c.People*c.Dim)
	for i := range labels {
		person := fmt.Sprintf("subject-%08d", i)
		labels[i] = accuracy.Label{ImageID: person + "/" + name, Person: person}
		fill(i, embeddings[i*c.Dim:(i+1)*c.Dim])
	}
	set, err := accuracy.NewSet(c.Dim, labels, embeddings)
	if err != nil {
		return err
	}
	model := fmt.Sprintf("synthetic-%d", c.Dim)
	if err := labelled.Write(filepath.Join(c.Out, name), &labelled.Set{Set: set, Name: model, Factor: zhenni.FactorFace}); err != nil {
		return environment("%w", err)
	}
	return nil
}
