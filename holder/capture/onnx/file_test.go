package onnx

import (
	"encoding/binary"
	"math"
)

// onnxFile is an ONNX file as it is written, by hand: the parts of ModelProto that a small network needs.
type onnxFile struct {
	nodes, weights []byte
	input, output  string
	inShape        []int
	outShape       []int
}

// The wire types of Protocol Buffers.
const (
	varint = 0
	text   = 2
)

func appendNumber(dst []byte, field int, n int) []byte {
	dst = binary.AppendUvarint(dst, uint64(field<<3|varint))
	return binary.AppendUvarint(dst, uint64(n))
}

func appendText(dst []byte, field int, s []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(field<<3|text))
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// node adds a node of one output; attributes are AttributeProtos.
func (g *onnxFile) node(operator, output string, inputs []string, attributes ...[]byte) {
	var n []byte
	for _, in := range inputs {
		n = appendText(n, 1, []byte(in))
	}
	n = appendText(n, 2, []byte(output))
	n = appendText(n, 4, []byte(operator))
	for _, a := range attributes {
		n = appendText(n, 5, a)
	}
	g.nodes = appendText(g.nodes, 1, n)
}

// integers is an AttributeProto of type INTS, integer one of type INT.
func integers(name string, values ...int) []byte {
	a := appendText(nil, 1, []byte(name))
	for _, v := range values {
		a = appendNumber(a, 8, v)
	}
	return appendNumber(a, 20, 7)
}

func integer(name string, value int) []byte {
	return appendNumber(appendNumber(appendText(nil, 1, []byte(name)), 3, value), 20, 2)
}

// weight adds an initializer of 32-bit floats.
func (g *onnxFile) weight(name string, values []float32, shape ...int) {
	var w, raw []byte
	for _, d := range shape {
		w = appendNumber(w, 1, d)
	}
	w = appendNumber(w, 2, 1)
	w = appendText(w, 8, []byte(name))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	g.weights = appendText(g.weights, 5, appendText(w, 9, raw))
}

// value is a ValueInfoProto of 32-bit floats.
func value(name string, shape []int) []byte {
	var dims []byte
	for _, d := range shape {
		dims = appendText(dims, 1, appendNumber(nil, 1, d))
	}
	tensor := appendText(appendNumber(nil, 1, 1), 2, dims)
	return appendText(appendText(nil, 1, []byte(name)), 2, appendText(nil, 1, tensor))
}

// file is the ModelProto of the graph.
func (g *onnxFile) file() []byte {
	proto := append(append([]byte(nil), g.nodes...), appendText(nil, 2, []byte("tiny"))...)
	proto = append(proto, g.weights...)
	proto = appendText(proto, 11, value(g.input, g.inShape))
	proto = appendText(proto, 12, value(g.output, g.outShape))
	model := appendNumber(nil, 1, 8)                                           // ir_version
	model = appendText(model, 8, appendNumber(appendText(nil, 1, nil), 2, 13)) // opset_import
	return appendText(model, 7, proto)
}
