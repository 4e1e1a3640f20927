//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// Accumulators are V16–V19.
#define ZERO \
	VEOR V16.B16, V16.B16, V16.B16 \
	VEOR V17.B16, V17.B16, V17.B16 \
	VEOR V18.B16, V18.B16, V18.B16 \
	VEOR V19.B16, V19.B16, V19.B16

#define FOLD \
	VADD  V17.S4, V16.S4, V16.S4 \
	VADD  V19.S4, V18.S4, V18.S4 \
	VADD  V18.S4, V16.S4, V16.S4 \
	VADDV V16.S4, V16            \
	VMOV  V16.S[0], R3

// A product of two int8 fits 16 bits, (−128)² too; a sum of two does not, so each goes to 32 bits on its own.
#define WIDEN(m, n, d, e) \
	SMULL(m, n, 20)  \
	SMULL2(m, n, 21) \
	SADALP(20, d)    \
	SADALP(21, e)

// func dotSDOT(a, b *int8, n int) int32
TEXT ·dotSDOT(SB), NOSPLIT, $0-28
	MOVD a+0(FP), R0
	MOVD b+8(FP), R1
	MOVD n+16(FP), R2
	ZERO
	SUBS $64, R2, R2
	BLT  narrow

wide:
	VLD1.P 64(R0), [V0.B16, V1.B16, V2.B16, V3.B16]
	VLD1.P 64(R1), [V4.B16, V5.B16, V6.B16, V7.B16]
	SDOT(4, 0, 16)
	SDOT(5, 1, 17)
	SDOT(6, 2, 18)
	SDOT(7, 3, 19)
	SUBS   $64, R2, R2
	BGE    wide

narrow:
	ADDS $64, R2, R2
	BEQ  done

vector:
	VLD1.P 16(R0), [V0.B16]
	VLD1.P 16(R1), [V4.B16]
	SDOT(4, 0, 16)
	SUBS   $16, R2, R2
	BNE    vector

done:
	FOLD
	MOVW R3, ret+24(FP)
	RET

// func dotNEON(a, b *int8, n int) int32
TEXT ·dotNEON(SB), NOSPLIT, $0-28
	MOVD a+0(FP), R0
	MOVD b+8(FP), R1
	MOVD n+16(FP), R2
	ZERO
	SUBS $64, R2, R2
	BLT  narrow

wide:
	VLD1.P 64(R0), [V0.B16, V1.B16, V2.B16, V3.B16]
	VLD1.P 64(R1), [V4.B16, V5.B16, V6.B16, V7.B16]
	WIDEN(4, 0, 16, 17)
	WIDEN(5, 1, 18, 19)
	WIDEN(6, 2, 16, 17)
	WIDEN(7, 3, 18, 19)
	SUBS   $64, R2, R2
	BGE    wide

narrow:
	ADDS $64, R2, R2
	BEQ  done

vector:
	VLD1.P 16(R0), [V0.B16]
	VLD1.P 16(R1), [V4.B16]
	WIDEN(4, 0, 16, 17)
	SUBS   $16, R2, R2
	BNE    vector

done:
	FOLD
	MOVW R3, ret+24(FP)
	RET
