package capture

import (
	"fmt"
	"math"
	"os"
	"path/filepath"

	"zhenni"
)

// Extractor makes embeddings of what was captured. It does not change, and its methods may be called from several
// goroutines, but for Close, after which nothing is.
type Extractor interface {
	// Model is the one whose embeddings it makes.
	Model() zhenni.Model
	// Extract returns the embedding of a capture: as many elements as the model's dimension, finite, of a norm that an engine
	// takes, and not normalised. Errors are those of this package, and zhenni.ErrBadProbe.
	Extract(c Capture) ([]float32, error)
	// Frame is the size in pixels that a picture has to have, with the face in its place; 0, 0 where the model finds the face.
	Frame() (width, height int)
	Close() error
}

// Capture is what was captured of one person.
type Capture struct {
	// File is a picture or a clip.
	File []byte
	// Points are those of the face in the upright picture, where the caller knows them.
	Points *Points
}

// Runner computes a network.
type Runner interface {
	// Run returns the output, of any length, for an input of the manifest's shape. It keeps neither. It may be called from
	// several goroutines.
	Run(input []float32) ([]float32, error)
	Close() error
}

// Loader makes a runner of the content of a network's file, which stays the caller's, and of what the manifest says of it.
type Loader func(document []byte, n Network) (Runner, error)

// Open reads a manifest and loads the networks it names, from the same folder: zhenni.ErrBadValue where the manifest is
// wrong or a file is not the one whose hash it has, [ErrNetwork].
func Open(manifest string, load Loader) (Extractor, error) {
	document, err := readBounded(manifest, MaxManifest)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNetwork, err)
	}
	m, err := ReadManifest(document)
	if err != nil {
		return nil, err
	}
	e := &extractor{manifest: m}
	folder := filepath.Dir(manifest)
	if e.embedding, err = loadFrom(folder, m.Embedding, load); err != nil {
		return nil, err
	}
	if m.Landmarks != nil {
		if e.landmarks, err = loadFrom(folder, *m.Landmarks, load); err != nil {
			_ = e.embedding.Close()
			return nil, err
		}
	}
	return e, nil
}

func loadFrom(folder string, n Network, load Loader) (Runner, error) {
	document, err := n.read(folder)
	if err != nil {
		return nil, err
	}
	runner, err := load(document, n)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNetwork, n.File, err)
	}
	return runner, nil
}

// readBounded reads a small file, and no more of a larger one than tells that it is.
func readBounded(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, fmt.Errorf("%s is no file of at most %d bytes", path, most)
	}
	return os.ReadFile(path)
}

// extractor is an Extractor of the networks of a manifest. Landmarks is nil where the manifest has none.
type extractor struct {
	manifest             Manifest
	embedding, landmarks Runner
}

func (e *extractor) Model() zhenni.Model { return e.manifest.Model }

func (e *extractor) Frame() (width, height int) {
	if e.landmarks != nil {
		return 0, 0
	}
	return e.manifest.Embedding.Input.Width, e.manifest.Embedding.Input.Height
}

func (e *extractor) Close() error {
	err := e.embedding.Close()
	if e.landmarks != nil {
		if failed := e.landmarks.Close(); err == nil {
			err = failed
		}
	}
	return err
}

func (e *extractor) Extract(c Capture) ([]float32, error) {
	if e.manifest.Embedding.Input.Layout == Samples {
		return e.ofVoice(c)
	}
	return e.ofFace(c)
}

func (e *extractor) ofFace(c Capture) ([]float32, error) {
	picture, err := DecodePicture(c.File)
	if err != nil {
		return nil, err
	}
	aligned, err := e.aligned(picture, c.Points)
	if err != nil {
		return nil, err
	}
	return e.run(aligned.tensor(e.manifest.Embedding.Input))
}

// aligned returns the picture that the network takes.
func (e *extractor) aligned(picture *Picture, given *Points) (*Picture, error) {
	in := e.manifest.Embedding.Input
	var points Points
	switch {
	case given != nil:
		points = *given
	case e.landmarks != nil:
		found, err := e.find(picture)
		if err != nil {
			return nil, err
		}
		points = found
	case picture.Width == in.Width && picture.Height == in.Height:
		return picture, nil
	default:
		return nil, fmt.Errorf("%w: the picture is not of %d × %d pixels, and there are no points by which it could be aligned",
			ErrNoFace, in.Width, in.Height)
	}
	for _, p := range points {
		if !(p.X >= 0 && p.Y >= 0 && p.X < float64(picture.Width) && p.Y < float64(picture.Height)) {
			return nil, fmt.Errorf("%w: a point is outside of the picture", ErrNoFace)
		}
	}
	s, err := align(points, templateFor(in.Width, in.Height))
	if err != nil {
		return nil, err
	}
	return picture.warp(s, in.Width, in.Height), nil
}

// find asks the network of the landmarks where the points are.
func (e *extractor) find(picture *Picture) (points Points, err error) {
	in := e.manifest.Landmarks.Input
	out, err := e.landmarks.Run(picture.scaled(in.Width, in.Height).tensor(in))
	if err != nil {
		return points, fmt.Errorf("%w: landmarks: %w", ErrNetwork, err)
	}
	if len(out) != 2*len(points) {
		return points, fmt.Errorf("%w: landmarks: %d numbers, want %d", ErrNetwork, len(out), 2*len(points))
	}
	for i := range points {
		points[i] = Point{
			float64(out[2*i])*float64(picture.Width) - 0.5,
			float64(out[2*i+1])*float64(picture.Height) - 0.5,
		}
	}
	return points, nil
}

// tensor returns the numbers of a picture that has the input's size.
func (p *Picture) tensor(in Input) []float32 {
	pixels := p.Width * p.Height
	out := make([]float32, 3*pixels)
	for channel := range 3 {
		from, at, step := channel, channel*pixels, 1
		if in.Colour == "bgr" {
			from = 2 - channel
		}
		if in.Layout == NHWC {
			at, step = channel, 3
		}
		for i := range pixels {
			out[at+i*step] = (float32(p.pix[4*i+from]) - in.Mean[channel]) / in.Std[channel]
		}
	}
	return out
}

// run returns the embedding that the network has for an input.
func (e *extractor) run(input []float32) ([]float32, error) {
	out, err := e.embedding.Run(input)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNetwork, err)
	}
	if len(out) != e.manifest.Model.Dim {
		return nil, fmt.Errorf("%w: %d numbers, the model has %d", ErrNetwork, len(out), e.manifest.Model.Dim)
	}
	if _, err := norm(out); err != nil {
		return nil, err
	}
	return out, nil
}

// norm is that of an embedding: zhenni.ErrBadProbe where it is none that an engine would take.
func norm(x []float32) (float64, error) {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	n := math.Sqrt(sum)
	if !(n >= zhenni.MinNorm) || math.IsInf(n, 0) {
		return 0, fmt.Errorf("%w: what the network gives is not finite, or too small", zhenni.ErrBadProbe)
	}
	return n, nil
}
