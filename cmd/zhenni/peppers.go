package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"zhenni"
	pincode "zhenni/identity/pin"
	"zhenni/storage"
)

// PINsByPepper implements gateway.PINCounter. It says in the log where a PIN is under a pepper that is not held, so that nobody is
// told yes by it.
func (p *storedPINs) PINsByPepper(ctx context.Context) (map[uint32]int64, error) {
	under, err := pinsByPepper(ctx, p.store.Store)
	if err != nil {
		return nil, err
	}
	held := map[uint32]bool{}
	for _, pepper := range p.peppers {
		held[pepper.Version()] = true
		under[pepper.Version()] += 0
	}
	for _, number := range slices.Sorted(maps.Keys(under)) {
		if !held[number] {
			p.log.Error("PINs are under a pepper that is not held, and none of them opens: name its file with --pin-pepper-before", "pepper", number, "pins", under[number])
		}
	}
	return under, nil
}

// pinsByPepper counts the PINs of live credentials by the number of their pepper.
func pinsByPepper(ctx context.Context, store *storage.Store) (map[uint32]int64, error) {
	under := map[uint32]int64{}
	err := store.PINs(ctx, func(c zhenni.Credential, kept zhenni.PIN) error {
		v, err := pincode.ParseVerifier(kept.Verifier)
		if err != nil {
			return fmt.Errorf("PIN of credential %s: %w", c.ID, err)
		}
		under[v.Pepper()]++
		return nil
	})
	return under, err
}

type keysPeppers struct {
	storeFlags
	JSON bool `help:"Print one JSON object."`
}

// Help is shown by zhenni keys peppers --help.
func (keysPeppers) Help() string {
	return `It counts PINs that may still be used, of credentials that are active or suspended, and takes no pepper. While a store is served, zhenni_pins on /metrics says the same; it is counted anew a minute after the last count, or after fifty times what that took. A pepper that has none left, and is not the current one, may be dropped: serve without it from then on.

Example:

    zhenni keys peppers --store zhenni-data`
}

// Run counts them.
func (c *keysPeppers) Run(ctx context.Context, out *output) error {
	store, err := c.open(true, out)
	if err != nil {
		return err
	}
	under, err := pinsByPepper(ctx, store.Store)
	if err := errors.Join(err, store.Close()); err != nil {
		return environment("%w", err)
	}
	type line struct {
		Pepper uint32 `json:"pepper"`
		PINs   int64  `json:"pins"`
	}
	lines, rows := []line{}, [][]string{{"pepper", "PINs"}}
	for _, number := range slices.Sorted(maps.Keys(under)) {
		lines, rows = append(lines, line{number, under[number]}), append(rows, []string{fmt.Sprint(number), fmt.Sprint(under[number])})
	}
	if c.JSON {
		return out.JSON(struct {
			Peppers []line `json:"peppers"`
		}{lines})
	}
	return out.Table(rows)
}
