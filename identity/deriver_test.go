package identity

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"zhenni"
)

func testRoot(fill byte) []byte { return bytes.Repeat([]byte{fill}, RootSize) }

func newDeriver(t testing.TB, root []byte) *Deriver {
	t.Helper()
	d, err := NewDeriver(root)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// derived returns handle and tag of a person, in hexadecimal.
func derived(t testing.TB, d *Deriver, number, name string) (string, string) {
	t.Helper()
	h, err := d.Handle(mustNumber(t, number))
	if err != nil {
		t.Fatal(err)
	}
	tag, err := d.NameTag(h, mustName(t, name))
	if err != nil {
		t.Fatal(err)
	}
	handle, sum := h.Bytes(), tag.Bytes()
	return hex.EncodeToString(handle[:]), hex.EncodeToString(sum[:])
}

// testdata/handles.golden was written by another implementation, from the description of the derivation. It is never
// rewritten: whoever makes this test fail makes strangers of everybody who is enrolled.
func TestDerivationIsFrozen(t *testing.T) {
	text, err := os.ReadFile("testdata/handles.golden")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) < 10 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, line := range lines {
		fields := strings.Split(line, "\t")
		root, err := hex.DecodeString(fields[0])
		if err != nil || len(fields) != 6 {
			t.Fatalf("%q: %v", line, err)
		}
		d := newDeriver(t, root)
		check := d.Check()
		handle, tag := derived(t, d, fields[2], fields[3])
		if hex.EncodeToString(check[:]) != fields[1] || handle != fields[4] || tag != fields[5] {
			t.Errorf("%s, %s: handle %s, tag %s, check %x", fields[2], fields[3], handle, tag, check)
		}
	}
}

// One person is one handle, however number and name are written; another spelling of the name is the same tag.
//
// FAULTS: L10
func TestOnePersonIsOneHandle(t *testing.T) {
	d := newDeriver(t, testRoot(7))
	handle, tag := derived(t, d, "11010519491231002X", "Zhāng Sān·A")
	for _, name := range []string{"ZHĀNG SĀN·a", "zhāngsān\u2022A", " Ｚｈa\u0304ng  Sān ·A", "Zha\u0304ng Sa\u0304n\uFF0EＡ"} {
		if h, same := derived(t, d, " １１０１０５１９４９１２３１００２ｘ", name); h != handle || same != tag {
			t.Errorf("%q is somebody else, or another name", name)
		}
	}
	for _, name := range []string{"Zhang San·A", "Zhāng Sān·B", "Zhāng SānA", "Zhāng·SānA", "A·Zhāng Sān", "Zhāng Sān"} {
		if h, other := derived(t, d, "11010519491231002X", name); h != handle || other == tag {
			t.Errorf("%q is somebody else, or the same name", name)
		}
	}
	if _, other := derived(t, d, "440524188001010014", "Zhāng Sān·A"); other == tag {
		t.Error("two people of one name have one tag")
	}
}

func TestNumbersHaveTheirOwnHandles(t *testing.T) {
	d, elsewhere := newDeriver(t, testRoot(7)), newDeriver(t, testRoot(8))
	seen := make(map[Handle]string)
	rapid.Check(t, func(rt *rapid.T) {
		number := soundNumbers().Draw(rt, "number")
		h, err := d.Handle(mustNumber(t, rewritten(rt, number)))
		if err != nil {
			rt.Fatal(err)
		}
		if other, taken := seen[h]; taken && other != number {
			rt.Fatalf("%s and %s are one handle", number, other)
		}
		seen[h] = number
		if away, err := elsewhere.Handle(mustNumber(t, number)); err != nil || away.Equal(h) {
			rt.Fatalf("the same handle under another root, or %v", err)
		}
	})
}

func TestHandleComparesAndStores(t *testing.T) {
	d := newDeriver(t, testRoot(7))
	h, err := d.Handle(mustNumber(t, "11010519491231002X"))
	if err != nil {
		t.Fatal(err)
	}
	tag, err := d.NameTag(h, mustName(t, "张三"))
	if err != nil {
		t.Fatal(err)
	}
	if same := HandleOf(h.Bytes()); !same.Equal(h) || same != h || h.IsZero() || !(Handle{}).IsZero() || h.Equal(Handle{}) {
		t.Error("a handle is not what was stored of it")
	}
	if same := NameTagOf(tag.Bytes()); !same.Equal(tag) || same != tag || tag.IsZero() || !(NameTag{}).IsZero() || tag.Equal(NameTag{}) {
		t.Error("a tag is not what was stored of it")
	}
}

func TestRootHasToBeOne(t *testing.T) {
	for _, root := range [][]byte{nil, make([]byte, RootSize), testRoot(1)[1:], append(testRoot(1), 1)} {
		if d, err := NewDeriver(root); d != nil || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%d bytes: %v", len(root), err)
		}
	}
	root := testRoot(9)
	d := newDeriver(t, root)
	handle, _ := derived(t, d, "11010519491231002X", "张三")
	clear(root)
	if same, _ := derived(t, d, "11010519491231002X", "张三"); same != handle {
		t.Error("the deriver reads the caller's root again")
	}
}

// A fault makes no handle: least of all the one that all forgotten numbers would share.
func TestNothingMakesNoHandle(t *testing.T) {
	d := newDeriver(t, testRoot(7))
	number, name := mustNumber(t, "11010519491231002X"), mustName(t, "张三")
	h, err := d.Handle(number)
	if err != nil {
		t.Fatal(err)
	}
	(&Person{Name: name, Number: number}).Forget()
	for _, n := range []Number{{}, number} {
		if h, err := d.Handle(n); !h.IsZero() || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("a handle of no number: %v", err)
		}
	}
	for _, n := range []Name{{}, name} {
		if tag, err := d.NameTag(h, n); !tag.IsZero() || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("a tag of no name: %v", err)
		}
	}
	if tag, err := d.NameTag(Handle{}, mustName(t, "李四")); !tag.IsZero() || !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("a tag of nobody: %v", err)
	}
}

func TestDestroyedDeriver(t *testing.T) {
	d := newDeriver(t, testRoot(7))
	number, name := mustNumber(t, "11010519491231002X"), mustName(t, "张三")
	want, err := d.Handle(number)
	if err != nil {
		t.Fatal(err)
	}
	keys := d.secret
	var users sync.WaitGroup
	for range 4 {
		users.Go(func() {
			for {
				h, err := d.Handle(number)
				if err != nil {
					if !errors.Is(err, zhenni.ErrUnavailable) || !h.IsZero() {
						t.Errorf("%v", err)
					}
					return
				}
				if !h.Equal(want) {
					t.Error("a handle of half a key")
					return
				}
			}
		})
	}
	d.Destroy()
	users.Wait()
	d.Destroy()
	if *keys != (secret{}) {
		t.Error("the keys are there after Destroy")
	}
	if tag, err := d.NameTag(want, name); !tag.IsZero() || !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("a tag after Destroy: %v", err)
	}
}
