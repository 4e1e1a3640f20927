//go:build !onnxruntime

package onnx

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/context"

	"zhenni/holder/capture"
)

// Engine names what computes the networks of this build.
const Engine = "gomlx"

// sequential has the engine run one operator after the other: two that share a buffer race where they run beside each other
// (v0.26.0, seen by the race detector). Within an operator it uses all processors.
const sequential = "ops_sequential"

// network is a compiled graph.
type network struct {
	backend backends.Backend
	exec    *context.Exec
	shape   []int
}

// Load is a capture.Loader.
func Load(document []byte, n capture.Network) (runner capture.Runner, err error) {
	defer recovered(&err)
	model, err := parse(document)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(model.OutputsNames, n.Output) {
		return nil, fmt.Errorf("no output %q: there are %q", n.Output, model.OutputsNames)
	}
	backend, err := simplego.New(sequential)
	if err != nil {
		return nil, err
	}
	weights := context.New()
	if err := model.VariablesToContext(weights); err != nil {
		return nil, err
	}
	exec, err := context.NewExec(backend, weights, func(weights *context.Context, x *graph.Node) *graph.Node {
		return model.CallGraph(weights, x.Graph(), map[string]*graph.Node{n.Input.Name: x}, n.Output)[0]
	})
	if err != nil {
		return nil, err
	}
	made := &network{backend, exec, n.Input.Shape()}
	if err := made.compile(); err != nil {
		return nil, errors.Join(err, made.Close())
	}
	return made, nil
}

// compile builds the graph for the one shape, so that what it does not know is told before there is a capture.
func (n *network) compile() error {
	size := 1
	for _, d := range n.shape {
		size *= d
	}
	x := tensors.FromFlatDataAndDimensions(make([]float32, size), n.shape...)
	defer x.MustFinalizeAll()
	return n.exec.PreCompile(x)
}

// Run implements capture.Runner.
func (n *network) Run(input []float32) (output []float32, err error) {
	defer recovered(&err)
	x := tensors.FromFlatDataAndDimensions(input, n.shape...)
	defer x.MustFinalizeAll()
	results, err := n.exec.Exec(x)
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		defer r.MustFinalizeAll()
	}
	return tensors.CopyFlatData[float32](results[0])
}

// Close implements capture.Runner.
func (n *network) Close() (err error) {
	defer recovered(&err)
	n.exec.Finalize()
	n.backend.Finalize()
	return nil
}

// recovered makes an error of a panic, by which the engine tells of most of what it does not like.
func recovered(err *error) {
	switch cause := recover().(type) {
	case nil:
	case error:
		*err = cause
	default:
		*err = fmt.Errorf("%v", cause)
	}
}
