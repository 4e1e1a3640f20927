package onnx

import (
	"math"
	"math/rand/v2"
	"testing"

	"zhenni/holder/capture"
)

// block is what networks of faces are made of, once: convolution, normalisation, PRelu and another convolution beside a
// short cut, then a layer over all of it.
type block struct {
	first, second           []float32 // weights [4, 3, 3, 3] and [4, 4, 3, 3]
	scale, bias, mean, vary []float32 // of the normalisation, 4 each
	slope                   []float32 // 4
	last, lastBias          []float32 // [5, 144] and [5]
}

const (
	blockSide, blockChannels, blockOut = 12, 4, 5
	blockHalf                          = blockSide / 2
)

func newBlock() block {
	random := rand.New(rand.NewPCG(1, 2))
	draw := func(n int, low, high float64) []float32 {
		w := make([]float32, n)
		for i := range w {
			w[i] = float32(low + (high-low)*random.Float64())
		}
		return w
	}
	return block{
		draw(4*3*9, -1, 1), draw(4*4*9, -1, 1), draw(4, 0.5, 1.5), draw(4, -1, 1), draw(4, -1, 1), draw(4, 0.5, 2),
		draw(4, -0.5, 0.5), draw(5*4*36, -1, 1), draw(5, -1, 1),
	}
}

func (b block) file() []byte {
	g := &onnxFile{input: "x", output: "y", inShape: []int{1, 3, blockSide, blockSide}, outShape: []int{1, blockOut}}
	pads := integers("pads", 1, 1, 1, 1)
	g.node("Conv", "halved", []string{"x", "first"}, integers("kernel_shape", 3, 3), integers("strides", 2, 2), pads)
	g.node("BatchNormalization", "normal", []string{"halved", "scale", "bias", "mean", "vary"})
	g.node("PRelu", "bent", []string{"normal", "slope"})
	g.node("Conv", "mixed", []string{"bent", "second"}, integers("kernel_shape", 3, 3), integers("strides", 1, 1), pads)
	g.node("Add", "joined", []string{"mixed", "halved"})
	g.node("Flatten", "flat", []string{"joined"}, integer("axis", 1))
	g.node("Gemm", "y", []string{"flat", "last", "lastBias"}, integer("transB", 1))
	g.weight("first", b.first, 4, 3, 3, 3)
	g.weight("second", b.second, 4, 4, 3, 3)
	for name, w := range map[string][]float32{"scale": b.scale, "bias": b.bias, "mean": b.mean, "vary": b.vary} {
		g.weight(name, w, 4)
	}
	g.weight("slope", b.slope, 4, 1, 1)
	g.weight("last", b.last, 5, 144)
	g.weight("lastBias", b.lastBias, 5)
	return g.file()
}

// convolved is the definition, in float64, with a border of one pixel of zeros.
func convolved(x []float64, channels, side int, w []float32, stride int) []float64 {
	out := side / stride
	y := make([]float64, blockChannels*out*out)
	for i := range y {
		to, row, column := i/(out*out), i/out%out, i%out
		for c := range channels {
			for k := range 9 {
				at, across := row*stride+k/3-1, column*stride+k%3-1
				if at >= 0 && at < side && across >= 0 && across < side {
					y[i] += x[(c*side+at)*side+across] * float64(w[(to*channels+c)*9+k])
				}
			}
		}
	}
	return y
}

// plain is what the block comes to, by the definitions of its operators.
func (b block) plain(x []float64) []float64 {
	halved := convolved(x, 3, blockSide, b.first, 2)
	bent := make([]float64, len(halved))
	for i, v := range halved {
		c := i / (blockHalf * blockHalf)
		v = (v-float64(b.mean[c]))/math.Sqrt(float64(b.vary[c])+1e-5)*float64(b.scale[c]) + float64(b.bias[c])
		if v < 0 {
			v *= float64(b.slope[c])
		}
		bent[i] = v
	}
	joined := convolved(bent, blockChannels, blockHalf, b.second, 1)
	out := make([]float64, blockOut)
	for i := range out {
		out[i] = float64(b.lastBias[i])
		for j, v := range joined {
			out[i] += (v + halved[j]) * float64(b.last[i*len(joined)+j])
		}
	}
	return out
}

// The operators of a network of faces are what ONNX defines them to be, in either engine.
func TestABlockOfAFaceNetwork(t *testing.T) {
	needEngine(t)
	b := newBlock()
	runner, err := Load(b.file(), capture.Network{Output: "y", Input: capture.Input{Name: "x", Layout: capture.NCHW, Width: blockSide, Height: blockSide}})
	if err != nil {
		t.Fatal(err)
	}
	defer runner.Close()
	random := rand.New(rand.NewPCG(3, 4))
	for range 5 {
		input, exact := make([]float32, 3*blockSide*blockSide), make([]float64, 3*blockSide*blockSide)
		for i := range input {
			input[i] = float32(random.NormFloat64())
			exact[i] = float64(input[i])
		}
		got, err := runner.Run(input)
		if err != nil {
			t.Fatal(err)
		}
		want := b.plain(exact)
		for i := range want {
			if math.Abs(float64(got[i])-want[i]) > 1e-3 {
				t.Fatalf("%v, want %v", got, want)
			}
		}
	}
}
