package zhenni

import (
	"strings"
	"unicode"
)

// maskRune stands for a letter that is not shown.
const maskRune = '*'

// MaskName returns a name as it is shown to another person. Its parts are what stands between spaces, middle dots, hyphens and
// apostrophes, which are shown. Of a part of two letters or more the first is, where the name has no other part and three letters
// the last one too, as is the custom (张小三 is 张*三); every other letter is an asterisk, and its marks go with it.
func MaskName(name string) string {
	var masked strings.Builder
	parts := strings.FieldsFunc(name, betweenParts)
	for len(name) > 0 {
		end := strings.IndexFunc(name, betweenParts)
		if end < 0 {
			end = len(name)
		}
		maskPart(&masked, name[:end], len(parts) == 1)
		rest := strings.TrimLeftFunc(name[end:], betweenParts)
		masked.WriteString(name[end : len(name)-len(rest)])
		name = rest
	}
	return masked.String()
}

func betweenParts(r rune) bool { return !unicode.IsLetter(r) && !unicode.Is(unicode.M, r) }

func maskPart(to *strings.Builder, part string, alone bool) {
	letters, seen, shown := 0, 0, false
	for _, r := range part {
		if unicode.IsLetter(r) {
			letters++
		}
	}
	for _, r := range part {
		if unicode.IsLetter(r) {
			seen++
			if shown = letters >= 2 && seen == 1 || alone && letters >= 3 && seen == letters; !shown {
				to.WriteRune(maskRune)
			}
		}
		if shown {
			to.WriteRune(r)
		}
	}
}
