package identity

import (
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func mustName(t testing.TB, text string) Name {
	t.Helper()
	n, err := ParseName([]byte(text))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return n
}

func foldedName(n Name) string {
	var s string
	n.folded(func(folded []byte) { s = string(folded) })
	return s
}

// FAULTS: L10
func TestNameHasOneForm(t *testing.T) {
	for _, test := range []struct{ what, text, want string }{
		{"Han", "张三", "张三"},
		{"spaces around", " \u3000张三 ", "张三"},
		{"spaces within", "张 \u3000\u00a0三", "张 三"},
		{"zero as a letter", "李〇", "李〇"},
		{"compatibility ideograph", "\uF9E1", "李"},
		{"compatibility ideograph beyond the first plane", "\U0002F800", "丽"},
		{"extension B", "𠮷", "𠮷"},
		{"extension I, of the names of citizens", "\U0002EBF0", "\U0002EBF0"},
		{"bullet", "阿卜杜拉\u2022买买提", "阿卜杜拉·买买提"},
		{"hyphenation point", "阿卜杜拉\u2027买买提", "阿卜杜拉·买买提"},
		{"bullet operator", "阿卜杜拉\u2219买买提", "阿卜杜拉·买买提"},
		{"dot operator", "阿卜杜拉\u22C5买买提", "阿卜杜拉·买买提"},
		{"word separator", "阿卜杜拉\u2E31买买提", "阿卜杜拉·买买提"},
		{"katakana dot", "阿卜杜拉\u30FB买买提", "阿卜杜拉·买买提"},
		{"half-width katakana dot", "阿卜杜拉\uFF65买买提", "阿卜杜拉·买买提"},
		{"sinological dot", "阿卜杜拉\uA78F买买提", "阿卜杜拉·买买提"},
		{"full-width full stop", "阿卜杜拉\uFF0E买买提", "阿卜杜拉·买买提"},
		{"Greek ano teleia", "阿卜杜拉\u0387买买提", "阿卜杜拉·买买提"},
		{"spaces beside the dot", "阿卜杜拉 \u2022  买买提", "阿卜杜拉·买买提"},
		{"full-width Latin", "Ｊｏｈｎ　Ｓｍｉｔｈ", "John Smith"},
		{"full-width Latin under an accent", "Ｊｏｓｅ\u0301", "José"},
		{"decomposed", "Jose\u0301", "José"},
		{"case is kept", "McDonald", "McDonald"},
		{"apostrophe, hyphen, stop, comma", "O\u2019Brien\u2011Smith, J. R.", "O'Brien-Smith, J. R."},
		{"pinyin", "Lǚ Zhènyǔ", "Lǚ Zhènyǔ"},
		{"Vietnamese", "Nguyễn Thị Ánh", "Nguyễn Thị Ánh"},
		{"Kelvin sign", "\u212Aim", "Kim"},
		{"two marks on a letter", "Ọ\u0301lá", "Ọ\u0301lá"},
		{"Han and Latin", "陳 David", "陳 David"},
		{"Latin initials and Han", "J·K·罗琳", "J·K·罗琳"},
		{"Tibetan", "བཀྲ་ཤིས", "བཀྲ་ཤིས"},
		{"Tibetan, tsheg that does not break", "བཀྲ\u0F0Cཤིས", "བཀྲ་ཤིས"},
		{"Uyghur", "ئابدۇللا مەمەت", "ئابدۇللا مەمەت"},
		{"Uyghur with the dot", "ئابدۇللا·مەمەت", "ئابدۇللا·مەمەت"},
		{"Mongolian", "ᠪᠠᠲᠤ", "ᠪᠠᠲᠤ"},
		{"Hangul", "김철수", "김철수"},
		{"Hangul in conjoining letters", "\u1100\u1175\u11B7\u110E\u1165\u11AF", "김철"},
		{"Yi", "ꆈꌠ", "ꆈꌠ"},
	} {
		n, err := ParseName([]byte(test.text))
		if err != nil || n.Reveal() != test.want {
			t.Errorf("%s: %q, %v; want %q", test.what, n.Reveal(), err, test.want)
		}
	}
}

var faultyNames = []struct {
	what, text string
	want       Fault
}{
	{"nothing", "", NameEmpty},
	{"spaces", " \u3000\u00a0", NameEmpty},
	{"not UTF-8", "张\xff三", NameEncoding},
	{"overlong NUL", "张\xc0\x80", NameEncoding},
	{"surrogate", "张\xed\xa0\x80", NameEncoding},
	{"101 characters", strings.Repeat("a", 101), NameLong},
	{"more than 300 bytes", strings.Repeat("张", 99) + "𠮷·𠮷", NameLong},
	{"spaces without end", strings.Repeat(" ", 1<<20), NameLong},
	{"NUL", "张\x00三", NameControl},
	{"tab", "张\t三", NameControl},
	{"line break", "张三\r\nX-Injected: 1", NameControl},
	{"escape", "张\x1b[31m三", NameControl},
	{"C1 control", "张\u0085三", NameControl},
	{"line separator", "张\u2028三", NameControl},
	{"right-to-left override", "张\u202e三", NameInvisible},
	{"left-to-right isolate", "张\u2066三", NameInvisible},
	{"zero-width space", "张\u200b三", NameInvisible},
	{"zero-width joiner", "ئا\u200dب", NameInvisible},
	{"word joiner", "张\u2060三", NameInvisible},
	{"byte order mark", "\ufeff张三", NameInvisible},
	{"soft hyphen", "Smith\u00adJones", NameInvisible},
	{"variation selector", "葛\U000E0100", NameInvisible},
	{"emoji selector", "张\ufe0f", NameInvisible},
	{"Mongolian vowel separator", "ᠰᠠ\u180eᠠ", NameInvisible},
	{"Mongolian variation selector", "ᠰᠠ\u180bᠠ", NameInvisible},
	{"Hangul filler", "김\u3164", NameInvisible},
	{"half-width Hangul filler", "김\uffa0", NameInvisible},
	{"tag character", "张\U000E0041", NameInvisible},
	{"grapheme joiner", "Jo\u034fhn", NameInvisible},
	{"private use", "张\ue000", NamePrivateUse},
	{"private use beyond", "张\U000F0000", NamePrivateUse},
	{"unassigned", "张\u0378", NameUnassigned},
	{"no character", "张\uffff", NameUnassigned},
	{"digit", "张3", NameDigit},
	{"full-width digit", "张３", NameDigit},
	{"ID number", "11010519491231002X", NameDigit},
	{"Roman numeral", "Henry Ⅷ", NameDigit},
	{"Hangzhou numeral", "张〡", NameDigit},
	{"emoji", "张😀", NameSymbol},
	{"replacement character", "张\ufffd", NameSymbol},
	{"radical like a letter", "⼀三", NameSymbol},
	{"angle bracket", "<script>", NameSymbol},
	{"format string", "%s%n", NamePunctuation},
	{"SQL", "Robert'); DROP TABLE", NamePunctuation},
	{"full-width semicolon", "张；三", NamePunctuation},
	{"Han with a hyphen", "张-三", NamePunctuation},
	{"Han with a full stop", "买买提.艾力", NamePunctuation},
	{"Cyrillic", "Иван", NameScript},
	{"Cyrillic within Latin", "Jоhn", NameScript},
	{"Greek within Latin", "Jοhn", NameScript},
	{"Lisu like Latin", "ꓙOHN", NameScript},
	{"kana", "さくら", NameScript},
	{"ligature", "Griﬃth", NameScript},
	{"long s", "Jeſſe", NameScript},
	{"mathematical letters", "𝐉𝐨𝐡𝐧", NameScript},
	{"Arabic presentation form", "\ufe8d", NameScript},
	{"Arabic tatweel", "مـم", NameScript},
	{"click like an l", "Wi\u01c0l", NameScript},
	{"lone conjoining letter", "김\u1100", NameScript},
	{"compatibility jamo", "ㄱ", NameScript},
	{"Latin and Arabic", "John ئابدۇللا", NameMixed},
	{"Hangul and Latin", "김 Kim", NameMixed},
	{"Tibetan and Yi", "བཀྲ ꆈ", NameMixed},
	{"Tibetan and a hyphen", "བཀྲ-ཤིས", NameMixed},
	{"mark first", "\u0301John", NameMark},
	{"mark on Han", "张\u0301", NameMark},
	{"mark after a space", "John \u0301", NameMark},
	{"three marks on a letter", "Ọ\u0301\u0302\u0303", NameMark},
	{"mark of no name", "J\u0489", NameMark},
	{"mark of another script", "བ\u0301", NameMixed},
	{"Arabic vowel mark", "م\u064e", NameMark},
	{"dot first", "·张三", NameDot},
	{"dot last", "张三·", NameDot},
	{"two dots", "张··三", NameDot},
	{"dots alone", "···", NameDot},
	{"dot before punctuation", "J·-K", NameDot},
	{"punctuation alone", "'-'", NameNoLetter},
}

// FAULTS: L10 L11
func TestFaultsOfAName(t *testing.T) {
	for _, test := range faultyNames {
		_, err := ParseName([]byte(test.text))
		if err != test.want {
			t.Errorf("%s: %v, want %v", test.what, err, test.want)
			continue
		}
		mustBeFault(t, err, test.text)
	}
}

func TestNameBounds(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("a", MaxNameRunes), strings.Repeat("张", MaxNameBytes/3), strings.Repeat("ａ", MaxNameRunes),
		strings.Repeat("𠮷", MaxNameBytes/4),
	} {
		if _, err := ParseName([]byte(text)); err != nil {
			t.Errorf("%d bytes: %v", len(text), err)
		}
	}
	if _, err := ParseName([]byte(strings.Repeat("𠮷", MaxNameBytes/4+1))); err != NameLong {
		t.Errorf("304 bytes: %v", err)
	}
}

// The tables hold what they say: every letter is a letter, every mark a mark, each in its canonical form, and none is of
// two scripts.
func TestScriptsAreSound(t *testing.T) {
	owned := make(map[rune]bool)
	own := func(r rune, kinds ...*unicode.RangeTable) {
		newer := 0x2EBF0 <= r && r <= 0x2EE5D // than Go's tables
		if owned[r] || !newer && !unicode.In(r, kinds...) || !norm.NFKC.IsNormalString(string(r)) {
			t.Errorf("%U: there twice, of another category, or not in its canonical form", r)
		}
		owned[r] = true
	}
	for _, s := range append([]script{han}, others[:]...) {
		for r := range s.letters.all {
			own(r, unicode.L, unicode.Nl)
		}
		for r := range s.marks.all {
			own(r, unicode.Mn)
		}
		for _, r := range s.punctuation {
			own(r, unicode.P)
		}
	}
	for from, to := range respelled {
		if owned[from] || to != middleDot && !owned[to] {
			t.Errorf("%U is respelled %U", from, to)
		}
	}
}

// all ranges over the characters of t.
func (t ranges) all(yield func(rune) bool) {
	for _, run := range t {
		for r := run[0]; r <= run[1]; r++ {
			if !yield(r) {
				return
			}
		}
	}
}

// nameRunes is what names and near-names are drawn from.
var nameRunes = []rune("张三买提〇𠮷abzABZßıİÅéǰẗȘ ·•．　ＡＺａｚ'’-.,\u0301\u0308\u0323Kﬁ" +
	"김\u1100\u1175བྲ་ཤིئبᠪꆈ\u200b😀7")

// FAULTS: L10
func TestNameFormIsStable(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom(nameRunes), 0, 12, -1).Draw(rt, "text")
		once, err := ParseName([]byte(text))
		if err != nil {
			mustBeFault(t, err, text)
			return
		}
		twice, err := ParseName([]byte(once.Reveal()))
		if err != nil || twice.Reveal() != once.Reveal() {
			rt.Fatalf("%q becomes %q, then %q: %v", text, once.Reveal(), twice.Reveal(), err)
		}
		for _, other := range []string{strings.ToUpper(text), strings.ToLower(text), wide(text), " " + text + "\u3000"} {
			n, err := ParseName([]byte(other))
			if err != nil || foldedName(n) != foldedName(once) {
				rt.Fatalf("%q is compared as %q, %q as %q: %v", text, foldedName(once), other, foldedName(n), err)
			}
		}
	})
}

// wide returns text with its Latin letters full-width.
func wide(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' {
			return r + fullWidth
		}
		return r
	}, text)
}

// Names that differ in case, in spaces or in how they are composed are compared as one.
func TestNamesAreFolded(t *testing.T) {
	for _, same := range [][]string{
		{"John Smith", "JOHN SMITH", "johnsmith", "ＪＯＨＮＳＭＩＴＨ"},
		{"İ\u0323", "I\u0323\u0307", "ị", "Ị", "i\u0323\u0307"},
		{"İı", "ii", "II", "Iİ"},
		{"T\u0308", "ẗ"},
		{"ẞ", "ß"},
		{"张 三", "张三"},
		{"Å", "A\u030A", "å", "\u212B"},
		{"김철수", "\u1100\u1175\u11B7 철수"},
	} {
		for _, text := range same {
			if got, want := foldedName(mustName(t, text)), foldedName(mustName(t, same[0])); got != want {
				t.Errorf("%q is compared as %q, %q as %q", text, got, same[0], want)
			}
		}
	}
	for _, other := range []string{"Jöhn", "J·ohn", "J-ohn", "Joh", "Johnn"} {
		if foldedName(mustName(t, other)) == foldedName(mustName(t, "John")) {
			t.Errorf("%q is compared as John", other)
		}
	}
	if foldedName(mustName(t, "Ż")) == foldedName(mustName(t, "Z")) {
		t.Error("the dot above a Z is lost")
	}
}

func TestForgottenNameIsNone(t *testing.T) {
	n := mustName(t, "张三")
	same := n
	n.Forget()
	if same.Reveal() != "" || *same.text.get() != (nameText{}) {
		t.Error("a copy remembers")
	}
	Name{}.Forget()
	if (Name{}).Reveal() != "" {
		t.Error("no name has a text")
	}
}
