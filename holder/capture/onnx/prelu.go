//go:build !onnxruntime

package onnx

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/gomlx/onnx-gomlx/onnx"
)

// parse reads a graph and writes the operators that the engine does not know by those it does.
func parse(document []byte) (*onnx.Model, error) {
	model, err := onnx.Parse(document)
	if err != nil {
		return nil, err
	}
	if model.Proto.Graph == nil {
		return nil, errors.New("it has no graph")
	}
	nodes := model.Proto.Graph.Node
	rewritten := nodes[:0:0]
	for i, node := range nodes {
		if node.OpType != "PRelu" || len(node.Input) != 2 || len(node.Output) != 1 {
			rewritten = append(rewritten, node)
			continue
		}
		x, slope, y := node.Input[0], node.Input[1], node.Output[0]
		name := func(step string) string { return fmt.Sprintf("zhenni/prelu/%d/%s", i, step) }
		for _, step := range []struct {
			operator string
			inputs   []string
			output   string
		}{
			{"Relu", []string{x}, name("above")},
			{"Neg", []string{x}, name("negated")},
			{"Relu", []string{name("negated")}, name("below")},
			{"Mul", []string{name("below"), slope}, name("sloped")},
			{"Sub", []string{name("above"), name("sloped")}, y},
		} {
			made := another(node)
			made.OpType, made.Input, made.Output = step.operator, step.inputs, []string{step.output}
			rewritten = append(rewritten, made)
		}
	}
	if len(rewritten) == len(nodes) {
		return model, nil
	}
	model.Proto.Graph.Node = rewritten
	var text bytes.Buffer
	if err := model.Write(&text); err != nil {
		return nil, err
	}
	return onnx.Parse(text.Bytes())
}

// another makes an empty message of the type of one: its name is internal to the module that has it.
func another[T any](*T) *T { return new(T) }
