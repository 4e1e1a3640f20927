// Package onnx computes the networks of package capture from ONNX files, by one of two engines that are chosen at build time.
//
// By default it is gomlx's interpreter in Go, which needs nothing beside the binary and takes seconds for a large network. It
// knows the operators of onnx-gomlx, and PRelu, of which nearly all networks of faces are made and which is rewritten into
// those: PRelu(x, s) = Relu(x) − s·Relu(−x). A graph with any other operator (Sigmoid, Resize, InstanceNormalization …)
// fails when it is loaded, with its name.
//
// With the build tag onnxruntime, and cgo, it is Microsoft's library by onnxruntime_go: every operator, and milliseconds. The shared
// library is the operator's; ZHENNI_ONNXRUNTIME names its file.
//
// A network is compiled when it is loaded, for the one shape that its manifest gives. It is trusted as far as its hash goes: a file
// whose hash the manifest has may still take all memory and time there is. An operator's panic becomes an error where it
// happens in the goroutine that called; one in a goroutine of the engine ends the process, as any other would.
package onnx
