package pin

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"zhenni"
)

func mustParse(t testing.TB, text string) Digits {
	t.Helper()
	d, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// FAULTS: L10
func TestDigitsHaveOneForm(t *testing.T) {
	for _, text := range []string{"58204917", "５８２０４９１７", "5８204９17"} {
		if got := string(mustParse(t, text).bytes()); got != "58204917" {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

// FAULTS: L10 L11
func TestTextsThatAreNoPIN(t *testing.T) {
	for _, test := range []struct {
		text string
		want Fault
	}{
		{"", Length},
		{"5820491", Length},
		{"582049170", Length},
		{" 58204917", Length},
		{"58204917\n", Length},
		{"５８２０４９１", Length},
		{strings.Repeat("5", 1<<20), Length},
		{"5820491X", Character},
		{"5820 917", Character},
		{"-8204917", Character},
		{"5820491\x00", Character},
		{"5820491\xff", Character},
		{"٥٨٢٠٤٩١٧", Character},                                  // Arabic-Indic
		{"𝟓𝟖𝟐𝟎𝟒𝟗𝟏𝟕", Character},                                  // mathematical bold
		{"5820491\u00b2", Character},                             // superscript
		{"\u202e5820491", Character},                             // right-to-left override
		{"五八二〇四九一七", Character},                                  // ideographs
		{string([]rune{'０' - 1, '９' + 1}) + "582049", Character}, // beside the full-width digits
	} {
		d, err := Parse([]byte(test.text))
		if err != test.want || d.bytes() != nil || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%.20q: %v, want %v", test.text, err, test.want)
		}
	}
}

func TestForgottenDigitsAreNone(t *testing.T) {
	d := mustParse(t, "58204917")
	copied, memory := d, *d.held
	copied.Forget()
	if d.bytes() != nil || *memory != [Size]byte{} {
		t.Error("the digits are there after Forget")
	}
	Digits{}.Forget()
	for _, none := range []Digits{{}, d} {
		if err := none.Weak(time.Time{}); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("no PIN is judged: %v", err)
		}
	}
}

var born = time.Date(1987, time.March, 5, 0, 0, 0, 0, time.FixedZone("CST", 8*3600))

func TestWeak(t *testing.T) {
	for _, test := range []struct {
		pin  string
		want error
	}{
		{"00000000", Repeated}, {"77777777", Repeated}, {"12121212", Repeated}, {"12341234", Repeated}, {"20082008", Repeated},
		{"12345678", Run}, {"01234567", Run}, {"78901234", Run}, {"87654321", Run}, {"32109876", Run}, {"24680246", Run},
		{"19870305", BirthDate}, {"05031987", BirthDate}, {"03051987", BirthDate}, {"87030500", BirthDate}, {"98703054", BirthDate},
		{"66050387", BirthDate}, {"70305872", BirthDate},
		{"19491001", Date}, {"20000229", Date}, {"31122099", Date}, {"12312099", Date}, {"19000101", Date},
		{"11223344", Common}, {"31415926", Common}, {"52013140", Common},
		{"58204917", nil}, {"18991231", nil}, {"21000101", nil}, {"20010229", nil}, {"19871301", nil}, {"40718265", nil},
	} {
		err := mustParse(t, test.pin).Weak(born)
		if err != test.want {
			t.Errorf("%s: %v, want %v", test.pin, err, test.want)
		}
		if err != nil && !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v is no bad value", test.pin, err)
		}
	}
	if err := mustParse(t, "87030500").Weak(time.Time{}); err != nil {
		t.Errorf("without a date of birth: %v", err)
	}
	if err := mustParse(t, "18500101").Weak(time.Date(1850, 1, 1, 0, 0, 0, 0, time.UTC)); err != BirthDate {
		t.Errorf("born before 1900: %v", err)
	}
}

// Weak refuses what it says that it refuses: few enough that a PIN stays one of 10⁸.
func TestFewPINsAreWeak(t *testing.T) {
	random, weak := rand.New(rand.NewPCG(1, 2)), 0
	const drawn = 200_000
	for range drawn {
		if mustParse(t, strconv.Itoa(100_000_000 + random.IntN(100_000_000))[1:]).Weak(born) != nil {
			weak++
		}
	}
	if weak < drawn/1000 || weak > drawn/300 {
		t.Errorf("%d of %d are weak", weak, drawn)
	}
}

// The list holds what no rule has, once each.
func TestListIsKeptSmall(t *testing.T) {
	if !slices.IsSorted(common[:]) {
		t.Error("the list is not in order")
	}
	for i, c := range common {
		if err := mustParse(t, c).Weak(born); err != Common || slices.Contains(common[:i], c) {
			t.Errorf("%s: %v", c, err)
		}
	}
}

// A fault's text is of the table, and holds no run of digits that could be one of the PIN.
func TestFaultsSayNothingOfThePIN(t *testing.T) {
	for f := range Fault(255) {
		if text := f.Error(); strings.ContainsAny(text, "0123456789") || !strings.HasPrefix(text, "zhenni: bad value: PIN") {
			t.Errorf("%d: %q", f, text)
		}
	}
}

// FAULTS: L10
func FuzzParse(f *testing.F) {
	for _, text := range []string{"58204917", "５８２０４９１７", "5820491", "5820491\xff"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Parse(text)
		if err != nil {
			if fault, ok := err.(Fault); !ok || fault != Length && fault != Character {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		again, err := Parse(d.bytes())
		if err != nil || !bytes.Equal(again.bytes(), d.bytes()) || len(d.bytes()) != Size {
			t.Errorf("%q becomes %q, then %v", text, d.bytes(), err)
		}
		if fault, ok := d.Weak(born).(Fault); ok && fault < Repeated {
			t.Errorf("%q is weak by %v", text, fault)
		}
	})
}

// A copy outlives what it was made of, and is forgotten apart.
func TestCopiedDigits(t *testing.T) {
	d := mustParse(t, "58204917")
	own := d.Copy()
	if d.Forget(); string(own.bytes()) != "58204917" {
		t.Errorf("%q", own.bytes())
	}
	if own.Forget(); own.bytes() != nil || d.Copy().bytes() != nil || (Digits{}).Copy().bytes() != nil {
		t.Error("a copy of nothing is something")
	}
}
