package capture

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"zhenni"
)

// Bounds of a manifest and of what it names.
const (
	MaxManifest = 64 << 10
	// MaxNetwork bounds a network's file, in bytes.
	MaxNetwork = 1 << 30
	// MaxInputSide bounds the sides of a picture that a network takes.
	MaxInputSide = 1024
)

// Manifest says what an extractor is made of. It is one JSON object without unknown or repeated members:
//
//	{"format": 1,
//	 "model": {"id": "arcface-r50-2", "dim": 512, "factor": "face"},
//	 "licence": "non-commercial research", "source": "https://…",
//	 "embedding": {
//	   "file": "r50.onnx", "sha256": "…64 hexadecimal digits…",
//	   "input": {"name": "data", "layout": "nchw", "width": 112, "height": 112,
//	             "colour": "rgb", "mean": [127.5, 127.5, 127.5], "std": [127.5, 127.5, 127.5]},
//	   "output": "fc1"}}
//
// Beside embedding a face's may have landmarks, a network of the same form whose output is x and y of the five points, in
// the order of [Points], as fractions of the picture's width and height. The input of a voice is
// {"name": "wav", "layout": "samples", "samples": 48000}: mono at 16 kHz, from −1 to 1.
type Manifest struct {
	// Format is 1.
	Format int          `json:"format"`
	Model  zhenni.Model `json:"model"`
	// Licence and Source say on which terms the weights may be used and where they come from, in 1–500 bytes each. Nothing
	// reads them but people, who are to have thought of them.
	Licence   string   `json:"licence"`
	Source    string   `json:"source"`
	Embedding Network  `json:"embedding"`
	Landmarks *Network `json:"landmarks,omitempty"`
}

// Network is a file with a network, and what goes in and comes out.
type Network struct {
	// File is a name without folders, beside the manifest.
	File string `json:"file"`
	// SHA256 is that of the file, in lower-case hexadecimal. Another file is not loaded.
	SHA256 string `json:"sha256"`
	Input  Input  `json:"input"`
	// Output is the name of the output that is taken: of shape [1, n].
	Output string `json:"output"`
}

// Layout is the order of the numbers of an input.
type Layout string

// The layouts, for the shapes [1, 3, height, width], [1, height, width, 3] and [1, samples].
const (
	NCHW    Layout = "nchw"
	NHWC    Layout = "nhwc"
	Samples Layout = "samples"
)

// Input is what a network takes. The fields after Layout are those of pictures, but for Samples, of clips.
type Input struct {
	Name   string `json:"name"`
	Layout Layout `json:"layout"`
	// Width and Height are in pixels, up to [MaxInputSide].
	Width  int `json:"width,omitempty"`
	Height int `json:"height,omitempty"`
	// Colour is rgb or bgr: the order of the three channels, of Mean and of Std. A value from 0 to 255 goes in as (value −
	// mean) / std.
	Colour string     `json:"colour,omitempty"`
	Mean   [3]float32 `json:"mean,omitzero"`
	Std    [3]float32 `json:"std,omitzero"`
	// Samples is the length of a window, from half a second to [MaxSeconds].
	Samples int `json:"samples,omitempty"`
}

// Shape is that of the input.
func (in Input) Shape() []int {
	switch in.Layout {
	case NCHW:
		return []int{1, 3, in.Height, in.Width}
	case NHWC:
		return []int{1, in.Height, in.Width, 3}
	}
	return []int{1, in.Samples}
}

// ReadManifest reads a manifest: zhenni.ErrBadValue, with the name of the first field that is wrong.
func ReadManifest(document []byte) (Manifest, error) {
	var m Manifest
	if len(document) > MaxManifest {
		return m, badManifest("more than %d bytes", MaxManifest)
	}
	if err := checkOnce(json.NewDecoder(bytes.NewReader(document))); err != nil {
		return m, badManifest("%v", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil {
		return Manifest{}, badManifest("%v", err)
	}
	if err := m.validate(); err != nil {
		return Manifest{}, err
	}
	return m, nil
}

func badManifest(format string, args ...any) error {
	return fmt.Errorf("%w: manifest: "+format, append([]any{zhenni.ErrBadValue}, args...)...)
}

// checkOnce reads one JSON value to the end of the text and refuses names that differ in nothing but case, of which the
// decoder would take the last.
func checkOnce(tokens *json.Decoder) error {
	if err := checkValue(tokens, 0); err != nil {
		return err
	}
	if _, err := tokens.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows it")
	}
	return nil
}

// maxDepth is that of a manifest, and some more.
const maxDepth = 8

func checkValue(tokens *json.Decoder, depth int) error {
	token, err := tokens.Token()
	if err != nil {
		return err
	}
	open, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	if depth == maxDepth {
		return errors.New("nested too deep")
	}
	names := make(map[string]bool)
	for tokens.More() {
		if open == '{' {
			name, err := tokens.Token()
			if err != nil {
				return err
			}
			folded := strings.ToLower(name.(string))
			if names[folded] || folded != name {
				return fmt.Errorf("%q occurs twice, or not in lower case", name)
			}
			names[folded] = true
		}
		if err := checkValue(tokens, depth+1); err != nil {
			return err
		}
	}
	_, err = tokens.Token()
	return err
}

func (m Manifest) validate() error {
	if m.Format != 1 {
		return badManifest("format %d, want 1", m.Format)
	}
	if err := m.Model.Validate(); err != nil {
		return err
	}
	for name, text := range map[string]string{"licence": m.Licence, "source": m.Source} {
		if len(text) < 1 || len(text) > 500 {
			return badManifest("%s: want 1–500 bytes", name)
		}
	}
	if err := m.Embedding.validate("embedding"); err != nil {
		return err
	}
	sound := m.Embedding.Input.Layout == Samples
	switch {
	case m.Model.Factor == zhenni.FactorFingerprint:
		return badManifest("model: of a fingerprint nothing is extracted here")
	case sound != (m.Model.Factor == zhenni.FactorVoice):
		return badManifest("embedding.input.layout: samples goes with a voice, nchw and nhwc with a face")
	case m.Landmarks == nil:
		return nil
	case sound || m.Landmarks.Input.Layout == Samples:
		return badManifest("landmarks: a face has them, in a picture")
	}
	return m.Landmarks.validate("landmarks")
}

func (n Network) validate(at string) error {
	in := n.Input
	switch {
	case n.File == "" || len(n.File) > 200 || n.File != filepath.Base(n.File) || !filepath.IsLocal(n.File) || strings.ContainsAny(n.File, `/\`):
		return badManifest("%s.file: want the name of a file beside the manifest", at)
	case !isDigest(n.SHA256):
		return badManifest("%s.sha256: want 64 lower-case hexadecimal digits", at)
	case in.Name == "" || len(in.Name) > 200 || n.Output == "" || len(n.Output) > 200:
		return badManifest("%s: input.name and output: want 1–200 bytes", at)
	}
	switch in.Layout {
	case NCHW, NHWC:
		return in.validatePicture(at)
	case Samples:
		if in.Samples < soundRate/2 || in.Samples > MaxSeconds*soundRate {
			return badManifest("%s.input.samples: want %d–%d", at, soundRate/2, MaxSeconds*soundRate)
		}
		if in != (Input{Name: in.Name, Layout: Samples, Samples: in.Samples}) {
			return badManifest("%s.input: what is said of pictures does not go with samples", at)
		}
		return nil
	}
	return badManifest("%s.input.layout: want nchw, nhwc or samples", at)
}

func (in Input) validatePicture(at string) error {
	switch {
	case in.Samples != 0:
		return badManifest("%s.input.samples: does not go with a picture", at)
	case in.Width < 1 || in.Width > MaxInputSide || in.Height < 1 || in.Height > MaxInputSide:
		return badManifest("%s.input: width and height: want 1–%d", at, MaxInputSide)
	case in.Colour != "rgb" && in.Colour != "bgr":
		return badManifest("%s.input.colour: want rgb or bgr", at)
	}
	for i := range in.Std {
		if !(in.Std[i] > 0) {
			return badManifest("%s.input.std: want three numbers above 0", at)
		}
	}
	return nil
}

func isDigest(s string) bool {
	var sum [sha256.Size]byte
	n, err := hex.Decode(sum[:min(len(sum), len(s)/2)], []byte(s[:min(len(s), 2*len(sum))]))
	return err == nil && n == len(sum) && len(s) == 2*n && s == strings.ToLower(s)
}

// read returns the content of the network's file in a folder. What was hashed is what is returned.
func (n Network) read(folder string) ([]byte, error) {
	f, err := os.Open(filepath.Join(folder, n.File))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNetwork, err)
	}
	defer f.Close()
	document, err := io.ReadAll(io.LimitReader(f, MaxNetwork+1))
	switch sum := sha256.Sum256(document); {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrNetwork, err)
	case len(document) > MaxNetwork:
		return nil, fmt.Errorf("%w: %s: more than %d bytes", ErrNetwork, n.File, MaxNetwork)
	case hex.EncodeToString(sum[:]) != n.SHA256:
		return nil, badManifest("%s is not the file of sha256 %s", n.File, n.SHA256)
	}
	return document, nil
}
