package statuslist

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"zhenni"
)

func testCover(t testing.TB, fill byte) *Cover {
	t.Helper()
	c, err := NewCover(bytes.Repeat([]byte{fill}, KeySize), testTime)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustAssign(t testing.TB, b *Book, drawn uint64) Place {
	t.Helper()
	var random [32]byte
	binary.LittleEndian.PutUint64(random[:], drawn)
	p, err := b.Assign(random)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A list is given out to three quarters, no place twice and no decoy, and then the next.
func TestPlacesAreGivenOnce(t *testing.T) {
	cover := testCover(t, 1)
	b := NewBook(cover)
	var taken indexSet
	for d := range cover.decoys(0) {
		taken.add(d.index)
	}
	for i := range uint64(Given) {
		if p := mustAssign(t, b, i); p.List != 0 || p.Index >= Entries || !taken.add(p.Index) {
			t.Fatalf("place %d is %v, which was taken", i, p)
		}
	}
	if p := mustAssign(t, b, Given); p.List != 1 || b.Lists() != 2 {
		t.Errorf("after a full list: %v, %d lists", p, b.Lists())
	}
	free := Entries
	for _, word := range taken {
		free -= bits.OnesCount64(word)
	}
	if free != Entries-Given-Decoys {
		t.Errorf("%d entries are free", free)
	}
}

// What a book gives follows from what is taken and what was drawn: a book made again from the records, in another order,
// goes on alike.
func TestBookIsMadeAgainFromTheRecords(t *testing.T) {
	cover := testCover(t, 1)
	first, again := NewBook(cover), NewBook(cover)
	var records []Place
	for i := range uint64(1000) {
		records = append(records, mustAssign(t, first, i))
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	for _, p := range records {
		if err := again.Take(p); err != nil {
			t.Fatal(err)
		}
	}
	for i := range uint64(1000) {
		// The same bytes as before are drawn, so that the first place of each is taken.
		if want, got := mustAssign(t, first, i), mustAssign(t, again, i); got != want {
			t.Fatalf("place %d is %v, want %v", i, got, want)
		}
	}
}

func TestPlacesThatCanNotBeTaken(t *testing.T) {
	cover := testCover(t, 1)
	b := NewBook(cover)
	p := mustAssign(t, b, 1)
	var nobodys Place
	for d := range cover.decoys(7) {
		nobodys = Place{7, d.index}
		break
	}
	for _, test := range []struct {
		place Place
		want  error
	}{{p, zhenni.ErrExists}, {nobodys, zhenni.ErrExists}, {Place{MaxLists, 0}, zhenni.ErrBadValue}, {Place{0, Entries}, zhenni.ErrBadValue}} {
		if err := b.Take(test.place); !errors.Is(err, test.want) {
			t.Errorf("%v: %v, want %v", test.place, err, test.want)
		}
	}
	for _, l := range b.lists {
		if l != nil {
			l.given = Given
		}
	}
	if p := mustAssign(t, b, 1); p.List != 1 {
		t.Errorf("with list 0 full: %v", p)
	}
	full := &givenList{given: Given}
	b.lists = slices.Repeat([]*givenList{full}, MaxLists)
	if _, err := b.Assign([32]byte{}); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("with all lists full: %v", err)
	}
}

func TestClaimIsOfTheDraft(t *testing.T) {
	var claim struct {
		StatusList struct {
			Idx int    `json:"idx"`
			URI string `json:"uri"`
		} `json:"status_list"`
	}
	text := Place{3, 412}.Claim(testURI)
	if err := json.Unmarshal(text, &claim); err != nil || claim.StatusList.Idx != 412 || claim.StatusList.URI != testURI+"/3" {
		t.Errorf("%s: %v", text, err)
	}
}

// Decoys are one in sixteen, each its own, other ones in every list and under every key, and the same at every start.
func TestDecoysFollowFromTheKey(t *testing.T) {
	cover := testCover(t, 1)
	var seen indexSet
	count, suspended := 0, 0
	for d := range cover.decoys(0) {
		if !seen.add(d.index) {
			t.Fatalf("entry %d is there twice", d.index)
		}
		if d.invalid < 0 || d.invalid >= coverLife || d.suspended > d.invalid || d.invalid-d.suspended > longestSuspension {
			t.Fatalf("%+v", d)
		}
		count++
		if d.suspended != d.invalid {
			suspended++
		}
	}
	if count != Decoys || suspended < Decoys*45/100 || suspended > Decoys*55/100 {
		t.Errorf("%d decoys, %d are suspended at some time", count, suspended)
	}
	same := func(c *Cover, list uint32) (shared int) {
		for d := range c.decoys(list) {
			if seen.has(d.index) {
				shared++
			}
		}
		return shared
	}
	if n := same(testCover(t, 1), 0); n != Decoys {
		t.Errorf("at the next start %d are the same", n)
	}
	for _, n := range []int{same(cover, 1), same(testCover(t, 2), 0)} {
		if n < Decoys/32 || n > Decoys/8 {
			t.Errorf("%d are shared with another list or key", n)
		}
	}
}

// The first decoys are frozen: those of another build would become valid again, and be known for what they are.
func TestDecoysAreFrozen(t *testing.T) {
	var got []string
	for d := range testCover(t, 1).decoys(2) {
		got = append(got, fmt.Sprintf("%d %d %d", d.index, d.suspended, d.invalid))
		if len(got) == 4 {
			break
		}
	}
	want := []string{
		"203458 449405266840567812 451003118403067812", "264026 99750963625267968 99989533937767968",
		"868406 599169214972896948 600319668097896948", "1039343 29358218850332130 31829351662832130",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// A decoy goes from valid to suspended to invalid and never back, like a credential that is reported lost and then revoked.
func TestDecoysNeverComeBack(t *testing.T) {
	cover := testCover(t, 1)
	before := newPublished()
	for _, years := range []int{0, 1, 5, 10, 20, 30} {
		now := newPublished()
		cover.apply(now, 0, testTime.AddDate(years, 0, 0))
		invalid := 0
		for i := range Entries {
			was, _ := before.Value(i)
			is, _ := now.Value(i)
			if was == Invalid && is != Invalid {
				t.Fatalf("entry %d is %d again after %d years", i, is, years)
			}
			if is == Invalid {
				invalid++
			}
		}
		if want := min(Decoys, Decoys*years/20); invalid < want*95/100 || invalid > want*105/100 {
			t.Errorf("%d are invalid after %d years, want about %d", invalid, years, want)
		}
		before = now
	}
	young := newPublished()
	cover.apply(young, 0, testTime.Add(-time.Hour*24*365))
	if !bytes.Equal(young.array, newPublished().array) {
		t.Error("before the beginning there are decoys")
	}
}

func TestCoverHasToHaveAKey(t *testing.T) {
	for _, key := range [][]byte{nil, make([]byte, KeySize), make([]byte, KeySize+1)} {
		if c, err := NewCover(key, testTime); c != nil || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%d bytes: %v", len(key), err)
		}
	}
	if text := fmt.Sprintf("%v %+v %x", testCover(t, 7), []any{testCover(t, 7)}, testCover(t, 7)); text != "[redacted] [[redacted]] [redacted]" {
		t.Errorf("a cover prints as %s", text)
	}
}

func BenchmarkAssign(b *testing.B) {
	book, drawn := NewBook(testCover(b, 1)), uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		drawn++
		mustAssign(b, book, drawn)
	}
}
