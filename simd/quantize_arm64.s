//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// func maxAbsNEON(src *float32, n int) uint32
TEXT ·maxAbsNEON(SB), NOSPLIT, $0-20
	MOVD src+0(FP), R0
	MOVD n+8(FP), R1
	MOVW $0x7fffffff, R2
	VDUP R2, V31.S4
	VEOR V16.B16, V16.B16, V16.B16
	VEOR V17.B16, V17.B16, V17.B16

vector:
	VLD1.P 64(R0), [V0.B16, V1.B16, V2.B16, V3.B16]
	VAND   V31.B16, V0.B16, V0.B16
	VAND   V31.B16, V1.B16, V1.B16
	VAND   V31.B16, V2.B16, V2.B16
	VAND   V31.B16, V3.B16, V3.B16
	UMAX(0, 16, 16)
	UMAX(1, 17, 17)
	UMAX(2, 16, 16)
	UMAX(3, 17, 17)
	SUBS   $16, R1, R1
	BNE    vector

	UMAX(17, 16, 16)
	UMAXV(16, 16)
	VMOV V16.S[0], R3
	MOVW R3, ret+16(FP)
	RET

// func scaleNEON(dst *int8, src *float32, n int, r float32) int32
TEXT ·scaleNEON(SB), NOSPLIT, $0-36
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD n+16(FP), R2
	MOVW r+24(FP), R3
	VDUP R3, V31.S4
	VEOR V16.B16, V16.B16, V16.B16
	VEOR V17.B16, V17.B16, V17.B16

vector:
	VLD1.P 64(R1), [V0.B16, V1.B16, V2.B16, V3.B16]
	FMUL(31, 0, 0)
	FMUL(31, 1, 1)
	FMUL(31, 2, 2)
	FMUL(31, 3, 3)
	FCVTNS(0, 0)
	FCVTNS(1, 1)
	FCVTNS(2, 2)
	FCVTNS(3, 3)
	SQXTN4H(0, 4)
	SQXTN8H(1, 4)
	SQXTN4H(2, 5)
	SQXTN8H(3, 5)
	SQXTN8B(4, 6)
	SQXTN16B(5, 6)
	VST1.P [V6.B16], 16(R0)
	SMULL(6, 6, 20)
	SMULL2(6, 6, 21)
	SADALP(20, 16)
	SADALP(21, 17)
	SUBS   $16, R2, R2
	BNE    vector

	VADD  V17.S4, V16.S4, V16.S4
	VADDV V16.S4, V16
	VMOV  V16.S[0], R3
	MOVW  R3, ret+32(FP)
	RET
