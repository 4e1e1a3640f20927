// Encodings of instructions that the assembler does not know, checked against binutils.

#define SDOT(m, n, d) WORD $(0x4e809400 | m<<16 | n<<5 | d)   // SDOT   Vd.4S, Vn.16B, Vm.16B
#define SMULL(m, n, d) WORD $(0x0e20c000 | m<<16 | n<<5 | d)  // SMULL  Vd.8H, Vn.8B, Vm.8B
#define SMULL2(m, n, d) WORD $(0x4e20c000 | m<<16 | n<<5 | d) // SMULL2 Vd.8H, Vn.16B, Vm.16B
#define SADALP(n, d) WORD $(0x4e606800 | n<<5 | d)            // SADALP Vd.4S, Vn.8H
#define FMUL(m, n, d) WORD $(0x6e20dc00 | m<<16 | n<<5 | d)   // FMUL   Vd.4S, Vn.4S, Vm.4S
#define FCVTNS(n, d) WORD $(0x4e21a800 | n<<5 | d)            // FCVTNS Vd.4S, Vn.4S: ties to even
#define SQXTN4H(n, d) WORD $(0x0e614800 | n<<5 | d)           // SQXTN  Vd.4H, Vn.4S
#define SQXTN8H(n, d) WORD $(0x4e614800 | n<<5 | d)           // SQXTN2 Vd.8H, Vn.4S
#define SQXTN8B(n, d) WORD $(0x0e214800 | n<<5 | d)           // SQXTN  Vd.8B, Vn.8H
#define SQXTN16B(n, d) WORD $(0x4e214800 | n<<5 | d)          // SQXTN2 Vd.16B, Vn.8H
#define UMAX(m, n, d) WORD $(0x6ea06400 | m<<16 | n<<5 | d)   // UMAX   Vd.4S, Vn.4S, Vm.4S
#define UMAXV(n, d) WORD $(0x6eb0a800 | n<<5 | d)             // UMAXV  Sd, Vn.4S
