package capture

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zhenni"
)

// runs is a Runner that answers by a function.
type runs func(input []float32) ([]float32, error)

func (r runs) Run(input []float32) ([]float32, error) { return r(input) }
func (r runs) Close() error                           { return nil }

// open is an extractor of a manifest whose networks are functions, by the names of their files.
func open(t *testing.T, manifest string, networks map[string]runs) Extractor {
	t.Helper()
	dir := t.TempDir()
	sum := sha256.Sum256([]byte("a network"))
	for name, content := range map[string]string{
		"m.json": strings.ReplaceAll(manifest, zeros, hex.EncodeToString(sum[:])), "r50.onnx": "a network", "ecapa.onnx": "a network", "points.onnx": "a network",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e, err := Open(filepath.Join(dir, "m.json"), func(document []byte, n Network) (Runner, error) {
		if string(document) != "a network" {
			t.Errorf("another file was loaded: %s", document)
		}
		return networks[n.File], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// gradient is a picture in which a colour tells its place.
func gradient(w, h int) *image.NRGBA {
	picture := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			picture.SetNRGBA(x, y, color.NRGBA{uint8(x), uint8(y), 7, 255})
		}
	}
	return picture
}

// The tensor is in the order and on the scale that the manifest says.
func TestTensors(t *testing.T) {
	p := &Picture{Width: 2, Height: 1, pix: []byte{10, 20, 30, 255, 40, 50, 60, 255}}
	one := [3]float32{1, 1, 1}
	for _, c := range []struct {
		in   Input
		want []float32
	}{
		{Input{Layout: NCHW, Colour: "rgb", Std: one}, []float32{10, 40, 20, 50, 30, 60}},
		{Input{Layout: NCHW, Colour: "bgr", Std: one}, []float32{30, 60, 20, 50, 10, 40}},
		{Input{Layout: NHWC, Colour: "rgb", Std: one}, []float32{10, 20, 30, 40, 50, 60}},
		{Input{Layout: NHWC, Colour: "bgr", Mean: [3]float32{30, 20, 10}, Std: [3]float32{10, 1, 2}}, []float32{0, 0, 0, 3, 30, 15}},
	} {
		if got := p.tensor(c.in); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.in, got, c.want)
		}
	}
}

// What a network gives that no engine would take is no embedding; neither is that of another length.
//
// FAULTS: N1 N2 N3 N4 N6
func TestWhatIsNoEmbedding(t *testing.T) {
	var answer []float32
	fails := errors.New("the network fails")
	e := open(t, faceManifest, map[string]runs{"r50.onnx": func([]float32) ([]float32, error) {
		if answer == nil {
			return nil, fails
		}
		return answer, nil
	}})
	face := Capture{File: encodePNG(t, gradient(112, 112), nil)}
	nan, infinite := float32(math.NaN()), float32(math.Inf(-1))
	for _, c := range []struct {
		answer []float32
		want   error
	}{
		{[]float32{1, 0, 0, 0}, nil}, {nil, ErrNetwork}, {[]float32{1, 0, 0}, ErrNetwork}, {[]float32{1, 0, 0, 0, 0}, ErrNetwork},
		{[]float32{nan, 1, 1, 1}, zhenni.ErrBadProbe}, {[]float32{1, infinite, 1, 1}, zhenni.ErrBadProbe},
		{[]float32{0, 0, 0, 0}, zhenni.ErrBadProbe}, {[]float32{4e-4, 0, 0, 0}, zhenni.ErrBadProbe},
	} {
		answer = c.answer
		if got, err := e.Extract(face); !errors.Is(err, c.want) || err == nil && !slices.Equal(got, c.answer) || err != nil && got != nil {
			t.Errorf("%v: %v, %v", c.answer, got, err)
		}
	}
}

// Without points only a picture of the network's size is a face; points have to be within the picture.
//
// FAULTS: N1
func TestWhereTheFaceIs(t *testing.T) {
	e := open(t, faceManifest, map[string]runs{"r50.onnx": func([]float32) ([]float32, error) { return []float32{1, 2, 3, 4}, nil }})
	if w, h := e.Frame(); w != 112 || h != 112 {
		t.Errorf("a frame of %d by %d", w, h)
	}
	inside, outside, nan := template, template, template
	outside[4].X = 200
	nan[1].Y = math.NaN()
	for name, c := range map[string]struct {
		picture image.Image
		points  *Points
		want    error
	}{
		"aligned":             {gradient(112, 112), nil, nil},
		"another size":        {gradient(200, 112), nil, ErrNoFace},
		"points":              {gradient(200, 112), &inside, nil},
		"a point outside":     {gradient(200, 112), &outside, ErrNoFace},
		"a point that is NaN": {gradient(200, 112), &nan, ErrNoFace},
		"one spot":            {gradient(200, 112), &Points{}, ErrNoFace},
	} {
		if _, err := e.Extract(Capture{File: encodePNG(t, c.picture, nil), Points: c.points}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := e.Extract(Capture{File: []byte("no picture")}); !errors.Is(err, ErrUnreadable) {
		t.Errorf("no picture: %v", err)
	}
}

// A second network tells where the points are, as fractions of the picture; by them the face is brought to the template.
func TestPointsFromANetwork(t *testing.T) {
	const landmarks = `"landmarks": {"file": "points.onnx", "sha256": "` + zeros + `", "output": "points",
	  "input": {"name": "x", "layout": "nhwc", "width": 20, "height": 10, "colour": "rgb", "mean": [0, 0, 0], "std": [1, 1, 1]}}, "licence"`
	const left, top = 31, 12
	var found []float32
	var whole, aligned []float32
	e := open(t, strings.Replace(faceManifest, `"licence"`, landmarks, 1), map[string]runs{
		"points.onnx": func(input []float32) ([]float32, error) { whole = slices.Clone(input); return found, nil },
		"r50.onnx": func(input []float32) ([]float32, error) {
			aligned = slices.Clone(input)
			return []float32{1, 2, 3, 4}, nil
		},
	})
	for _, p := range template {
		found = append(found, float32((p.X+left+0.5)/200), float32((p.Y+top+0.5)/150))
	}
	face := Capture{File: encodePNG(t, gradient(200, 150), nil)}
	if w, h := e.Frame(); w != 0 || h != 0 {
		t.Errorf("a frame of %d by %d for a model that finds the face", w, h)
	}
	if _, err := e.Extract(face); err != nil {
		t.Fatal(err)
	}
	if len(whole) != 20*10*3 || math.Abs(float64(whole[0])-4.5) > 1 {
		t.Errorf("the whole picture came as %d numbers, the first %v", len(whole), whole[0])
	}
	const pixels = 112 * 112 // blue, green, red, as (value − 127.5) / 128
	for _, at := range []int{0, 111, 5000, pixels - 1} {
		x, y := aligned[2*pixels+at]*128+127.5, aligned[pixels+at]*128+127.5
		if math.Abs(float64(x)-float64(left+at%112)) > 1 || math.Abs(float64(y)-float64(top+at/112)) > 1 {
			t.Errorf("pixel %d is that of (%v, %v)", at, x, y)
		}
	}
	for name, wrong := range map[string][]float32{"four points": found[:8], "NaN": append(slices.Clone(found[:9]), float32(math.NaN()))} {
		found = wrong
		if _, err := e.Extract(face); !errors.Is(err, ErrNetwork) && !errors.Is(err, ErrNoFace) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A clip is the sum of what its windows point at; one that is shorter than a window is none.
func TestVoices(t *testing.T) {
	var windows []float32 // the first sample of each
	answers := [][]float32{{2, 0, 0}, {0, 3, 0}, {0, 5, 0}, {0, 0, 1e-9}}
	e := open(t, voiceManifest, map[string]runs{"ecapa.onnx": func(input []float32) ([]float32, error) {
		if len(input) != 16000 {
			t.Errorf("a window of %d samples", len(input))
		}
		windows = append(windows, input[0])
		return answers[len(windows)-1], nil
	}})
	clip := make([]int16, 26000)
	for i := range clip {
		clip[i] = int16(i)
	}
	got, err := e.Extract(Capture{File: wav16(16000, 1, clip[:26000])})
	if err != nil || !slices.Equal(got, []float32{1, 2, 0}) {
		t.Errorf("%v, %v", got, err)
	}
	if want := []float32{0, 8000. / 32768, 10000. / 32768}; !slices.Equal(windows, want) {
		t.Errorf("windows begin at %v, want %v", windows, want)
	}
	if _, err := e.Extract(Capture{File: wav16(16000, 1, clip[:16000])}); !errors.Is(err, zhenni.ErrBadProbe) {
		t.Errorf("a window that gives nothing: %v", err)
	}
	if _, err := e.Extract(Capture{File: wav16(16000, 1, clip[:15999])}); !errors.Is(err, ErrUnreadable) {
		t.Errorf("a short clip: %v", err)
	}
}
