package zhenni

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Catalogue is the services of one document, in its order. It does not change, and is safe for concurrent use.
//
// The document is one JSON object; an operator edits it, and zhenni catalogue check reads it:
//
//	{"version": "2026-11", "services": [{
//	  "id": "hotel.check-in", "zh": "酒店入住", "en": "Hotel check-in", "category": "hotel", "purposes": ["check-in"],
//	  "level": "lite", "factors": [["face"]], "without_face": [["card"], ["pin", "document"]],
//	  "liveness": "passive", "liveness_max_age_s": 120, "capture_max_age_s": 120, "possession": false, "fmr": 1e-6
//	}]}
//
// A way is a list of groups, all of which are to be met, each by any one of its factors. Every field is there, once.
type Catalogue struct {
	version  string
	services []Service
	index    map[string]int
}

// Bounds of a [Catalogue].
const (
	MaxServices       = 1024
	MaxCatalogueBytes = 1 << 20
)

//go:embed catalogue/services.json
var shipped []byte

// ShippedCatalogue returns the catalogue that comes with the program.
func ShippedCatalogue() *Catalogue {
	c, err := ReadCatalogue(bytes.NewReader(shipped))
	if err != nil {
		panic(err) // the tests read it
	}
	return c
}

// ShippedServices returns the document of the [ShippedCatalogue]; the memory is the caller's.
func ShippedServices() []byte { return bytes.Clone(shipped) }

// ReadCatalogue reads a document of at most [MaxCatalogueBytes]. What is not of the form above is [ErrBadValue], with the path
// of the field: unknown and missing fields, those that occur twice, another type, text that is not UTF-8, a value out of
// range, and whatever follows the document.
func ReadCatalogue(r io.Reader) (*Catalogue, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxCatalogueBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("catalogue: %w", err)
	case len(data) > MaxCatalogueBytes:
		return nil, fmt.Errorf("%w: catalogue of more than %d bytes", ErrBadValue, MaxCatalogueBytes)
	case !utf8.Valid(data):
		return nil, fmt.Errorf("%w: catalogue is not UTF-8", ErrBadValue)
	}
	c := &Catalogue{index: make(map[string]int)}
	d := &document{tokens: json.NewDecoder(bytes.NewReader(data))}
	d.tokens.UseNumber()
	if err := c.read(d); err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	return c, nil
}

// Version is what the document calls itself, a [ValidName].
func (c *Catalogue) Version() string { return c.version }

// Services returns every service in the order of the document. The slice is the caller's, what it points to is not.
func (c *Catalogue) Services() []*Service {
	all := make([]*Service, len(c.services))
	for i := range c.services {
		all[i] = &c.services[i]
	}
	return all
}

// Service returns the service of that id; ok is false where there is none, as in a nil Catalogue.
func (c *Catalogue) Service(id string) (s *Service, ok bool) {
	if c == nil {
		return nil, false
	}
	i, ok := c.index[id]
	if !ok {
		return nil, false
	}
	return &c.services[i], true
}

func (c *Catalogue) read(d *document) error {
	err := d.object(map[string]func() error{
		"version": func() (err error) {
			if c.version, err = d.text(); err == nil && !ValidName(c.version) {
				err = d.fault("want 1–64 of the characters a–z, 0–9, dot, dash and underscore")
			}
			return err
		},
		"services": func() error { return d.list(MaxServices, func() error { return c.readService(d) }) },
	})
	if err != nil {
		return err
	}
	if _, err := d.tokens.Token(); err != io.EOF {
		return d.fault("the file goes on behind the document")
	}
	return nil
}

func (c *Catalogue) readService(d *document) error {
	var s Service
	err := d.object(map[string]func() error{
		"id": into(&s.ID, d.text), "zh": into(&s.NameZH, d.text), "en": into(&s.NameEN, d.text),
		"category": into(&s.Category, d.text),
		"purposes": func() error {
			return d.list(MaxPurposes, func() error { return appended(&s.Purposes, d.text) })
		},
		"level":        func() error { return d.word(&s.Level) },
		"factors":      func() error { return d.way(&s.Factors) },
		"without_face": func() error { return d.way(&s.WithoutFace) },
		"liveness":     func() error { return d.word(&s.Liveness) },

		"liveness_max_age_s": into(&s.LivenessMaxAge, d.seconds), "capture_max_age_s": into(&s.CaptureMaxAge, d.seconds),
		"possession": into(&s.Possession, d.boolean), "fmr": into(&s.FMR, d.rate),
	})
	if err != nil {
		return err
	}
	if err := s.Validate(); err != nil {
		return d.at(err)
	}
	if _, twice := c.index[s.ID]; twice {
		return d.fault("the id is that of an earlier service")
	}
	c.index[s.ID] = len(c.services)
	c.services = append(c.services, s)
	return nil
}

// into is a reader of a member that keeps what read returns.
func into[T any](value *T, read func() (T, error)) func() error {
	return func() (err error) {
		*value, err = read()
		return err
	}
}

func appended[T any](list *[]T, read func() (T, error)) error {
	v, err := read()
	*list = append(*list, v)
	return err
}

// A document is read token by token: the decoder's own matching of names lets them occur twice and in any case.
type document struct {
	tokens *json.Decoder
	path   []string // where the reader is, as "services[3]" and "level"
}

// at puts the place in front of an error.
func (d *document) at(err error) error {
	if len(d.path) == 0 {
		return err
	}
	return fmt.Errorf("%s: %w", strings.Join(d.path, "."), err)
}

func (d *document) fault(text string) error { return d.at(fmt.Errorf("%w: %s", ErrBadValue, text)) }

func (d *document) next() (json.Token, error) {
	t, err := d.tokens.Token()
	if err != nil {
		return nil, d.fault("not JSON")
	}
	return t, nil
}

// open takes the delimiter that begins a value.
func (d *document) open(delimiter json.Delim, want string) error {
	t, err := d.next()
	if err == nil && t != delimiter {
		err = d.fault("want " + want)
	}
	return err
}

// object reads an object of exactly the members given.
func (d *document) object(members map[string]func() error) error {
	if err := d.open('{', "an object"); err != nil {
		return err
	}
	seen := make(map[string]bool, len(members))
	for d.tokens.More() {
		t, err := d.next()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		read, known := members[name]
		switch {
		case !known:
			return d.fault(fmt.Sprintf("there is no field %.40q", name))
		case seen[name]:
			return d.fault(name + " occurs twice")
		}
		seen[name] = true
		d.path = append(d.path, name)
		if err := read(); err != nil {
			return err
		}
		d.path = d.path[:len(d.path)-1]
	}
	if _, err := d.next(); err != nil {
		return err
	}
	for _, name := range sortedNames(members) {
		if !seen[name] {
			return d.fault(name + " is missing")
		}
	}
	return nil
}

func sortedNames(members map[string]func() error) []string {
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// list reads a list of at most limit elements.
func (d *document) list(limit int, element func() error) error {
	if err := d.open('[', "a list"); err != nil {
		return err
	}
	last := len(d.path) - 1
	name := d.path[last]
	for i := 0; d.tokens.More(); i++ {
		if i == limit {
			return d.fault("more than " + strconv.Itoa(limit) + " elements")
		}
		d.path[last] = name + "[" + strconv.Itoa(i) + "]"
		if err := element(); err != nil {
			return err
		}
	}
	d.path[last] = name
	_, err := d.next()
	return err
}

func (d *document) text() (string, error) {
	t, err := d.next()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", d.fault("want a string")
	}
	return s, nil
}

func (d *document) boolean() (bool, error) {
	t, err := d.next()
	if err != nil {
		return false, err
	}
	b, ok := t.(bool)
	if !ok {
		return false, d.fault("want true or false")
	}
	return b, nil
}

func (d *document) number() (json.Number, error) {
	t, err := d.next()
	if err != nil {
		return "", err
	}
	n, ok := t.(json.Number)
	if !ok {
		return "", d.fault("want a number")
	}
	return n, nil
}

func (d *document) seconds() (time.Duration, error) {
	n, err := d.number()
	if err != nil {
		return 0, err
	}
	s, err := strconv.ParseUint(n.String(), 10, 32)
	if err != nil {
		return 0, d.fault("want whole seconds")
	}
	return time.Duration(s) * time.Second, nil
}

func (d *document) rate() (Rate, error) {
	n, err := d.number()
	if err != nil {
		return 0, err
	}
	f, err := n.Float64()
	if err != nil {
		return 0, d.fault("want a fraction")
	}
	return Rate(f), nil
}

// word reads one word of an enumeration.
func (d *document) word(v interface{ UnmarshalText([]byte) error }) error {
	s, err := d.text()
	if err != nil {
		return err
	}
	if err := v.UnmarshalText([]byte(s)); err != nil {
		return d.at(err)
	}
	return nil
}

// way reads a list of groups.
func (d *document) way(w *Way) error {
	return d.list(MaxWayGroups, func() error { return appended((*[]MeansSet)(w), d.group) })
}

// group reads one group of a way: a list of different factors.
func (d *document) group() (set MeansSet, err error) {
	err = d.list(int(meansEnd), func() error {
		var m Means
		if err := d.word(&m); err != nil {
			return err
		}
		if set.Has(m) {
			return d.fault("the factor is there twice")
		}
		set |= NewMeansSet(m)
		return nil
	})
	return set, err
}
