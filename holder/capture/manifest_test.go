package capture

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"zhenni"
)

const zeros = "0000000000000000000000000000000000000000000000000000000000000000"

const faceManifest = `{"format": 1,
 "model": {"id": "arcface-r50-2", "dim": 4, "factor": "face"},
 "licence": "non-commercial research", "source": "https://models.example",
 "embedding": {"file": "r50.onnx", "sha256": "` + zeros + `",
   "input": {"name": "data", "layout": "nchw", "width": 112, "height": 112, "colour": "bgr", "mean": [127.5, 127.5, 127.5], "std": [128, 128, 128]},
   "output": "fc1"}}`

const voiceManifest = `{"format": 1,
 "model": {"id": "ecapa-1", "dim": 3, "factor": "voice"}, "licence": "Apache-2.0", "source": "https://models.example",
 "embedding": {"file": "ecapa.onnx", "sha256": "` + zeros + `", "input": {"name": "wav", "layout": "samples", "samples": 16000}, "output": "embedding"}}`

// FAULTS: L2 L4 L13
func TestManifests(t *testing.T) {
	for _, c := range []struct{ base, old, new, says string }{
		{faceManifest, "", "", ""},
		{faceManifest, `"nchw"`, `"nhwc"`, ""},
		{voiceManifest, "", "", ""},
		{faceManifest, `"format": 1`, `"format": 2`, "format"},
		{faceManifest, `"format": 1`, `"format": 1, "format": 1`, "twice"},
		{faceManifest, `"format": 1`, `"Format": 1`, "lower case"},
		{faceManifest, `"format": 1`, `"format": 1, "trust": true`, "trust"},
		{faceManifest, `"arcface-r50-2"`, `"ArcFace"`, "model id"},
		{faceManifest, `"dim": 4`, `"dim": 4096`, "dimension"},
		{faceManifest, `"face"`, `"iris"`, "factor"},
		{faceManifest, `"face"`, `"fingerprint"`, "fingerprint"},
		{faceManifest, `"face"`, `"voice"`, "layout"},
		{faceManifest, `"non-commercial research"`, `""`, "licence"},
		{faceManifest, `"r50.onnx"`, `"../r50.onnx"`, "embedding.file"},
		{faceManifest, `"r50.onnx"`, `"/etc/passwd"`, "embedding.file"},
		{faceManifest, `"r50.onnx"`, `"a\\b"`, "embedding.file"},
		{faceManifest, `"r50.onnx"`, `".."`, "embedding.file"},
		{faceManifest, zeros, strings.Repeat("A", 64), "sha256"},
		{faceManifest, zeros, zeros + "00", "sha256"},
		{faceManifest, zeros, zeros[1:], "sha256"},
		{faceManifest, zeros, "", "sha256"},
		{faceManifest, `"nchw"`, `"chwn"`, "layout"},
		{faceManifest, `"width": 112`, `"width": 0`, "width"},
		{faceManifest, `"width": 112`, `"width": 4096`, "width"},
		{faceManifest, `"bgr"`, `"grey"`, "colour"},
		{faceManifest, `[128, 128, 128]`, `[128, 0, 128]`, "std"},
		{faceManifest, `[128, 128, 128]`, `[128, 1e99, 128]`, "manifest"},
		{faceManifest, `"width": 112`, `"width": 112, "samples": 16000`, "samples"},
		{faceManifest, `"fc1"`, `""`, "output"},
		{faceManifest, `}}`, `}} {}`, "follows"},
		{faceManifest, `}}`, `}`, "manifest"},
		{faceManifest, `"format": 1`, `"format": ` + strings.Repeat("[", 9), "deep"},
		{voiceManifest, `16000`, `100`, "samples"},
		{voiceManifest, `16000`, `16000, "colour": "rgb"`, "pictures"},
		{voiceManifest, `"licence"`, `"landmarks": {}, "licence"`, "landmarks"},
	} {
		text := strings.Replace(c.base, c.old, c.new, 1)
		m, err := ReadManifest([]byte(text))
		if c.says == "" {
			if err != nil {
				t.Errorf("%s for %s: %v", c.new, c.old, err)
			}
			continue
		}
		if !errors.Is(err, zhenni.ErrBadValue) || !strings.Contains(err.Error(), c.says) || !reflect.ValueOf(m).IsZero() {
			t.Errorf("%s for %s: %v, which does not say %q", c.new, c.old, err, c.says)
		}
	}
	if _, err := ReadManifest(make([]byte, MaxManifest+1)); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("too long: %v", err)
	}
}

// A file that is not there, is a folder, or is larger than a manifest may be.
func TestFilesThatAreNoManifest(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, MaxManifest+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, large, filepath.Join(dir, "none")} {
		if _, err := Open(path, nil); !errors.Is(err, ErrNetwork) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A manifest that is read says the same when it is written and read again.
//
// FAULTS: L12
func FuzzManifest(f *testing.F) {
	f.Add([]byte(faceManifest))
	f.Add([]byte(voiceManifest))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ReadManifest(text)
		if err != nil {
			return
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := ReadManifest(again); err != nil || !reflect.DeepEqual(same, m) {
			t.Fatalf("%+v, written and read again %+v: %v", m, same, err)
		}
		if filepath.Dir(filepath.Join("/models", m.Embedding.File)) != "/models" {
			t.Fatalf("%q leaves the folder", m.Embedding.File)
		}
	})
}
