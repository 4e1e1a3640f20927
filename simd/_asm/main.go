// Command _asm generates the amd64 kernels of package simd. It is a module of its own, so that avo stays out of the
// product's dependencies. `go generate ./simd` runs it once a tier; the output is committed and CI regenerates it and
// fails on a difference.
package main

import (
	"flag"
	"log"

	"github.com/mmcloughlin/avo/build"
)

func main() {
	tier := flag.String("tier", "", "kernels to generate: vnni or avx2")
	flag.Parse()
	build.ConstraintExpr("!purego")
	switch *tier {
	case "vnni":
		dotVNNI()
		sumSquaresVNNI()
		dotPairsVNNI()
		dotPairsNormsVNNI()
		dotBlockVNNI()
		packVNNI()
		tileVNNI()
		peakVNNI()
		zmm.quantize()
		zmm.hadamard()
		compressVNNI()
		zmm.digest()
		chunksVNNI()
		parentsVNNI()
	case "avx2":
		dotAVX2()
		sumSquaresAVX2()
		dotPairsAVX2()
		dotBlockAVX2()
		outside()
		prefetch()
		ymm.quantize()
		ymm.hadamard()
		compressAVX2()
		ymm.digest()
	default:
		log.Fatalf("unknown tier %q", *tier)
	}
	build.Generate()
}
