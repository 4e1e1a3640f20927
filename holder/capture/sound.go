package capture

import (
	"encoding/binary"
	"math"
	"slices"
)

const (
	// soundRate is that of every network of voices, in samples a second.
	soundRate = 16000
	// MaxSeconds bounds a clip.
	MaxSeconds = 60
	// maxChannels bounds those of a clip; they are averaged.
	maxChannels = 8
)

// soundRates are those of which a clip may be: the ones that devices have, for which there are few phases to a filter.
var soundRates = []int{8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000}

// The codes of WAV's forms.
const (
	wavPCM        = 1
	wavFloat      = 3
	wavExtensible = 0xfffe
)

// wavForm is what the chunk fmt says.
type wavForm struct{ code, channels, rate, bits int }

// DecodeSound reads a WAV file and returns one channel at 16 kHz, from −1 to 1: [ErrUnreadable], [ErrTooLarge].
func DecodeSound(file []byte) ([]float32, error) {
	if len(file) > MaxFile {
		return nil, tooLarge("%d bytes, at most %d are taken", len(file), MaxFile)
	}
	form, data, err := readWAV(file)
	if err != nil {
		return nil, err
	}
	frame := form.channels * form.bits / 8
	if len(data)/frame > MaxSeconds*form.rate {
		return nil, tooLarge("more than %d seconds", MaxSeconds)
	}
	mono, err := form.mono(data, frame)
	if err != nil {
		return nil, err
	}
	return resample(mono, form.rate), nil
}

// readWAV finds form and samples among the chunks. Sizes are those of the chunks; a file that is shorter is damaged.
func readWAV(file []byte) (form wavForm, data []byte, err error) {
	if len(file) < 12 || string(file[:4]) != "RIFF" || string(file[8:12]) != "WAVE" {
		return form, nil, unreadable("not a WAV file")
	}
	for rest := file[12:]; len(rest) >= 8; {
		size := uint64(binary.LittleEndian.Uint32(rest[4:]))
		if size+8 > uint64(len(rest)) {
			return form, nil, unreadable("a chunk is cut")
		}
		chunk := rest[8 : 8+size]
		switch string(rest[:4]) {
		case "fmt ":
			if form != (wavForm{}) {
				return form, nil, unreadable("two chunks say its form")
			}
			if form, err = readForm(chunk); err != nil {
				return form, nil, err
			}
		case "data":
			if frame := form.channels * form.bits / 8; frame == 0 || len(chunk) < frame || len(chunk)%frame != 0 {
				return form, nil, unreadable("its samples are cut, or come before their form")
			}
			return form, chunk, nil
		}
		rest = rest[min(8+size+size%2, uint64(len(rest))):]
	}
	return form, nil, unreadable("it has no samples")
}

func readForm(chunk []byte) (f wavForm, err error) {
	if len(chunk) < 16 {
		return f, unreadable("its form is cut")
	}
	f = wavForm{
		int(binary.LittleEndian.Uint16(chunk)), int(binary.LittleEndian.Uint16(chunk[2:])),
		int(binary.LittleEndian.Uint32(chunk[4:])), int(binary.LittleEndian.Uint16(chunk[14:])),
	}
	if f.code == wavExtensible && len(chunk) >= 26 {
		f.code = int(binary.LittleEndian.Uint16(chunk[24:])) // the first bytes of the form's GUID
	}
	whole := f.code == wavPCM && (f.bits == 8 || f.bits == 16 || f.bits == 24 || f.bits == 32)
	switch {
	case !whole && !(f.code == wavFloat && f.bits == 32):
		return f, unreadable("neither PCM of 8, 16, 24 or 32 bits nor floats of 32")
	case f.channels < 1 || f.channels > maxChannels:
		return f, unreadable("%d channels, want 1–%d", f.channels, maxChannels)
	case !slices.Contains(soundRates, f.rate):
		return f, unreadable("%d samples a second, want one of %v", f.rate, soundRates)
	}
	return f, nil
}

// mono averages the channels of whole frames.
func (f wavForm) mono(data []byte, frame int) ([]float32, error) {
	out := make([]float32, 0, len(data)/frame)
	width := f.bits / 8
	for ; len(data) > 0; data = data[frame:] {
		var sum float64
		for c := range f.channels {
			sum += f.sample(data[c*width : (c+1)*width])
		}
		sum /= float64(f.channels)
		if !(math.Abs(sum) <= 16) { // floats may be beyond ±1, but are no sound far beyond
			return nil, unreadable("a sample is not finite, or no sound")
		}
		out = append(out, float32(sum))
	}
	return out, nil
}

func (f wavForm) sample(b []byte) float64 {
	switch {
	case f.code == wavFloat:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	case f.bits == 8:
		return float64(int(b[0])-128) / 128
	case f.bits == 16:
		return float64(int16(binary.LittleEndian.Uint16(b))) / (1 << 15)
	case f.bits == 24:
		return float64(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)) / (1 << 31)
	}
	return float64(int32(binary.LittleEndian.Uint32(b))) / (1 << 31)
}

// crossings is how many zeros of the filter lie on either side of its middle.
const crossings = 16

// resample brings samples to 16 kHz by a sinc under a window of Hann, cut off at the lower of the two Nyquist frequencies.
func resample(in []float32, rate int) []float32 {
	if rate == soundRate {
		return in
	}
	divisor := gcd(rate, soundRate)
	phases, stride := soundRate/divisor, rate/divisor // output i lies at i·stride/phases of the input
	cut := min(1, float64(soundRate)/float64(rate))
	half := int(math.Ceil(crossings / cut))
	filters := make([][]float64, phases)
	for p := range filters {
		filters[p] = filter(float64(p)/float64(phases), cut, half)
	}
	out := make([]float32, len(in)*phases/stride)
	for i := range out {
		at := i * stride
		out[i] = filtered(in, at/phases-half+1, filters[at%phases])
	}
	return out
}

// filter returns 2·half weights, for the samples from half−1 before to half after, of a place that is a fraction after one.
func filter(fraction, cut float64, half int) []float64 {
	weights := make([]float64, 2*half)
	var sum float64
	for i := range weights {
		x := float64(i-half+1) - fraction
		window := 0.0
		if math.Abs(x) < float64(half) {
			window = 0.5 + 0.5*math.Cos(math.Pi*x/float64(half))
		}
		weights[i] = window * sinc(cut*x)
		sum += weights[i]
	}
	for i := range weights {
		weights[i] /= sum // so that a constant stays what it is
	}
	return weights
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// filtered is the sum of the weighted samples from a place on; before the first and after the last there is silence.
func filtered(in []float32, from int, weights []float64) float32 {
	var sum float64
	for i, w := range weights {
		if at := from + i; at >= 0 && at < len(in) {
			sum += w * float64(in[at])
		}
	}
	return float32(sum)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// ofVoice sums the unit vectors of the windows: of each half of one, and of the end.
func (e *extractor) ofVoice(c Capture) ([]float32, error) {
	sound, err := DecodeSound(c.File)
	if err != nil {
		return nil, err
	}
	size := e.manifest.Embedding.Input.Samples
	if len(sound) < size {
		return nil, unreadable("a clip of %d ms, want at least %d", len(sound)*1000/soundRate, size*1000/soundRate)
	}
	sum := make([]float32, e.manifest.Model.Dim)
	for at, last := 0, len(sound)-size; ; at = min(at+size/2, last) {
		window, err := e.run(sound[at : at+size])
		if err != nil {
			return nil, err
		}
		length, err := norm(window)
		if err != nil {
			return nil, err
		}
		for i, v := range window {
			sum[i] += float32(float64(v) / length)
		}
		if at == last {
			break
		}
	}
	if _, err := norm(sum); err != nil {
		return nil, err
	}
	return sum, nil
}
