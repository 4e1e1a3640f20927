package main

import (
	"context"
	"fmt"
	"os"

	"zhenni/bench/layer"
)

// benchStore is bench store.
type benchStore struct {
	Dir         string `type:"path" placeholder:"FOLDER" help:"Folder on the disk to measure; everything made in it is removed (default the system's folder for temporary files)."`
	Credentials int    `default:"200000" placeholder:"N" help:"Credentials of the store to read from (default ${default})."`
	Imported    int    `default:"50000" placeholder:"N" help:"Credentials of one import (default ${default})."`
	Dim         int    `default:"512" placeholder:"N" help:"Dimension of the embeddings (default ${default})."`
	Threads     int    `placeholder:"N" help:"Readers, and workers of an import (default one a core)."`
	Callers     []int  `default:"1,16,64" placeholder:"N,…" help:"Callers that each put one credential at a time (default ${default})."`
	benchOutput `embed:""`
}

// Help is shown by zhenni bench store --help.
func (benchStore) Help() string {
	return `The store of the running build on a disk of yours, beside a flat file of the same rows mapped into memory, and beside what the disk gives. A cold get comes after everything that the system holds of the files was dropped. Callers share commits, so many of them exceed the rate of single syncs.

Examples:

    zhenni bench store --dir /var/lib/zhenni
    zhenni bench store --credentials 5000000 --rounds 3 --out store.json`
}

// Run measures the store.
func (c *benchStore) Run(ctx context.Context, out *output) error {
	store := layer.Store{
		Dir: c.Dir, Credentials: c.Credentials, Imported: min(c.Imported, c.Credentials), Dim: c.Dim, Threads: threadCount(c.Threads),
		Callers: c.Callers, Seed: c.Seed,
	}
	if store.Dir == "" {
		store.Dir = os.TempDir()
	}
	out.Note("About %v of files in %s while it lasts.", byteSize(store.Disk()), store.Dir)
	return c.measure(ctx, out, "store", store, map[string]string{
		"credentials": fmt.Sprint(c.Credentials), "imported": fmt.Sprint(store.Imported), "dim": fmt.Sprint(c.Dim),
		"threads": fmt.Sprint(store.Threads), "callers": joined(c.Callers),
	})
}
