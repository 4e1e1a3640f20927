package history

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"zhenni"
)

// found is an entry with its asker, as far as it is shown.
type found struct {
	when  uint32
	who   *zhenni.Asker
	class class
}

func (f found) compare(o found) int {
	return cmp.Or(cmp.Compare(f.when, o.when), compareAskers(*f.who, *o.who), cmp.Compare(f.class, o.class))
}

// source gives the entries of a credential from one file, the newest first, and false behind the last.
type source interface {
	next() (f found, ok bool, err error)
}

// next makes an index a source.
type indexSource struct{ *backward }

func (s indexSource) next() (f found, ok bool, err error) {
	e, ok, err := s.backward.next()
	if !ok || err != nil {
		return f, false, err
	}
	return found{e.when, &s.x.askers[e.asker()], e.class()}, true, nil
}

// columnSource is what was found in a segment, ascending.
type columnSource struct{ all []found }

func (s *columnSource) next() (f found, ok bool, err error) {
	if len(s.all) == 0 {
		return f, false, nil
	}
	last := len(s.all) - 1
	f, s.all = s.all[last], s.all[:last]
	return f, true, nil
}

// Asked returns who asked about a credential, on behalf of its tenant, newest first: at most limit (1 to [MaxPage])
// questions from a place on. What was noted before the call is in it. A question by a party of another tenant found
// nothing, and is not shown. Damage is no error but a gap. Errors are [zhenni.ErrBadValue], [zhenni.ErrUnavailable] and
// [zhenni.ErrDeadline].
func (h *History) Asked(
	ctx context.Context, tenant zhenni.TenantID, id zhenni.CredentialID, from zhenni.AskedCursor, limit int,
) (page zhenni.AskedPage, err error) {
	if limit < 1 || limit > MaxPage {
		return page, fmt.Errorf("%w: history: a page of %d, want 1–%d", zhenni.ErrBadValue, limit, MaxPage)
	}
	if from == (zhenni.AskedCursor{}) {
		from.Second = 1<<32 - 1
	}
	if err := h.do(ctx, func() { h.drain(true) }); err != nil {
		return page, err
	}
	erasures := h.state.of(id) // before the files: one that ends now is done in those to come only
	v := h.files.view()
	defer h.files.release(v)
	since, gaps := h.state.complete() // behind them: what goes now may be in them, and is said not to be
	since = max(since, secondOf(h.opts.Now().Add(-h.opts.Keep)))
	q := query{h: h, id: id, tenant: tenant, from: from, since: since, erasures: erasures}
	if err := q.open(v); err != nil {
		return page, err
	}
	if err := q.fill(&page, limit); err != nil {
		return page, err
	}
	page.Since = timeOf(since)
	page.Gaps = gapsOf(append(gaps, q.gaps...), from, page.Next)
	return page, nil
}

// gapsOf returns the gaps that touch a page between two places.
func gapsOf(gaps []gap, from, next zhenni.AskedCursor) (all []zhenni.AskedGap) {
	var s state
	for _, g := range gaps {
		if g.from <= from.Second && g.to >= next.Second {
			s.addGap(g)
		}
	}
	for _, g := range s.gaps {
		all = append(all, zhenni.AskedGap{From: timeOf(g.from), To: timeOf(g.to), Cause: g.cause})
	}
	return all
}

// query is one question to the history.
type query struct {
	h        *History
	id       zhenni.CredentialID
	tenant   zhenni.TenantID
	from     zhenni.AskedCursor
	since    uint32
	erasures []erasure // of the credential
	gaps     []gap     // where files did not open
	sources  []source
	heads    []found
}

// open finds where to begin in every file.
func (q *query) open(v view) error {
	key := lastOf(&q.id)
	key.when = q.from.Second
	for _, x := range v.indexes {
		if x.oldest > q.from.Second || x.newest < q.since || q.hides(x) {
			continue
		}
		b, err := x.seek(key)
		if err == nil {
			err = q.add(indexSource{b})
		}
		if isCorrupt(err) {
			err = q.missingIndex(x, err)
		}
		if err != nil {
			return err
		}
	}
	for _, c := range v.columns {
		all, err := q.scan(c)
		if isCorrupt(err) {
			q.h.damagedSegment(c, err)
			q.gaps, err = append(q.gaps, gap{c.oldest.Load(), c.newest.Load(), zhenni.GapDamaged}), nil
		}
		if err != nil {
			return err
		}
		if err := q.add(&columnSource{all}); err != nil {
			return err
		}
	}
	return nil
}

// hides reports whether the credential was forgotten since the file was written.
func (q *query) hides(x *index) bool {
	return slices.ContainsFunc(q.erasures, func(e erasure) bool { return e.number > x.purged })
}

// missingIndex makes damage a gap.
func (q *query) missingIndex(x *index, err error) error {
	q.h.damagedIndex(x, err)
	q.gaps = append(q.gaps, gap{x.oldest, x.newest, zhenni.GapDamaged})
	return nil
}

// add takes in a source that is not empty.
func (q *query) add(s source) error {
	f, ok, err := q.advance(s)
	if ok {
		q.sources, q.heads = append(q.sources, s), append(q.heads, f)
	}
	return err
}

// advance returns the next entry of the tenant.
func (q *query) advance(s source) (f found, ok bool, err error) {
	for {
		f, ok, err = s.next()
		if !ok || err != nil || f.when < q.since {
			return f, false, err
		}
		if f.who.Tenant == q.tenant {
			return f, true, nil
		}
	}
}

// scan finds the entries of the credential in a segment.
func (q *query) scan(c *segment) (all []found, err error) {
	_, err = c.walk(func(number uint32, b *block) error {
		if slices.ContainsFunc(q.erasures, func(e erasure) bool { return e.hides(c.number, number) }) {
			return nil
		}
		all = q.scanBlock(all, b)
		return nil
	})
	slices.SortFunc(all, found.compare)
	return all, err
}

func (q *query) scanBlock(all []found, b *block) []found {
	i := 0
	for _, r := range b.runs {
		for end := i + int(r.count); i < end; i++ {
			if *b.id(i) == q.id && r.second <= q.from.Second {
				all = append(all, found{r.second, &b.askers[r.asker], b.classOf(i)})
			}
		}
	}
	return all
}

// fill takes entries for a page, the newest of all sources first.
func (q *query) fill(page *zhenni.AskedPage, limit int) error {
	skip, at := q.from.Skip, q.from
	for len(q.sources) > 0 {
		newest := 0
		for i := range q.heads {
			if q.heads[i].compare(q.heads[newest]) > 0 {
				newest = i
			}
		}
		f := q.heads[newest]
		if f.when == q.from.Second && skip > 0 {
			skip--
		} else if len(page.Entries) == limit {
			page.Next = at
			return nil
		} else {
			page.Entries = append(page.Entries, zhenni.Asked{
				At: timeOf(f.when), Party: f.who.Party, Service: f.who.Service, Purpose: f.who.Purpose, Verdict: f.class.verdict(),
			})
			if at.Second != f.when {
				at = zhenni.AskedCursor{Second: f.when}
			}
			at.Skip++
		}
		if err := q.step(newest); err != nil {
			return err
		}
	}
	return nil
}

// step takes the next entry of a source, which leaves with its last one.
func (q *query) step(i int) error {
	f, ok, err := q.advance(q.sources[i])
	if isCorrupt(err) {
		err = q.missingIndex(q.sources[i].(indexSource).x, err)
	}
	if err != nil {
		return err
	}
	if q.heads[i] = f; !ok {
		q.sources, q.heads = slices.Delete(q.sources, i, i+1), slices.Delete(q.heads, i, i+1)
	}
	return nil
}
