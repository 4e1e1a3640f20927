package capture

import (
	"fmt"
	"math"
	"math/cmplx"
)

// Point is a place in a picture, in pixels from the centre of the one at the upper left, right and down.
type Point struct{ X, Y float64 }

// Points are the centre of the eye on the left of the picture, that of the one on the right, the tip of the nose, and the
// corners of the mouth on the left and on the right.
type Points [5]Point

// templateSide is the side of the square that the template is for.
const templateSide = 112

// template is where the points lie in an aligned picture (ArcFace, Deng et al. 2019).
var template = Points{{38.2946, 51.6963}, {73.5318, 51.5014}, {56.0252, 71.7366}, {41.5493, 92.3655}, {70.7299, 92.2041}}

// templateFor is the template of a picture of another size: of the largest square in its middle.
func templateFor(width, height int) Points {
	side := float64(min(width, height))
	scale := side / templateSide
	var t Points
	for i, p := range template {
		// Scaling is about the corner of the first pixel, half a pixel before its centre.
		t[i] = Point{
			(p.X+0.5)*scale - 0.5 + (float64(width)-side)/2,
			(p.Y+0.5)*scale - 0.5 + (float64(height)-side)/2,
		}
	}
	return t
}

// similarity maps z to turn·z + shift: the plane as complex numbers, x + iy.
type similarity struct{ turn, shift complex128 }

func (s similarity) apply(p Point) Point {
	z := s.turn*complex(p.X, p.Y) + s.shift
	return Point{real(z), imag(z)}
}

// The bounds of the scale by which a face is brought to the template: between a face of ten pixels in a picture and one
// that is larger than a picture may be.
const (
	minScale = 1.0 / 256
	maxScale = 16
)

// align returns the similarity that brings from nearest to to in the least squares: Umeyama's without reflection, which in the
// plane is a quotient of complex numbers. Points that are not finite or lie on one spot are [ErrNoFace].
func align(from, to Points) (similarity, error) {
	var meanFrom, meanTo complex128
	for i := range from {
		meanFrom += complex(from[i].X, from[i].Y) / complex(float64(len(from)), 0)
		meanTo += complex(to[i].X, to[i].Y) / complex(float64(len(to)), 0)
	}
	var across complex128
	var spread float64
	for i := range from {
		p, q := complex(from[i].X, from[i].Y)-meanFrom, complex(to[i].X, to[i].Y)-meanTo
		across += cmplx.Conj(p) * q
		spread += real(p)*real(p) + imag(p)*imag(p)
	}
	turn := across / complex(spread, 0)
	if scale := cmplx.Abs(turn); !(scale >= minScale && scale <= maxScale) { // NaN is neither
		return similarity{}, fmt.Errorf("%w: the five points are those of none", ErrNoFace)
	}
	return similarity{turn, meanTo - turn*meanFrom}, nil
}

// warp returns the picture of a size in which what is at z lies at s(z), by bilinear interpolation.
func (p *Picture) warp(s similarity, width, height int) *Picture {
	out := &Picture{Width: width, Height: height, pix: make([]byte, 4*width*height)}
	to := out.pix
	for y := range height {
		for x := range width {
			z := (complex(float64(x), float64(y)) - s.shift) / s.turn
			p.interpolate(to[:4], real(z), imag(z))
			to = to[4:]
		}
	}
	return out
}

// interpolate writes the colour at a place between four pixels; those outside of the picture are black.
func (p *Picture) interpolate(to []byte, x, y float64) {
	if !(x > -1 && y > -1 && x < float64(p.Width) && y < float64(p.Height)) {
		return
	}
	left, top := math.Floor(x), math.Floor(y)
	x, y = x-left, y-top
	var sum [3]float64
	for _, corner := range [4]struct {
		x, y   int
		weight float64
	}{
		{int(left), int(top), (1 - x) * (1 - y)}, {int(left) + 1, int(top), x * (1 - y)},
		{int(left), int(top) + 1, (1 - x) * y}, {int(left) + 1, int(top) + 1, x * y},
	} {
		if corner.x < 0 || corner.y < 0 || corner.x >= p.Width || corner.y >= p.Height {
			continue
		}
		pixel := p.pix[4*(corner.y*p.Width+corner.x):]
		for c := range sum {
			sum[c] += corner.weight * float64(pixel[c])
		}
	}
	for c, value := range sum {
		to[c] = byte(value + 0.5)
	}
}

// scaled returns the whole picture in another size. Edges meet edges, so that places scale about the corner.
func (p *Picture) scaled(width, height int) *Picture {
	out := &Picture{Width: width, Height: height, pix: make([]byte, 4*width*height)}
	to := out.pix
	for y := range height {
		for x := range width {
			p.interpolate(to[:4], within(x, width, p.Width), within(y, height, p.Height))
			to = to[4:]
		}
	}
	return out
}

// within is the place in a row of n pixels of the middle of pixel i of to, kept off the black beyond the edges.
func within(i, to, n int) float64 {
	at := (float64(i)+0.5)*float64(n)/float64(to) - 0.5
	return min(max(at, 0), float64(n-1))
}
