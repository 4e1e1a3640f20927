package capture

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"
)

// wav is a WAV file: a chunk that means nothing, the form, the samples.
func wav(code, channels, rate, bits int, data []byte) []byte {
	form := binary.LittleEndian.AppendUint16(nil, uint16(code))
	form = binary.LittleEndian.AppendUint16(form, uint16(channels))
	form = binary.LittleEndian.AppendUint32(form, uint32(rate))
	form = binary.LittleEndian.AppendUint32(form, uint32(rate*channels*bits/8))
	form = binary.LittleEndian.AppendUint16(form, uint16(channels*bits/8))
	form = binary.LittleEndian.AppendUint16(form, uint16(bits))
	if code == wavExtensible {
		form = binary.LittleEndian.AppendUint16(append(form, 22, 0, 16, 0, 0, 0, 0, 0), wavPCM)
		form = append(form, make([]byte, 14)...)
	}
	chunks := riffChunk([]byte("WAVE"), "LIST", []byte("INF"))
	chunks = riffChunk(chunks, "fmt ", form)
	return riffChunk(nil, "RIFF", riffChunk(chunks, "data", data))
}

func wav16(rate, channels int, samples []int16) []byte {
	var data []byte
	for _, s := range samples {
		data = binary.LittleEndian.AppendUint16(data, uint16(s))
	}
	return wav(wavPCM, channels, rate, 16, data)
}

func TestFormsOfSound(t *testing.T) {
	floats := func(x ...float32) (data []byte) {
		for _, v := range x {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		return data
	}
	for name, c := range map[string]struct {
		file []byte
		want []float32
	}{
		"8 bits":     {wav(wavPCM, 1, 16000, 8, []byte{128, 0, 192}), []float32{0, -1, 0.5}},
		"16 bits":    {wav16(16000, 1, []int16{0, -32768, 16384}), []float32{0, -1, 0.5}},
		"24 bits":    {wav(wavPCM, 1, 16000, 24, []byte{0, 0, 0, 0, 0, 0x80, 0, 0, 0x40}), []float32{0, -1, 0.5}},
		"32 bits":    {wav(wavPCM, 1, 16000, 32, []byte{0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0x40}), []float32{0, -1, 0.5}},
		"floats":     {wav(wavFloat, 1, 16000, 32, floats(0, -1, 0.5)), []float32{0, -1, 0.5}},
		"extensible": {wav(wavExtensible, 1, 16000, 16, []byte{0, 0, 0, 0x80, 0, 0x40}), []float32{0, -1, 0.5}},
		"two ears":   {wav16(16000, 2, []int16{100, -100, -32768, -32768, 32766, 2}), []float32{0, -1, 0.5}},
	} {
		got, err := DecodeSound(c.file)
		if err != nil || len(got) != len(c.want) {
			t.Errorf("%s: %v, %v", name, got, err)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %v, want %v", name, got, c.want)
				break
			}
		}
	}
}

// FAULTS: L12 N1 N2
func TestWhatIsNoSound(t *testing.T) {
	good := wav16(16000, 1, []int16{1, 2, 3})
	for n := range good {
		if _, err := DecodeSound(good[:n]); !errors.Is(err, ErrUnreadable) {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(good), err)
		}
	}
	declared := wav16(16000, 1, []int16{1, 2, 3})
	binary.LittleEndian.PutUint32(declared[len(declared)-10:], math.MaxUint32)
	twice := riffChunk(nil, "RIFF", append(riffChunk([]byte("WAVE"), "fmt ", good[32:48]), good[24:]...))
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"4 GiB declared":     {declared, ErrUnreadable},
		"two forms":          {twice, ErrUnreadable},
		"no samples":         {wav16(16000, 1, nil), ErrUnreadable},
		"half a sample":      {wav(wavPCM, 1, 16000, 16, []byte{1, 2, 3}), ErrUnreadable},
		"compressed":         {wav(85, 1, 16000, 16, []byte{1, 2}), ErrUnreadable},
		"12 bits":            {wav(wavPCM, 1, 16000, 12, []byte{1, 2, 3}), ErrUnreadable},
		"no channel":         {wav(wavPCM, 0, 16000, 16, []byte{1, 2}), ErrUnreadable},
		"65,535 channels":    {wav(wavPCM, 65535, 16000, 8, []byte{1, 2}), ErrUnreadable},
		"no rate":            {wav(wavPCM, 1, 0, 16, []byte{1, 2}), ErrUnreadable},
		"a rate of a prime":  {wav(wavPCM, 1, 44111, 16, []byte{1, 2}), ErrUnreadable},
		"NaN":                {wav(wavFloat, 1, 16000, 32, []byte{0, 0, 0xc0, 0x7f}), ErrUnreadable},
		"infinite":           {wav(wavFloat, 1, 16000, 32, []byte{0, 0, 0x80, 0x7f}), ErrUnreadable},
		"61 seconds":         {wav(wavPCM, 1, 8000, 8, make([]byte, 61*8000)), ErrTooLarge},
		"more than is taken": {make([]byte, MaxFile+1), ErrTooLarge},
	} {
		if got, err := DecodeSound(c.file); got != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// tone is a second of a sine, at half of full scale.
func tone(rate int, hertz float64) []int16 {
	samples := make([]int16, rate)
	for i := range samples {
		samples[i] = int16(math.Round(16384 * math.Sin(2*math.Pi*hertz*float64(i)/float64(rate))))
	}
	return samples
}

// A tone keeps its pitch, phase and loudness at any rate; one above what 16 kHz can hold is gone, and not folded down.
func TestResampling(t *testing.T) {
	for _, rate := range soundRates {
		got, err := DecodeSound(wav16(rate, 1, tone(rate, 1000)))
		if err != nil || len(got) != soundRate {
			t.Fatalf("%d: %d samples, %v", rate, len(got), err)
		}
		for i := 200; i < len(got)-200; i++ {
			if want := 0.5 * math.Sin(2*math.Pi*1000*float64(i)/soundRate); math.Abs(float64(got[i])-want) > 2e-3 {
				t.Fatalf("from %d: sample %d is %g, want %g", rate, i, got[i], want)
			}
		}
	}
	for _, rate := range []int{22050, 44100, 48000, 96000} {
		got, err := DecodeSound(wav16(rate, 1, tone(rate, 10000)))
		if err != nil {
			t.Fatal(err)
		}
		for i := 200; i < len(got)-200; i++ {
			if math.Abs(float64(got[i])) > 5e-3 {
				t.Fatalf("from %d: 10 kHz come through at %g", rate, got[i])
			}
		}
	}
}

// Whatever is read is sound: finite, at most as long as a clip may be.
//
// FAULTS: L12
func FuzzSound(f *testing.F) {
	f.Add(wav16(44100, 2, []int16{1, -2, 3, -4}))
	f.Add(wav(wavFloat, 1, 16000, 32, []byte{0, 0, 0x80, 0x3f}))
	f.Add(wav(wavExtensible, 1, 8000, 24, []byte{1, 2, 3}))
	f.Fuzz(func(t *testing.T, file []byte) {
		got, err := DecodeSound(file)
		if err != nil {
			return
		}
		if len(got) > MaxSeconds*soundRate {
			t.Fatalf("%d samples", len(got))
		}
		for _, v := range got {
			if !(math.Abs(float64(v)) < 64) {
				t.Fatalf("a sample of %g", v)
			}
		}
	})
}

func BenchmarkDecodeSound(b *testing.B) {
	file := wav16(44100, 1, tone(44100, 440))
	for b.Loop() {
		if _, err := DecodeSound(file); err != nil {
			b.Fatal(err)
		}
	}
}
