package population

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// Likeness says how alike the captures of one person are, and those of two. The elements it makes are of coin flips counted
// in integers and of float64 operations that no compiler may fuse, so they are the same on every machine.
type Likeness struct {
	// Mated are the coefficients of the cosine of a probe with its reference, as a cubic of a standard normal deviate.
	Mated [4]float64
	// Person is the share of that deviate's variance which is the person's, in [0, 1]; the rest is the capture's.
	Person float64
	// Poor is the share of captures that are poor, whose cosine is normal with PoorMean and PoorSpread.
	Poor, PoorMean, PoorSpread float64
	// Typical are the coefficients of a, how near a person lies to the direction all share, as a quadratic of a standard
	// normal deviate.
	Typical [3]float64
	// Decay is how many elements it takes for their spread to fall to a half.
	Decay float64
	// Groups is how many groups people fall into, 0 for none, and Group the share of the person's variance they have in
	// common.
	Groups int
	Group  float64
}

// The streams of a subject beside its captures, whose numbers are not negative.
const (
	ofPerson   = -1
	ofNearness = -2
	ofVector   = -3
	ofGroup    = -4
	ofShared   = -5
)

const (
	mostCosine  = 0.995
	mostTypical = 0.98
)

// stream is the randomness of one subject for one purpose.
type stream struct{ rand.PCG }

func (s *stream) seed(seed uint64, subject int64, purpose int64) {
	s.Seed(scatter(seed+scatter(uint64(purpose))), scatter(uint64(subject)))
}

// scatter is the finaliser of SplitMix64.
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// flips is heads minus tails, halved, of 64 coins: as good as normal, with a standard deviation of 4.
func (s *stream) flips() float64 { return float64(bits.OnesCount64(s.Uint64()) - 32) }

// deviate is as good as standard normal, of 1,024 coins.
func (s *stream) deviate() float64 {
	const words = 16
	sum := 0
	for range words {
		sum += bits.OnesCount64(s.Uint64()) - 32
	}
	return float64(sum) / words
}

// share is uniform in [0, 1).
func (s *stream) share() float64 { return float64(s.Uint64()>>11) / (1 << 53) }

// signs are the elements of m, 64 a word, times √Dim.
type signs struct {
	stream
	word uint64
	left int
}

func (s *signs) next() float64 {
	if s.left == 0 {
		s.word, s.left = s.Uint64(), 64
	}
	bit := s.word & 1
	s.word >>= 1
	s.left--
	return float64(int(bit)*2 - 1)
}

// polynomial is Horner's rule, unfused.
func polynomial(c []float64, z float64) float64 {
	sum := 0.0
	for i := len(c) - 1; i >= 0; i-- {
		sum = float64(sum*z) + c[i]
	}
	return sum
}

// nearness is a of one person.
func (l *Likeness) nearness(seed uint64, subject int64) float64 {
	var s stream
	s.seed(seed, subject, ofNearness)
	return min(max(polynomial(l.Typical[:], s.deviate()), 0), mostTypical)
}

// cosine draws that of a probe with its reference.
func (l *Likeness) cosine(s *stream, seed uint64, subject int64) float64 {
	var own stream
	own.seed(seed, subject, ofPerson)
	if s.share() < l.Poor {
		return min(max(l.PoorMean+float64(l.PoorSpread*s.deviate()), -mostCosine), mostCosine)
	}
	z := float64(math.Sqrt(l.Person)*own.deviate()) + float64(math.Sqrt(1-l.Person)*s.deviate())
	return min(max(polynomial(l.Mated[:], z), -mostCosine), mostCosine)
}

// reference writes the unit vector of a subject, in which r is 1.
func (l *Likeness) reference(seed uint64, subject int64, dst []float32) {
	var own, shared stream
	own.seed(seed, subject, ofVector)
	alone, common := 1.0, 0.0
	if l.Groups > 0 {
		shared.seed(seed, int64(scatter(seed+scatter(uint64(subject)))%uint64(l.Groups)), ofGroup)
		alone, common = math.Sqrt(1-l.Group), math.Sqrt(l.Group)
	}
	m := l.common(seed)
	var square, along float64
	for k := range dst {
		x := float64(alone * own.flips())
		if common > 0 {
			x += float64(common * shared.flips())
		}
		x = float64(x / l.fall(k))
		square += float64(x * x)
		along += float64(x * m.next())
		dst[k] = float32(x)
	}
	a := l.nearness(seed, subject)
	root := math.Sqrt(float64(len(dst)))
	along /= root // the part of x along m
	scale := math.Sqrt(1-float64(a*a)) / math.Sqrt(square-float64(along*along))
	shift := (a - float64(scale*along)) / root
	m = l.common(seed)
	for k, x := range dst {
		dst[k] = float32(float64(scale*float64(x)) + float64(shift*m.next()))
	}
}

// fall is the inverse of w(k).
func (l *Likeness) fall(k int) float64 { return 1 + float64(k)/l.Decay }

func (l *Likeness) common(seed uint64) (m signs) {
	m.seed(seed, 0, ofShared)
	return m
}

// probe writes a capture of a subject. Its two passes over e make the same elements.
func (l *Likeness) probe(seed uint64, subject, sample int64, dst []float32) {
	l.reference(seed, subject, dst)
	var s stream
	s.seed(seed, subject, sample)
	cosine := l.cosine(&s, seed, subject)
	a := l.nearness(seed, subject)
	rest := 1 - float64(a*a)
	r := min(max((cosine-float64(a*a))/rest, -mostCosine), mostCosine)
	root, b := math.Sqrt(float64(len(dst))), math.Sqrt(rest)
	m, e := l.common(seed), s
	var square, alongM, alongRef float64
	for k, x := range dst {
		y := float64(e.flips() / l.fall(k))
		square += float64(y * y)
		alongM += float64(y * m.next())
		alongRef += float64(y * float64(x))
	}
	alongM /= root
	alongV := (alongRef - float64(a*alongM)) / b
	length := math.Sqrt(square - float64(alongM*alongM) - float64(alongV*alongV))
	// capture = a·m + b·r·v + n·(e − alongM·m − alongV·v) with v = (ref − a·m)/b
	n := float64(b*math.Sqrt(1-float64(r*r))) / length
	ofRef := r - float64(n*alongV)/b
	ofM := (a - float64(ofRef*a) - float64(n*alongM)) / root
	m, e = l.common(seed), s
	for k, x := range dst {
		y := float64(e.flips() / l.fall(k))
		dst[k] = float32(float64(ofRef*float64(x)) + float64(ofM*m.next()) + float64(n*y))
	}
}
