package statuslist

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"

	"zhenni"
)

// The bounds of a [Book].
const (
	// MaxLists bounds the number of lists: 3.2 thousand million credentials.
	MaxLists = 1 << 12
	// Given is how many entries of a list are given out. The rest are decoys, and entries nobody has, among which the next
	// is found without searching long.
	Given = Entries / 4 * 3
)

// Place is where a credential stands: the number of a list and an index in it. It links whoever knows it to the credential:
// it is in the credential's sealed record and with its holder, and nowhere else.
type Place struct{ List, Index uint32 }

// URI returns that of the list: base, a slash, its number. It is what a credential and the list itself say, byte for byte.
func (p Place) URI(base string) string { return uriOf(base, p.List) }

func uriOf(base string, list uint32) string { return base + "/" + strconv.FormatUint(uint64(list), 10) }

// Claim returns the claim status of a credential (draft §6.2), JSON for its holder.
func (p Place) Claim(base string) json.RawMessage {
	uri, err := json.Marshal(p.URI(base))
	if err != nil {
		panic("statuslist: a string does not become JSON: " + err.Error())
	}
	return fmt.Appendf(nil, `{"status_list":{"idx":%d,"uri":%s}}`, p.Index, uri)
}

// Book knows which places are taken, and gives out the others. What it does follows from the set of places that are taken,
// in whatever order they were, and from the random bytes it is given: so the bytes can travel in a command, and a book can
// be made again from the records. It holds 128 KiB a list and belongs to one goroutine.
type Book struct {
	cover *Cover
	// lists has nil for one of which nothing is known to be taken.
	lists []*givenList
}

type givenList struct {
	// taken has the decoys too.
	taken indexSet
	given int
}

// NewBook returns a book in which nothing is taken but the decoys of cover.
func NewBook(cover *Cover) *Book { return &Book{cover: cover} }

// Lists returns how many lists were begun.
func (b *Book) Lists() int { return len(b.lists) }

// Take marks the place of a record that is there: [zhenni.ErrBadValue] for a place no book gives out, [zhenni.ErrExists] for
// one that is taken.
func (b *Book) Take(p Place) error {
	if p.List >= MaxLists || p.Index >= Entries {
		return fmt.Errorf("%w: status list %d has no entry %d to give", zhenni.ErrBadValue, p.List, p.Index)
	}
	l := b.list(p.List)
	if !l.taken.add(p.Index) {
		return fmt.Errorf("%w: an entry of status list %d, taken or a decoy", zhenni.ErrExists, p.List)
	}
	l.given++
	return nil
}

// Assign takes a place that was free, in the first list that has one to give: each of its free entries is as likely. drawn
// is 32 bytes from a cryptographic source, used once. [zhenni.ErrUnavailable] after [MaxLists] lists of [Given].
func (b *Book) Assign(drawn [32]byte) (Place, error) {
	for n := range uint32(MaxLists) {
		l := b.list(n)
		if l.given >= Given {
			continue
		}
		numbers := rand.NewChaCha8(drawn)
		for {
			index := uint32(numbers.Uint64() % Entries)
			if l.taken.add(index) {
				l.given++
				return Place{n, index}, nil
			}
		}
	}
	return Place{}, fmt.Errorf("%w: all status lists are given out", zhenni.ErrUnavailable)
}

// list returns that of the number, in [0, MaxLists), and begins it where it is new.
func (b *Book) list(n uint32) *givenList {
	for uint32(len(b.lists)) <= n {
		b.lists = append(b.lists, nil)
	}
	if b.lists[n] == nil {
		l := new(givenList)
		for d := range b.cover.decoys(n) {
			l.taken.add(d.index)
		}
		b.lists[n] = l
	}
	return b.lists[n]
}
