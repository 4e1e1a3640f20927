package identity

import "unicode"

// ranges are runs of characters, first and last.
type ranges [][2]rune

func (t ranges) has(r rune) bool {
	for _, run := range t {
		if run[0] <= r && r <= run[1] {
			return true
		}
	}
	return false
}

// script is a writing system that names are written in. Its letters are those in use for names today: no compatibility
// and presentation forms, no historic or phonetic letters, so that within a script few characters look alike.
type script struct {
	letters, marks ranges
	// stack is how many marks may follow a letter.
	stack int
	// punctuation stands in names of this script only.
	punctuation string
}

// han are the unified ideographs up to Unicode 15.1, whose extension I was coded for the names of citizens and is newer
// than Go's own tables, with the iteration mark and the zero. NFC has replaced the compatibility ideographs, but for the
// twelve that are unified ones.
var han = script{letters: ranges{
	{0x3005, 0x3005}, {0x3007, 0x3007}, {0x3400, 0x4DBF}, {0x4E00, 0x9FFF},
	{0xFA0E, 0xFA0F}, {0xFA11, 0xFA11}, {0xFA13, 0xFA14}, {0xFA1F, 0xFA1F}, {0xFA21, 0xFA21}, {0xFA23, 0xFA24},
	{0xFA27, 0xFA29},
	{0x20000, 0x2A6DF}, {0x2A700, 0x2B739}, {0x2B740, 0x2B81D}, {0x2B820, 0x2CEA1}, {0x2CEB0, 0x2EBE0},
	{0x2EBF0, 0x2EE5D}, {0x30000, 0x3134A}, {0x31350, 0x323AF},
}}

// others are the scripts of which a name may have one besides Han: Latin, Tibetan, Arabic (Uyghur, Kazakh, Kyrgyz),
// Mongolian (with Todo, Sibe and Manchu), Hangul syllables, Yi syllables.
var others = [...]script{
	{
		letters: ranges{
			{'A', 'Z'}, {'a', 'z'}, {0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0x131}, {0x134, 0x13E}, {0x141, 0x148}, {0x14A, 0x17E},
			{0x18F, 0x18F}, {0x1A0, 0x1A1}, {0x1AF, 0x1B0}, {0x1CD, 0x1DC}, {0x1DE, 0x1E3}, {0x1E6, 0x1F0}, {0x1F4, 0x1F5},
			{0x1F8, 0x21B}, {0x21E, 0x21F}, {0x226, 0x233}, {0x259, 0x259}, {0x1E00, 0x1E99}, {0x1E9E, 0x1E9E}, {0x1EA0, 0x1EF9},
		},
		marks:       ranges{{0x300, 0x304}, {0x306, 0x30C}, {0x31B, 0x31B}, {0x323, 0x328}, {0x331, 0x331}},
		stack:       2,
		punctuation: "-'.,",
	},
	{
		letters: ranges{
			{0xF40, 0xF42}, {0xF44, 0xF47}, {0xF49, 0xF4C}, {0xF4E, 0xF51}, {0xF53, 0xF56}, {0xF58, 0xF5B}, {0xF5D, 0xF68},
			{0xF6A, 0xF6C},
		},
		marks: ranges{
			{0xF71, 0xF72}, {0xF74, 0xF74}, {0xF7A, 0xF7E}, {0xF80, 0xF80}, {0xF82, 0xF84}, {0xF8D, 0xF92}, {0xF94, 0xF97},
			{0xF99, 0xF9C}, {0xF9E, 0xFA1}, {0xFA3, 0xFA6}, {0xFA8, 0xFAB}, {0xFAD, 0xFB8}, {0xFBA, 0xFBC},
		},
		stack:       6,
		punctuation: "\u0F0B",
	},
	{letters: ranges{
		{0x620, 0x63F}, {0x641, 0x64A}, {0x66E, 0x66F}, {0x671, 0x674}, {0x679, 0x6D3}, {0x6D5, 0x6D5}, {0x6EE, 0x6EF},
		{0x6FA, 0x6FC}, {0x6FF, 0x6FF},
	}},
	{letters: ranges{{0x1820, 0x1878}, {0x1880, 0x1884}, {0x1887, 0x18A8}, {0x18AA, 0x18AA}}},
	{letters: ranges{{0xAC00, 0xD7A3}}},
	{letters: ranges{{0xA000, 0xA48C}}},
}

// respelled are characters that are written for another. The middle dot of names is U+00B7, A1A4 in GB 18030; keyboards
// and older systems have many more.
var respelled = map[rune]rune{
	'\u2022': middleDot, // bullet
	'\u2027': middleDot, // hyphenation point
	'\u2219': middleDot, // bullet operator
	'\u22C5': middleDot, // dot operator
	'\u2E31': middleDot, // word separator middle dot
	'\u30FB': middleDot, // katakana middle dot
	'\uA78F': middleDot, // sinological dot
	'\uFF0E': middleDot, // full-width full stop
	'\uFF65': middleDot, // half-width katakana middle dot
	'\u2019': '\'',      // right single quotation mark
	'\u2010': '-',       // hyphen
	'\u2011': '-',       // non-breaking hyphen
	'\u0F0C': '\u0F0B',  // tsheg that does not break
}

const middleDot = '·'

// respell returns the form of r that a name has: full-width Latin as ASCII, one middle dot, one space.
func respell(r rune) rune {
	if to, ok := respelled[r]; ok {
		return to
	}
	switch {
	case '！' <= r && r <= '～':
		return r - fullWidth
	case unicode.Is(unicode.Zs, r):
		return ' '
	}
	return r
}

// invisible are characters that leave no trace on the screen, besides those of the category Cf.
var invisible = ranges{
	{0x34F, 0x34F}, {0x115F, 0x1160}, {0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x3164, 0x3164}, {0xFE00, 0xFE0F},
	{0xFFA0, 0xFFA0}, {0xE0000, 0xE0FFF},
}

// stranger says why a character has no place in any name.
func stranger(r rune) Fault {
	switch {
	case unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp):
		return NameControl
	case invisible.has(r) || unicode.Is(unicode.Cf, r):
		return NameInvisible
	case unicode.Is(unicode.Co, r):
		return NamePrivateUse
	case unicode.Is(unicode.N, r):
		return NameDigit
	case unicode.Is(unicode.S, r):
		return NameSymbol
	case unicode.Is(unicode.P, r):
		return NamePunctuation
	case unicode.Is(unicode.M, r):
		return NameMark
	case unicode.Is(unicode.L, r):
		return NameScript
	}
	return NameUnassigned
}
