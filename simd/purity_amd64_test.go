//go:build linux && !purego

package simd

import (
	"debug/elf"
	"debug/gosym"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// On a machine without AVX-512 one EVEX instruction faults, and the assembler chooses that encoding without a word
// where an operand asks for it. Its mark is a first byte of 62, which starts no other instruction in 64-bit mode.
// Every line of assembly is one instruction, so the line table of the running executable tells where each begins.
func TestAVX2KernelsHoldNoEVEX(t *testing.T) {
	source, err := os.ReadFile("avx2_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	wide := regexp.MustCompile(`\bZ\d+\b|\b[XY](1[6-9]|2\d|3[01])\b|\bK[0-7]\b|VPDP|VMOVDQ[UA](8|16|32|64)\b`)
	if found := wide.Find(source); found != nil {
		t.Errorf("avx2_amd64.s has %s", found)
	}
	functions := len(regexp.MustCompile(`(?m)^TEXT ·`).FindAll(source, -1))
	instructions := len(regexp.MustCompile(`(?m)^\t[A-Z]`).FindAll(source, -1))

	checked, evex := countEVEX(t, "avx2_amd64.s")
	if checked.functions != functions || checked.instructions < instructions {
		t.Errorf("%d functions and %d instructions found, the source has %d and %d", checked.functions,
			checked.instructions, functions, instructions)
	}
	if evex != 0 {
		t.Errorf("%d EVEX instructions in avx2_amd64.s", evex)
	}
	if _, evex := countEVEX(t, "vnni_amd64.s"); evex == 0 {
		t.Error("no EVEX instruction seen in vnni_amd64.s, so the test would see none anywhere")
	}
}

type found struct{ functions, instructions int }

// countEVEX looks through the code of this executable that comes from one assembly file.
func countEVEX(t *testing.T, file string) (checked found, evex int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := elf.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	text := binary.Section(".text")
	code, err := text.Data()
	if err != nil {
		t.Fatal(err)
	}
	lines, err := binary.Section(".gopclntab").Data()
	if err != nil {
		t.Fatal(err)
	}
	table, err := gosym.NewTable(nil, gosym.NewLineTable(lines, text.Addr))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range table.Funcs {
		if path, _, _ := table.PCToLine(f.Entry); filepath.Base(path) != file {
			continue
		}
		checked.functions++
		last := 0
		for pc := f.Entry; pc < f.End; pc++ {
			if _, line, _ := table.PCToLine(pc); line != last {
				last = line
				checked.instructions++
				if code[pc-text.Addr] == 0x62 {
					evex++
				}
			}
		}
	}
	return checked, evex
}
