package onnx

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zhenni"
	"zhenni/holder/capture"
)

var update = flag.Bool("update", false, "write testdata anew")

const side = 112

// quadrants is a network of three steps by which the whole path can be computed by hand: the mean of each channel in each
// quarter of the picture, then PRelu, then four sums of them by weights.
func quadrants() *onnxFile {
	g := &onnxFile{input: "picture", output: "embedding", inShape: []int{1, 3, side, side}, outShape: []int{1, 4}}
	g.node("AveragePool", "quarters", []string{"picture"}, integers("kernel_shape", side/2, side/2), integers("strides", side/2, side/2))
	g.node("PRelu", "bent", []string{"quarters", "slope"})
	g.node("Flatten", "flat", []string{"bent"}, integer("axis", 1))
	g.node("MatMul", "embedding", []string{"flat", "weights"})
	g.weight("slope", []float32{0.5, 0.5, 0.5}, 3, 1, 1)
	g.weight("weights", weights, 12, 4)
	return g
}

// blocks is a network that tells pictures apart: the mean of each channel in each of 128 blocks of 16 by 8 pixels. It stands for a
// model where a test wants the whole path and two persons.
func blocks() *onnxFile {
	g := &onnxFile{input: "picture", output: "embedding", inShape: []int{1, 3, 128, 128}, outShape: []int{1, 384}}
	g.node("AveragePool", "means", []string{"picture"}, integers("kernel_shape", 8, 16), integers("strides", 8, 16))
	g.node("Flatten", "embedding", []string{"means"}, integer("axis", 1))
	return g
}

func blocksManifest(document []byte) capture.Manifest {
	m := manifestOf("blocks.onnx", document)
	m.Model = zhenni.Model{ID: "blocks-1", Dim: 384, Factor: zhenni.FactorFace}
	m.Embedding.Input.Width, m.Embedding.Input.Height = 128, 128
	return m
}

// weights take the red of the four quarters to the first number, the green to the second, the blue to the third, and the
// red of the first quarter less that of the last to the fourth.
var weights = []float32{
	1, 0, 0, 1,
	2, 0, 0, 0,
	3, 0, 0, 0,
	4, 0, 0, -1,
	0, 1, 0, 0,
	0, 2, 0, 0,
	0, 3, 0, 0,
	0, 4, 0, 0,
	0, 0, 1, 0,
	0, 0, 2, 0,
	0, 0, 3, 0,
	0, 0, 4, 0,
}

func manifestOf(file string, document []byte) capture.Manifest {
	sum := sha256.Sum256(document)
	return capture.Manifest{
		Format: 1, Model: zhenni.Model{ID: "quadrants-1", Dim: 4, Factor: zhenni.FactorFace}, Licence: "CC0-1.0", Source: "a test",
		Embedding: capture.Network{
			File: file, SHA256: hex.EncodeToString(sum[:]), Output: "embedding",
			Input: capture.Input{
				Name: "picture", Layout: capture.NCHW, Width: side, Height: side, Colour: "rgb",
				Mean: [3]float32{127.5, 127.5, 127.5}, Std: [3]float32{127.5, 127.5, 127.5},
			},
		},
	}
}

// write writes a manifest and its network and returns where the manifest is.
func write(t *testing.T, m capture.Manifest, document []byte) string {
	t.Helper()
	dir := t.TempDir()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"manifest.json": text, m.Embedding.File: document} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "manifest.json")
}

// needEngine skips where the build's engine is a library that is not there.
func needEngine(t testing.TB) {
	if Engine == "onnxruntime" && os.Getenv("ZHENNI_ONNXRUNTIME") == "" {
		t.Skip("ZHENNI_ONNXRUNTIME names no shared library")
	}
}

// colours are those of the quarters: upper left, upper right, lower left, lower right.
var colours = [4]color.RGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {204, 102, 51, 255}}

// want is the embedding of the four quarters, by hand.
func want() []float32 {
	var out [4]float32
	for quarter, c := range colours {
		for channel, v := range []uint8{c.R, c.G, c.B} {
			x := (float32(v) - 127.5) / 127.5
			if x < 0 {
				x *= 0.5
			}
			for i := range out {
				out[i] += x * weights[(channel*4+quarter)*4+i]
			}
		}
	}
	return out[:]
}

// A picture of a face that lies on its side, somewhere in a larger one: decoded, aligned, computed. The embedding is the one
// computed by hand.
func TestFromAPictureToItsEmbedding(t *testing.T) {
	needEngine(t)
	document := quadrants().file()
	e, err := capture.Open(write(t, manifestOf("tiny.onnx", document), document), Load)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	for name, c := range map[string]capture.Capture{"aligned": upright(t), "on its side": onItsSide(t)} {
		got, err := e.Extract(c)
		if err != nil {
			t.Fatal(name, err)
		}
		for i, w := range want() {
			if math.Abs(float64(got[i]-w)) > 2e-4 { // both engines sum 3,136 numbers of 32 bits
				t.Errorf("%s: %v, want %v", name, got, want())
				break
			}
		}
	}
	if m := e.Model(); m.ID != "quadrants-1" || m.Dim != 4 {
		t.Errorf("model %+v", m)
	}
}

// upright is a picture of the input's size, which is taken to be aligned.
func upright(t *testing.T) capture.Capture {
	picture := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			picture.SetRGBA(x, y, colours[y/(side/2)*2+x/(side/2)])
		}
	}
	return capture.Capture{File: encoded(t, picture)}
}

// onItsSide is the same turned clockwise and moved, with the points of its face.
func onItsSide(t *testing.T) capture.Capture {
	const left, top = 40, 23
	picture := image.NewRGBA(image.Rect(0, 0, 200, 160))
	for y := range side {
		for x := range side {
			picture.SetRGBA(left+side-1-y, top+x, colours[y/(side/2)*2+x/(side/2)])
		}
	}
	points := capture.Points{{X: 38.2946, Y: 51.6963}, {X: 73.5318, Y: 51.5014}, {X: 56.0252, Y: 71.7366}, {X: 41.5493, Y: 92.3655}, {X: 70.7299, Y: 92.2041}}
	for i, p := range points {
		points[i] = capture.Point{X: left + side - 1 - p.Y, Y: top + p.X}
	}
	return capture.Capture{File: encoded(t, picture), Points: &points}
}

func encoded(t *testing.T, picture image.Image) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// The networks and their manifests are committed too, as examples of both: a few hundred bytes each.
func TestTheExamplesAreTheNetworks(t *testing.T) {
	quarters, blocked := quadrants().file(), blocks().file()
	for name, m := range map[string]capture.Manifest{"quadrants": manifestOf("quadrants.onnx", quarters), "blocks": blocksManifest(blocked)} {
		manifest, err := json.MarshalIndent(m, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		document := map[string][]byte{"quadrants": quarters, "blocks": blocked}[name]
		for file, want := range map[string][]byte{name + ".onnx": document, name + ".json": append(manifest, '\n')} {
			path := filepath.Join("testdata", file)
			if *update {
				if err := os.WriteFile(path, want, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s is another: %v", path, err)
			}
		}
	}
}

// What does not fit the manifest, and what is no network, is told when it is loaded.
func TestNetworksThatAreNotLoaded(t *testing.T) {
	needEngine(t)
	good := quadrants().file()
	unknown := quadrants()
	unknown.node("NoSuchOperator", "other", []string{"picture"})
	unknown.output = "other"
	wide := quadrants()
	wide.inShape = []int{1, 3, 64, 64}
	for name, c := range map[string]struct {
		document []byte
		change   func(*capture.Network)
	}{
		"no network":           {[]byte("no network"), func(*capture.Network) {}},
		"nothing":              {nil, func(*capture.Network) {}},
		"cut":                  {good[:len(good)/2], func(*capture.Network) {}},
		"another input":        {good, func(n *capture.Network) { n.Input.Name = "image" }},
		"another output":       {good, func(n *capture.Network) { n.Output = "features" }},
		"an unknown operator":  {unknown.file(), func(n *capture.Network) { n.Output = "other" }},
		"another shape inside": {wide.file(), func(*capture.Network) {}},
	} {
		m := manifestOf("tiny.onnx", c.document)
		c.change(&m.Embedding)
		if _, err := capture.Open(write(t, m, c.document), Load); !errors.Is(err, capture.ErrNetwork) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Another file than the one whose hash the manifest has is not loaded, whatever it is.
func TestAnotherFileIsNotLoaded(t *testing.T) {
	document := quadrants().file()
	m := manifestOf("tiny.onnx", document)
	m.Embedding.SHA256 = strings.Repeat("0", 64)
	loaded := false
	_, err := capture.Open(write(t, m, document), func([]byte, capture.Network) (capture.Runner, error) {
		loaded = true
		return nil, nil
	})
	if !errors.Is(err, zhenni.ErrBadValue) || loaded {
		t.Errorf("%v; loaded: %v", err, loaded)
	}
}

// Several goroutines may ask at once, and get what one alone gets.
func TestRunsAtOnce(t *testing.T) {
	needEngine(t)
	document := quadrants().file()
	runner, err := Load(document, manifestOf("tiny.onnx", document).Embedding)
	if err != nil {
		t.Fatal(err)
	}
	defer runner.Close()
	input := make([]float32, 3*side*side)
	for i := range input {
		input[i] = float32(i%7) - 3
	}
	alone, err := runner.Run(input)
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan []float32)
	for range 4 {
		go func() {
			got, err := runner.Run(input)
			if err != nil {
				t.Error(err)
			}
			answers <- got
		}()
	}
	for range 4 {
		if got := <-answers; !slices.Equal(got, alone) {
			t.Errorf("%v, alone %v", got, alone)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	needEngine(b)
	document := quadrants().file()
	runner, err := Load(document, manifestOf("tiny.onnx", document).Embedding)
	if err != nil {
		b.Fatal(err)
	}
	defer runner.Close()
	input := make([]float32, 3*side*side)
	for b.Loop() {
		if _, err := runner.Run(input); err != nil {
			b.Fatal(err)
		}
	}
}
