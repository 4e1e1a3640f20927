package pin

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"zhenni"
)

// Weak says why a PIN must not be chosen, as a [Fault], or nil. birth is the holder's date of birth, a date in its own
// zone; the zero time is one that is not known. It refuses one PIN in 500. Digits that are none are
// [zhenni.ErrBadValue].
func (d Digits) Weak(birth time.Time) error {
	digits := d.bytes()
	switch {
	case digits == nil:
		return fmt.Errorf("%w: no PIN", zhenni.ErrBadValue)
	case repeats(digits):
		return Repeated
	case runs(digits):
		return Run
	case !birth.IsZero() && tellsDay(digits, birth):
		return BirthDate
	case isDate(digits):
		return Date
	case isCommon(digits):
		return Common
	}
	return nil
}

// repeats reports whether the second half is the first, which one digit eight times and two of them four times are too.
func repeats(digits []byte) bool { return bytes.Equal(digits[:Size/2], digits[Size/2:]) }

// runs reports whether the digits go on by the same step, counted around from 9 to 0.
func runs(digits []byte) bool {
	for i := 2; i < len(digits); i++ {
		if (2*int(digits[i-1])-int(digits[i])-int(digits[i-2]))%10 != 0 {
			return false
		}
	}
	return true
}

// longDays and shortDays are the ways in which people write a day.
var (
	longDays  = [...]string{"20060102", "02012006", "01022006"}
	shortDays = [...]string{"060102", "020106", "010206"}
)

// tellsDay reports whether the digits are the day, or have it within them in its six digits.
func tellsDay(digits []byte, day time.Time) bool {
	var text [Size]byte
	for _, layout := range longDays {
		if bytes.Equal(digits, day.AppendFormat(text[:0], layout)) {
			return true
		}
	}
	for _, layout := range shortDays {
		if bytes.Contains(digits, day.AppendFormat(text[:0], layout)) {
			return true
		}
	}
	return false
}

// isDate reports whether the digits are a day of the years 1900–2099, in any of the usual orders.
func isDate(digits []byte) bool {
	n := func(at, size int) (n int) {
		for _, c := range digits[at : at+size] {
			n = 10*n + int(c-'0')
		}
		return n
	}
	return isDay(n(0, 4), n(4, 2), n(6, 2)) || isDay(n(4, 4), n(2, 2), n(0, 2)) || isDay(n(4, 4), n(0, 2), n(2, 2))
}

func isDay(year, month, day int) bool {
	if year < 1900 || year > 2099 || month < 1 || month > 12 || day < 1 {
		return false
	}
	return day <= time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// common are those of eight digits among the 1,000 most common passwords of Chinese sites that no other rule has
// (SecLists, Passwords/Common-Credentials/Language-Specific/Chinese-common-password-list-top-1000.txt, commit 1da9104; MIT
// licence).
var common = [...]string{
	"11112222", "11223344", "11235813", "12312300", "12332100", "12344321", "12345600", "12345679", "12369874", "13145200",
	"14789632", "16897168", "16899168", "25251325", "25257758", "31415926", "34416912", "51201314", "51392010", "52001314",
	"52013140", "53231323", "74108520", "77585210", "84131421",
}

func isCommon(digits []byte) bool {
	return slices.ContainsFunc(common[:], func(c string) bool { return string(digits) == c })
}
