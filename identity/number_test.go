package identity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhenni"
)

// today is the day of all tests that do not set one.
var today = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

// checked completes 17 digits with their check digit.
func checked(digits string) string { return digits + string(checkDigit([]byte(digits))) }

func mustNumber(t testing.TB, text string) Number {
	t.Helper()
	n, err := ParseNumber([]byte(text), today)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return n
}

// mustBeFault fails unless err is a Fault: then its text is one of the table, which holds nothing of the input. That is
// looked at once more for the digits of a number.
func mustBeFault(t testing.TB, err error, input string) {
	t.Helper()
	fault, ok := err.(Fault)
	if !ok || !errors.Is(err, zhenni.ErrBadValue) || int(fault) >= len(texts) || texts[fault] == "" {
		t.Fatalf("%q: %v is no fault of the table", input, err)
	}
	for i := range max(0, len(input)-2) {
		if run := input[i : i+3]; isDigits(run) && strings.Contains(err.Error(), run) {
			t.Errorf("%q: the error %q holds %q", input, err, run)
		}
	}
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func TestFaultsAreFixedTexts(t *testing.T) {
	seen := make(map[string]bool)
	for f, text := range texts {
		if text == "" {
			continue
		}
		if seen[text] {
			t.Errorf("two faults say %q", text)
		}
		seen[text] = true
		if got := Fault(f).Error(); got != "zhenni: bad value: "+text || !errors.Is(Fault(f), zhenni.ErrBadValue) {
			t.Errorf("%d: %q", f, got)
		}
		for i := range max(0, len(text)-2) {
			if isDigits(text[i : i+3]) {
				t.Errorf("%q holds a run of three digits", text)
			}
		}
	}
	for _, f := range []Fault{0, 31, 255} {
		if f.Error() != "zhenni: bad value: identity" {
			t.Errorf("%d: %q", f, f.Error())
		}
	}
}

// Vectors of MOD 11-2: the examples of GB 11643-1999 and of ISO/IEC 7064, and sample records of ORCID, which has the
// same check digit.
func TestCheckDigitVectors(t *testing.T) {
	for _, vector := range []string{
		"11010519491231002X", "440524188001010014",
		"07940", "079X",
		"0000000218250097", "0000000151093700", "000000021694233X",
	} {
		end := len(vector) - 1
		if got := checkDigit([]byte(vector[:end])); got != vector[end] {
			t.Errorf("%s: %c", vector, got)
		}
	}
}

// FAULTS: L10
func TestNumberHasOneForm(t *testing.T) {
	for _, text := range []string{
		"11010519491231002X",
		"11010519491231002x",
		"  11010519491231002X ",
		"\u300011010519491231002X\u3000",
		"１１０１０５１９４９１２３１００２Ｘ",
		"１１０１０５１９４９１２３１００２ｘ",
		"110105１９４９1231002ｘ",
	} {
		if n := mustNumber(t, text); string(n.bytes()) != "11010519491231002X" {
			t.Errorf("%q: another number", text)
		}
	}
}

func TestNumbersThatAreSound(t *testing.T) {
	for what, text := range map[string]string{
		"second example of the standard": "440524188001010014",
		"leap day":                       checked("11010520000229002"),
		"first day":                      checked("11010518500101002"),
		"born today":                     checked("11010520261122002"),
		"sequence of zeros":              checked("11010519491231000"),
		"Taiwan":                         checked("71000019491231002"),
		"permit of Hong Kong":            checked("81000019491231002"),
		"permit of Macao":                checked("82000019491231002"),
		"permit of Taiwan":               checked("83000019491231002"),
	} {
		if _, err := ParseNumber([]byte(text), today); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// FAULTS: L10 L11
func TestFaultsOfANumber(t *testing.T) {
	for _, test := range []struct {
		what, text string
		want       Fault
	}{
		{"nothing", "", NumberEmpty},
		{"spaces", " \u3000 ", NumberEmpty},
		{"15 digits", "110105491231002", NumberOldForm},
		{"15 full-width digits", "１１０１０５４９１２３１００２", NumberOldForm},
		{"15 characters", "11010549123100X", NumberLength},
		{"17 digits", "11010519491231002", NumberLength},
		{"19 digits", "1101051949123100200", NumberLength},
		{"an X too many", "11010519491231002XX", NumberLength},
		{"very many", strings.Repeat("1", 1<<20), NumberLength},
		{"letter", "11010519491231002A", NumberCharacter},
		{"X within", "1101051949123X0021", NumberCharacter},
		{"space within", "110105 9491231002X", NumberCharacter},
		{"dash", "110105-94912310021", NumberCharacter},
		{"Arabic-Indic digits", "١١٠١٠٥١٩٤٩١٢٣١٠٠٢١", NumberCharacter},
		{"Han digits", "一一〇一〇五一九四九一二三一〇〇二一", NumberCharacter},
		{"Cyrillic letter like X", "11010519491231002Х", NumberCharacter},
		{"Greek letter like X", "11010519491231002Χ", NumberCharacter},
		{"Roman ten", "11010519491231002Ⅹ", NumberCharacter},
		{"superscript", "1101051949123100²X", NumberCharacter},
		{"not UTF-8", "11010519491231002\xff", NumberCharacter},
		{"tab after", "11010519491231002X\t", NumberLength},
		{"line break after", "11010519491231002X\r\n", NumberLength},
		{"zero-width space within", "11010519491231002\u200bX", NumberLength},
		{"NUL", "11010519491231002\x00", NumberCharacter},
		{"check digit", "110105194912310021", NumberCheck},
		{"region 10", checked("10010519491231002"), NumberRegion},
		{"region 00", checked("00010519491231002"), NumberRegion},
		{"region 16", checked("16010519491231002"), NumberRegion},
		{"region 91", checked("91010519491231002"), NumberRegion},
		{"region 99", checked("99010519491231002"), NumberRegion},
		{"month 00", checked("11010519490031002"), NumberMonth},
		{"month 13", checked("11010519491331002"), NumberMonth},
		{"day 00", checked("11010519491200002"), NumberDay},
		{"day 32", checked("11010519491232002"), NumberDay},
		{"31 April", checked("11010519490431002"), NumberDay},
		{"29 February of a common year", checked("11010519490229002"), NumberDay},
		{"29 February 1900", checked("11010519000229002"), NumberDay},
		{"1849", checked("11010518491231002"), NumberEarly},
		{"year 0", checked("11010500001231002"), NumberEarly},
		{"tomorrow", checked("11010520261123002"), NumberFuture},
		{"year 9999", checked("11010599991231002"), NumberFuture},
	} {
		n, err := ParseNumber([]byte(test.text), today)
		if err != test.want || n.bytes() != nil {
			t.Errorf("%s: %v, want %v", test.what, err, test.want)
			continue
		}
		mustBeFault(t, err, test.text)
	}
}

// The day ends in the zone of the caller's clock, not in Greenwich.
func TestTodayIsTheCallersDate(t *testing.T) {
	number := []byte(checked("11010520261123002"))
	late := time.Date(2026, time.November, 22, 20, 0, 0, 0, time.UTC)
	if _, err := ParseNumber(number, late); err != NumberFuture {
		t.Errorf("in Greenwich: %v", err)
	}
	if _, err := ParseNumber(number, late.In(time.FixedZone("CST", 8*3600))); err != nil {
		t.Errorf("in China: %v", err)
	}
	if _, err := ParseNumber([]byte("11010519491231002X"), time.Time{}); err != NumberFuture {
		t.Errorf("without a date: %v", err)
	}
}

func TestProvinces(t *testing.T) {
	count := 0
	for _, name := range provinces {
		if name != "" {
			count++
		}
	}
	if count != 34+1 {
		t.Errorf("%d codes, want the 34 units of GB/T 2260 and that of the residence permits", count)
	}
}

// soundNumbers generates sound ID numbers.
func soundNumbers() *rapid.Generator[string] {
	var codes []int
	for code, name := range provinces {
		if name != "" {
			codes = append(codes, code)
		}
	}
	first := time.Date(earliestBirth, time.January, 1, 0, 0, 0, 0, time.UTC)
	days := int(today.Sub(first).Hours() / 24)
	return rapid.Custom(func(t *rapid.T) string {
		birth := first.AddDate(0, 0, rapid.IntRange(0, days).Draw(t, "day"))
		return checked(fmt.Sprintf("%02d%04d%s%03d", rapid.SampledFrom(codes).Draw(t, "province"),
			rapid.IntRange(0, 9999).Draw(t, "place"), birth.Format("20060102"), rapid.IntRange(0, 999).Draw(t, "sequence")))
	})
}

// What MOD 11-2 promises: any one character changed and any two neighbours exchanged are found, by the check digit alone.
func TestCheckDigitFindsSlips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := soundNumbers().Draw(t, "number")
		refused := func(slip []byte) {
			if string(slip) == number {
				return
			}
			fits := !slices.Contains(slip[:numberLen-1], 'X') && checkDigit(slip[:numberLen-1]) == slip[numberLen-1]
			if _, err := ParseNumber(slip, today); fits || err == nil {
				t.Fatalf("%s passes for %s", slip, number)
			}
		}
		for i := range number {
			for _, c := range []byte("0123456789X") {
				slip := []byte(number)
				slip[i] = c
				refused(slip)
			}
			if i > 0 {
				slip := []byte(number)
				slip[i-1], slip[i] = slip[i], slip[i-1]
				refused(slip)
			}
		}
	})
}

// rewritten draws another way to write a number.
func rewritten(t *rapid.T, number string) string {
	var b strings.Builder
	space := rapid.SampledFrom([]string{"", " ", "\u3000", " \u3000"})
	b.WriteString(space.Draw(t, "before"))
	for _, r := range number {
		if r == 'X' && rapid.Bool().Draw(t, "lower") {
			r = 'x'
		}
		if rapid.Bool().Draw(t, "wide") {
			r += fullWidth
		}
		b.WriteRune(r)
	}
	b.WriteString(space.Draw(t, "after"))
	return b.String()
}

// FAULTS: L10
func TestNumberFormIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := soundNumbers().Draw(t, "number")
		once, err := ParseNumber([]byte(rewritten(t, number)), today)
		if err != nil || string(once.bytes()) != number {
			t.Fatalf("%v", err)
		}
		twice, err := ParseNumber(once.bytes(), today)
		if err != nil || string(twice.bytes()) != string(once.bytes()) {
			t.Fatalf("again: %v", err)
		}
	})
}

func TestForgottenNumberIsNone(t *testing.T) {
	n := mustNumber(t, "11010519491231002X")
	same := n
	n.Forget()
	if same.bytes() != nil || *same.digits.get() != [numberLen]byte{} {
		t.Error("a copy remembers")
	}
	Number{}.Forget()
}
