package audit

import (
	"fmt"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"zhenni"
)

// publication is something to write behind the journal. Its data belong to the publisher.
type publication struct {
	files []tileFile
	tree  tlog.Tree
	// epoch asks for the checkpoint of tree to be kept for good, current for it to become the newest.
	epoch, current bool
	// done is told when a current publication is over.
	done chan error
}

// publisher writes tiles, bundles and checkpoints, in the order in which they are handed over. What it writes can be
// derived from the journal, which keeps an entry until it is in a full bundle under a signed checkpoint. When it falls
// behind, work is full, the sequencer waits, and Append refuses.
type publisher struct {
	log   *Log
	work  chan publication
	ended chan struct{}

	// mu guards stale: the partial files that the newest checkpoint has no use for, oldest first.
	mu    sync.Mutex
	stale []stalePartial
}

// A stalePartial is a partial file of a checkpoint of that size.
type stalePartial struct {
	tile tlog.Tile
	size int64
}

func (p *publisher) run() {
	defer close(p.ended)
	var files []Content
	for w := range p.work {
		files = append(files, w.contents()...)
		if !w.epoch && !w.current && len(p.work) > 0 && len(files) < unwritten {
			continue // the next will take them along
		}
		err := p.log.Err()
		if err == nil {
			err = p.publish(w, files)
		}
		if err == nil {
			err = p.log.sequencer.journal.prepare(p.log.Size() / tileWidth * tileWidth)
		}
		if err == nil {
			err = p.removeOldest(w.tree.N)
		}
		p.log.sequencer.fail(err)
		files = files[:0]
		if w.done == nil {
			continue
		}
		if err != nil {
			err = fmt.Errorf("%w: audit: %w", zhenni.ErrUnavailable, err)
		}
		w.done <- err
	}
	if p.log.Err() == nil {
		p.log.sequencer.fail(p.removeStale(anyTile))
	}
}

func anyTile(tlog.Tile) bool { return true }

func (w *publication) contents() []Content {
	files := make([]Content, len(w.files))
	for i, f := range w.files {
		files[i] = Content{tilePath(f.tile), f.data}
	}
	return files
}

// publish writes files, those of w and of publications before it, and then what w asks for.
func (p *publisher) publish(w publication, files []Content) error {
	disk := p.log.opts.Files
	if len(files) > 0 {
		if err := disk.Write(files...); err != nil {
			return err
		}
	}
	if !w.epoch && !w.current {
		return nil
	}
	signed, err := signNote(checkpointText(p.log.opts.Origin, w.tree), p.log.opts.Signer)
	if err != nil {
		return err
	}
	if w.epoch {
		return disk.Write(Content{epochFile(w.tree.N/EpochSize - 1), signed})
	}
	if err := disk.Write(Content{checkpointFile, signed}); err != nil {
		return err
	}
	if before := p.log.published.Swap(&snapshot{w.tree, signed, w.files}); before != nil {
		p.supersede(before.tree.N, w.tree.N)
	}
	return p.log.sequencer.journal.retire(w.tree.N / tileWidth * tileWidth)
}

// supersede notes the partial files of a checkpoint that is no longer the newest. Nothing is lost with them: a narrower form
// of a tile is the beginning of a wider one, and [Log.Tile] serves it from there.
func (p *publisher) supersede(before, now int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	keep := partialTiles(now)
	for _, t := range partialTiles(before) {
		if !slices.Contains(keep, t) {
			p.stale = append(p.stale, stalePartial{t, before})
		}
	}
}

// removeOldest removes the oldest stale file, and more of them the more there are and where they are of far below size. It is
// called for every publication, most of which are of one tile, and so spreads removals out: a file system that discards
// what is freed holds up for a millisecond each time whoever waits for a durable write.
func (p *publisher) removeOldest(size int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(1+len(p.stale)/staleFiles, len(p.stale))
	for n < len(p.stale) && p.stale[n].size < size-staleEntries/2 {
		n++
	}
	for _, s := range p.stale[:n] {
		if err := p.log.opts.Files.Remove(tilePath(s.tile)); err != nil {
			return err
		}
	}
	p.stale = slices.Delete(p.stale, 0, n)
	return nil
}

// removeStale removes those stale files that are of which tiles.
func (p *publisher) removeStale(which func(tlog.Tile) bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var kept []stalePartial
	for _, s := range p.stale {
		if !which(s.tile) {
			kept = append(kept, s)
			continue
		}
		if err := p.log.opts.Files.Remove(tilePath(s.tile)); err != nil {
			return err
		}
	}
	p.stale = kept
	return nil
}
