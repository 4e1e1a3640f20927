package audit

// Prune deletes the entries below an index, rounded down to whole bundles and to the newest checkpoint, and returns
// how far entries are deleted now. Their hashes stay, so every proof, of what is left and of what is gone, still
// verifies for who kept the leaf. What will be deleted is signed first; a crash on the way is made good by the next Prune.
func (l *Log) Prune(below int64) (int64, error) {
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	before := l.pruned.Load()
	below = min(below, l.Tree().N) / tileWidth * tileWidth
	if below > before {
		signed, err := signNote(prunedText(l.opts.Origin, below), l.opts.Signer)
		if err != nil {
			return before, err
		}
		if err := l.opts.Files.Write(Content{prunedFile, signed}); err != nil {
			return before, ioError(err)
		}
		l.pruned.Store(below)
	}
	return l.pruned.Load(), l.removeBundles()
}

// removeBundles removes the bundles below the pruned index.
func (l *Log) removeBundles() error {
	names, err := l.opts.Files.List(entriesDir)
	if err != nil {
		return ioError(err)
	}
	for _, name := range names {
		t, err := parseTilePath(name)
		if err != nil || (t.N+1)*tileWidth > l.pruned.Load() {
			continue
		}
		if err := l.opts.Files.Remove(name); err != nil {
			return ioError(err)
		}
	}
	return nil
}
