package capture

import (
	"errors"
	"math"
	"math/cmplx"
	"testing"

	"pgregory.net/rapid"
)

func distance(a, b Point) float64 { return math.Hypot(a.X-b.X, a.Y-b.Y) }

// drawSimilarity draws one by which a face may have come into a picture: as small as ten pixels, as large as a picture may
// be, at any angle.
func drawSimilarity(t *rapid.T) similarity {
	scale := rapid.Float64Range(1.0/8, 64).Draw(t, "scale")
	angle := rapid.Float64Range(-math.Pi, math.Pi).Draw(t, "angle")
	x, y := rapid.Float64Range(-8192, 8192).Draw(t, "x"), rapid.Float64Range(-8192, 8192).Draw(t, "y")
	return similarity{cmplx.Rect(scale, angle), complex(x, y)}
}

// However a face lies in a picture, its points come to lie on those of the template.
func TestAlignmentUndoesAnySimilarity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSimilarity(t)
		var points Points
		for i, p := range template {
			points[i] = s.apply(p)
		}
		back, err := align(points, template)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range points {
			if d := distance(back.apply(p), template[i]); d > 1e-6 {
				t.Fatalf("point %d is %g off", i, d)
			}
		}
	})
}

// Of points that no similarity brings onto the template, none is nearer in the squares than the one that is found.
func TestAlignmentIsTheLeastSquares(t *testing.T) {
	squares := func(s similarity, points Points) (sum float64) {
		for i, p := range points {
			d := distance(s.apply(p), template[i])
			sum += d * d
		}
		return sum
	}
	rapid.Check(t, func(t *rapid.T) {
		var points Points
		for i, p := range template {
			points[i] = Point{
				p.X + rapid.Float64Range(-9, 9).Draw(t, "x"),
				p.Y + rapid.Float64Range(-9, 9).Draw(t, "y"),
			}
		}
		best, err := align(points, template)
		if err != nil {
			t.Fatal(err)
		}
		other := best
		other.turn += complex(rapid.Float64Range(-0.1, 0.1).Draw(t, "a"), rapid.Float64Range(-0.1, 0.1).Draw(t, "b"))
		other.shift += complex(rapid.Float64Range(-3, 3).Draw(t, "c"), rapid.Float64Range(-3, 3).Draw(t, "d"))
		if found, beside := squares(best, points), squares(other, points); found > beside+1e-9 {
			t.Fatalf("%g, beside it %g", found, beside)
		}
	})
}

// FAULTS: N1 N2
func TestPointsOfNoFace(t *testing.T) {
	spot := Points{{5, 5}, {5, 5}, {5, 5}, {5, 5}, {5, 5}}
	nan, infinite, far := template, template, template
	nan[2].X = math.NaN()
	infinite[0].Y = math.Inf(1)
	for i := range far {
		far[i] = Point{far[i].X * 1e6, far[i].Y * 1e6}
	}
	for name, points := range map[string]Points{"one spot": spot, "NaN": nan, "infinite": infinite, "a million times as large": far} {
		if _, err := align(points, template); !errors.Is(err, ErrNoFace) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The template is that of ArcFace for its size, and keeps its place in others.
func TestTemplateForOtherSizes(t *testing.T) {
	for i, p := range templateFor(112, 112) {
		if distance(p, template[i]) > 1e-12 {
			t.Errorf("point %d: %v", i, p)
		}
	}
	for i, p := range templateFor(224, 448) {
		if want := (Point{2*template[i].X + 0.5, 2*template[i].Y + 0.5 + 112}); distance(p, want) > 1e-9 {
			t.Errorf("point %d: %v, want %v", i, p, want)
		}
	}
}

// Between pixels the colour lies between theirs; outside of the picture it is black.
func TestInterpolation(t *testing.T) {
	p := &Picture{Width: 2, Height: 2, pix: []byte{0, 0, 0, 0, 100, 0, 0, 0, 200, 40, 0, 0, 255, 80, 8, 0}}
	for at, want := range map[Point][3]byte{
		{0, 0}: {0, 0, 0}, {1, 1}: {255, 80, 8}, {0.5, 0}: {50, 0, 0}, {0, 0.25}: {50, 10, 0}, {0.5, 0.5}: {139, 30, 2},
		{1.5, 1}: {128, 40, 4}, {2, 1}: {}, {-1, 0}: {}, {math.NaN(), 0}: {}, {math.Inf(1), 0}: {},
	} {
		var got [3]byte
		p.interpolate(got[:], at.X, at.Y)
		if got != want {
			t.Errorf("%v: %v, want %v", at, got, want)
		}
	}
	if s := p.scaled(4, 4); s.pix[0] != 0 || s.pix[4*15] != 255 {
		t.Errorf("scaled, the corners are %d and %d", s.pix[0], s.pix[4*15])
	}
}

func BenchmarkWarp(b *testing.B) {
	p := &Picture{Width: 640, Height: 480, pix: make([]byte, 4*640*480)}
	s := similarity{complex(0.4, 0.1), complex(-30, 12)}
	for b.Loop() {
		p.warp(s, 112, 112)
	}
}
