package zhenni_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"zhenni"
)

func TestMaskName(t *testing.T) {
	for name, want := range map[string]string{
		"":  "",
		"张": "*", "张三": "张*", "张小三": "张*三", "欧阳小三": "欧**三",
		"阿卜杜拉·买买提": "阿***·买**", "迪丽热巴·迪力木拉提": "迪***·迪****",
		"Zhang San": "Z**** S**", "Anne-Marie O'Neill": "A***-M**** *'N****", "Cher": "C**r", "Bo": "B*", "O": "*", "张·三": "*·*",
		"Zha\u0304ng": "Z***g", "a\u0304bc": "a\u0304*c", "བཀྲ་ཤིས": "བ*་ཤི*",
	} {
		if got := zhenni.MaskName(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// FuzzMaskName: a mask is no longer than the name, and hides a letter wherever there is one.
//
// FAULTS: Z11
func FuzzMaskName(f *testing.F) {
	f.Add("张三")
	f.Add("阿卜杜拉·买买提")
	f.Add("Zha\u0304ng San")
	f.Fuzz(func(t *testing.T, name string) {
		if !utf8.ValidString(name) {
			t.Skip()
		}
		masked := zhenni.MaskName(name)
		hidden := strings.Count(masked, "*") - strings.Count(name, "*")
		if utf8.RuneCountInString(masked) > utf8.RuneCountInString(name) || !utf8.ValidString(masked) ||
			hidden < 1 && strings.IndexFunc(name, unicode.IsLetter) >= 0 {
			t.Errorf("%q is masked as %q", name, masked)
		}
	})
}
