package population

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"

	"zhenni"
	"zhenni/engine/accuracy"
)

func TestCredentialsAscendAndAreFoundAgain(t *testing.T) {
	for _, size := range []int64{2, 3, 1000, 1_400_000_000, MaxSize} {
		p := Population{Seed: 5, Size: size, Dim: 8}
		steps := max(size/500, 1)
		var last zhenni.CredentialID
		for i := int64(0); i < size; i += steps {
			for near := i; near < min(i+3, size); near++ {
				id := p.ID(near)
				if near > i && bytes.Compare(last[:], id[:]) >= 0 {
					t.Fatalf("%d subjects: %d has %s after %s", size, near, id, last)
				}
				last = id
				if got, ok := p.Subject(id); !ok || got != near {
					t.Fatalf("%d subjects: %s is of %d, %v, want %d", size, id, got, ok, near)
				}
				if got, ok := p.Subject(p.Unknown(near)); ok {
					t.Fatalf("%d subjects: the unknown id beside %d is of %d", size, near, got)
				}
			}
		}
		if id := p.ID(size - 1); bytes.Compare(last[:], id[:]) > 0 {
			t.Fatalf("%d subjects: the last has %s", size, id)
		}
	}
}

func TestCredentialsFallOnSlotsAlike(t *testing.T) {
	p := Population{Seed: 5, Size: 1 << 17, Dim: 8}
	counts := make([]int, zhenni.Slots)
	for i := range p.Size {
		counts[p.ID(i).Slot()]++
	}
	if least, most := slices.Min(counts), slices.Max(counts); least < 7 || most > 9 {
		t.Errorf("%d–%d credentials a slot, want about 8", least, most)
	}
}

// The first elements of one subject and its first id, frozen: a change here changes every store that was made of a population.
func TestPopulationIsFrozen(t *testing.T) {
	p := Population{Seed: 1, Size: 1000, Dim: 8, Likeness: Faces()}
	got := make([]float32, 8)
	p.Reference(7, got)
	if !slices.Equal(got, frozenReference[:]) {
		t.Errorf("reference %#v", got)
	}
	if p.Probe(7, 3, got); !slices.Equal(got, frozenProbe[:]) {
		t.Errorf("probe %#v", got)
	}
	if got := p.ID(7).String(); got != frozenID {
		t.Errorf("id %s", got)
	}
}

func TestPlainPopulationIsTheOneProfilesAreCalibratedOn(t *testing.T) {
	p, plain := Population{Seed: 9, Size: 100, Dim: 32}, accuracy.Population{Seed: 9, Dim: 32}
	got, want := make([]float32, 32), make([]float32, 32)
	if p.Reference(4, got); true {
		plain.Reference(4, want)
	}
	if !slices.Equal(got, want) {
		t.Error("another reference")
	}
	p.Probe(4, 2, got)
	plain.Probe(4, 2, want)
	if !slices.Equal(got, want) {
		t.Error("another probe")
	}
}

// The vectors have the cosine that was drawn, and unit length; made by several goroutines they are the same.
func TestProbesHaveTheCosineDrawn(t *testing.T) {
	for name, l := range map[string]*Likeness{"voices": Voices(), "faces": Faces()} {
		p := Population{Seed: 2, Size: 1 << 30, Dim: 128, Likeness: l}
		var working sync.WaitGroup
		for worker := range 2 {
			working.Go(func() {
				reference, probe := make([]float32, p.Dim), make([]float32, p.Dim)
				for i := int64(worker); i < p.Size; i += p.Size / 300 {
					p.Reference(i, reference)
					p.Probe(i, 1, probe)
					var s stream
					s.seed(p.Seed, i, 1)
					a := l.nearness(p.Seed, i)
					least := float64(a*a) - mostCosine*(1-a*a) // where the part beside m is turned about
					want := max(l.cosine(&s, p.Seed, i), least)
					if got := dot(reference, probe); math.Abs(got-want) > 1e-5 {
						t.Errorf("%s: subject %d: cosine %v, want %v", name, i, got, want)
					}
					if length := dot(probe, probe); math.Abs(length-1) > 1e-5 || math.Abs(dot(reference, reference)-1) > 1e-5 {
						t.Errorf("%s: subject %d: squared length %v", name, i, length)
					}
				}
			})
		}
		working.Wait()
	}
}

func dot(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func TestPopulationDoesNotAllocate(t *testing.T) {
	p := Population{Seed: 1, Size: 1000, Dim: 128, Likeness: Voices()}
	dst := make([]float32, p.Dim)
	if n := testing.AllocsPerRun(100, func() { p.Reference(1, dst); p.Probe(2, 3, dst); p.ID(4) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestValidateNamesWhatIsWrong(t *testing.T) {
	good := Population{Size: 100, Dim: 16}
	for name, spoil := range map[string]func(*Population){
		"size": func(p *Population) { p.Size = 1 }, "too many": func(p *Population) { p.Size = MaxSize + 1 },
		"dimension": func(p *Population) { p.Dim = 4 }, "all revoked": func(p *Population) { p.Revoked = 99 },
		"tenants": func(p *Population) { p.Tenants = 60 },
	} {
		p := good
		spoil(&p)
		if err := p.Validate(); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

func BenchmarkProbe(b *testing.B) {
	p := Population{Seed: 1, Size: 1 << 30, Dim: 192, Likeness: Voices()}
	dst := make([]float32, p.Dim)
	for i := int64(0); b.Loop(); i++ {
		p.Probe(i, 0, dst)
	}
}

var (
	frozenReference = [8]float32{-0.44181156, 0.14669853, 0.38210464, 0.0960436, -0.43853098, -0.21511942, -0.60177505, 0.16533226}
	frozenProbe     = [8]float32{-0.42069036, 0.085109964, 0.13201377, 0.16110677, -0.44348985, -0.37125313, -0.60444593, 0.26930627}
)

const frozenID = "01d4f7fb028925eefbca662387d9c66d"
