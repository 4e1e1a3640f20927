package defects

var simdDefects = []defect{
	{
		name: "hash-root-unmarked", file: "simd/blake.go", caught: "TestBlake3Vectors",
		old: "	last.flags |= blakeRoot\n", new: "",
		does: "the hash of a body is none that anybody else computes, and a part of a body passes for the whole",
	},
	{
		name: "hash-tail-out-of-order", file: "simd/blake.go", caught: "TestBlake3Vectors",
		old: "for ended := i + 1; ended%2 == 0; ended /= 2 {", new: "for ended := i + 1; ended%2 == 0 && ended < 8; ended /= 2 {",
		does: "bodies of a certain length have another hash than they should",
	},
	{
		name: "minus-128-is-symmetric", file: "simd/generic.go", tags: "purego", caught: "TestLoneMinimum",
		old: "symmetric = symmetric && x != math.MinInt8", new: "_ = math.MinInt8",
		does: "-128 passes the check that makes every kernel exact",
	},
	{
		name: "minus-128-has-a-norm", file: "simd/generic.go", tags: "purego", caught: "TestLoneMinimumHasNoNorm",
		old: "		if !symmetric {\n			sum = 0\n		}\n", new: "		_ = symmetric\n",
		does: "a probe with -128 is compared where its norm comes with the comparison",
	},
	{
		name: "dot-saturates", file: "simd/generic.go", tags: "purego", caught: "TestDotExtremes",
		old: "sum += int32(x) * int32(b[i])\n	}\n	return sum\n}\n\nfunc sumSquaresGeneric", new: "sum += int32(int16(int32(x) * int32(b[i]) * 2 / 2 & 0x3fff))\n	}\n	return sum\n}\n\nfunc sumSquaresGeneric",
		does: "products lose their upper bits, as in a 16-bit lane that overflows",
	},
	{
		name: "few-rows-slow-the-core", file: "simd/dispatch_amd64.go", caught: "TestFewRowsStayNarrow",
		old: "return useVNNI && n >= leastWide", new: "return useVNNI && n > 0",
		does: "one comparison makes everything that its core runs for most of a millisecond slower by a seventh",
	},
	{
		name: "avx2-for-short-rows", file: "simd/dispatch_amd64.go", caught: "TestFloatsStayInside",
		old: "n = len(src) &^ 15\n		sumSq = scaleVNNI", new: "n = len(src)\n		sumSq = scaleVNNI",
		does: "a kernel writes beyond the end of a row that is no multiple of its width",
	},
	{
		name: "quantise-takes-infinity", file: "simd/simd.go", caught: "TestQuantizeRefuses",
		old: "if largest >= 0x7f800000 {", new: "if largest > 0x7f800000 {",
		does: "an infinite element is quantised",
	},
	{
		name: "quantise-away-from-even", file: "simd/generic.go", tags: "purego", caught: "TestQuantizeTies",
		old: "math.RoundToEven(", new: "math.Round(",
		does: "machines differ on ties, and so in their decisions",
	},
	{
		name: "rows-outside-are-read", file: "simd/simd.go", caught: "TestArgumentsThatDoNotFitPanic",
		old: "if d < 0 || d > length || outside(offsets, length-d) {", new: "if d < 0 || d > length {",
		does: "a wrong offset reads memory of somebody else",
	},
}
