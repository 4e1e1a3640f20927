//go:build onnxruntime

package onnx

import (
	"errors"
	"fmt"
	"os"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"zhenni/holder/capture"
)

// Engine names what computes the networks of this build.
const Engine = "onnxruntime"

// library is loaded once: a process has one environment of it.
var library = sync.OnceValue(func() error {
	path := os.Getenv("ZHENNI_ONNXRUNTIME")
	if path == "" {
		return errors.New("ZHENNI_ONNXRUNTIME names no shared library")
	}
	ort.SetSharedLibraryPath(path)
	return ort.InitializeEnvironment(ort.WithLogLevelFatal())
})

// network is a session, which several goroutines may run.
type network struct {
	session *ort.DynamicAdvancedSession
	shape   ort.Shape
}

// Load is a capture.Loader.
func Load(document []byte, n capture.Network) (capture.Runner, error) {
	if err := library(); err != nil {
		return nil, err
	}
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(document, []string{n.Input.Name}, []string{n.Output}, nil)
	if err != nil {
		return nil, err
	}
	made := &network{session: session}
	size := 1
	for _, d := range n.Input.Shape() {
		made.shape = append(made.shape, int64(d))
		size *= d
	}
	if _, err := made.Run(make([]float32, size)); err != nil {
		return nil, errors.Join(err, made.Close())
	}
	return made, nil
}

// Run implements capture.Runner.
func (n *network) Run(input []float32) (output []float32, err error) {
	x, err := ort.NewTensor(n.shape, input)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, x.Destroy()) }()
	results := []ort.Value{nil}
	if err := n.session.Run([]ort.Value{x}, results); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, results[0].Destroy()) }()
	y, ok := results[0].(*ort.Tensor[float32])
	if !ok {
		return nil, fmt.Errorf("its output is of %T, want numbers of 32 bits", results[0])
	}
	return append([]float32(nil), y.GetData()...), nil
}

// Close implements capture.Runner.
func (n *network) Close() error { return n.session.Destroy() }
