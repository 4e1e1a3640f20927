package audit

import (
	"fmt"

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
			p.log.sequencer.fail(err)
		}
		files = files[:0]
		if w.done == nil {
			continue
		}
		if err != nil {
			err = fmt.Errorf("%w: audit: %w", zhenni.ErrUnavailable, err)
		}
		w.done <- err
	}
}

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
	before := p.log.published.Swap(&snapshot{w.tree, signed, w.files})
	if before != nil {
		if err := p.removePartials(before.tree.N, w.tree.N); err != nil {
			return err
		}
	}
	return p.log.sequencer.journal.retire(w.tree.N / tileWidth * tileWidth)
}

// removePartials removes the partial files of a checkpoint that is no longer the newest. Nothing is lost: a
// narrower form of a tile is the beginning of a wider one, and [Log.Tile] serves it from there.
func (p *publisher) removePartials(before, now int64) error {
	keep := make(map[tlog.Tile]bool)
	for _, t := range partialTiles(now) {
		keep[t] = true
	}
	for _, t := range partialTiles(before) {
		if keep[t] {
			continue
		}
		if err := p.log.opts.Files.Remove(tilePath(t)); err != nil {
			return err
		}
	}
	return nil
}
