package commandlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/hashicorp/raft-wal/types"

	"zhenni"
)

const catalogFile = "catalog.json"

// catalog is what the log must know beside its entries: its segments, and Raft's term and vote. It is one small file,
// the SHA-256 of its second line on the first, replaced whole. The database that raft-wal brings along for it panics on
// a damaged page, in goroutines of Raft's too, and a log without it loses its segments: raft-wal removes those that its
// catalog does not name, so a catalog that is missing beside segments is refused.
type catalog struct {
	mu   sync.Mutex
	dir  string
	page catalogPage
	// frozen keeps every change in memory: the log is only looked at.
	frozen bool
	// fault is asked before every replacement, failed told of one that went wrong. Either may be nil. Whether the file
	// is the old or the new one is then not known, while raft-wal goes on with the old.
	fault  func(operation string) error
	failed func(error)
}

// catalogPage is the content of the file.
type catalogPage struct {
	Segments types.PersistentState `json:"segments"`
	Stable   map[string][]byte     `json:"stable"`
}

// Load reads the catalog of dir, or starts one.
func (c *catalog) Load(dir string) (types.PersistentState, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dir, c.page = dir, catalogPage{Stable: map[string][]byte{}}
	b, err := os.ReadFile(filepath.Join(dir, catalogFile))
	if errors.Is(err, os.ErrNotExist) && !c.frozen {
		return c.page.Segments, refuseSegments(dir)
	}
	if err != nil {
		return types.PersistentState{}, fmt.Errorf("commandlog: %w", err)
	}
	c.page, err = parseCatalog(b)
	return c.page.Segments, err
}

// refuseSegments refuses a folder that has segments and no catalog.
func refuseSegments(dir string) error {
	segments, err := filepath.Glob(filepath.Join(dir, "*.wal"))
	if err == nil && len(segments) > 0 {
		err = fmt.Errorf("%w: %s is missing beside %d segments", zhenni.ErrCorrupt, catalogFile, len(segments))
	}
	return err
}

func parseCatalog(b []byte) (catalogPage, error) {
	var page catalogPage
	sum, body, _ := bytes.Cut(b, []byte("\n"))
	want := sha256.Sum256(body)
	if !bytes.Equal(sum, hex.AppendEncode(nil, want[:])) {
		return page, fmt.Errorf("%w: %s fails its checksum", zhenni.ErrCorrupt, catalogFile)
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return page, fmt.Errorf("%w: %s: %w", zhenni.ErrCorrupt, catalogFile, err)
	}
	if page.Stable == nil {
		page.Stable = map[string][]byte{}
	}
	return page, nil
}

// replace makes next durable, then current.
func (c *catalog) replace(next catalogPage) error {
	err := c.write(next)
	if err == nil {
		c.page = next
		return nil
	}
	if c.failed != nil {
		c.failed(err)
	}
	return err
}

func (c *catalog) write(next catalogPage) error {
	if c.frozen {
		return nil
	}
	if c.fault != nil {
		if err := c.fault("catalog"); err != nil {
			return fmt.Errorf("commandlog: %s: %w", catalogFile, err)
		}
	}
	body, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("commandlog: %w", err)
	}
	sum := sha256.Sum256(body)
	path := filepath.Join(c.dir, catalogFile)
	if err := writeSynced(path+".new", append(hex.AppendEncode(nil, sum[:]), append([]byte("\n"), body...)...)); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("commandlog: %w", err)
	}
	folder, err := os.Open(c.dir)
	if err != nil {
		return fmt.Errorf("commandlog: %w", err)
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return fmt.Errorf("commandlog: %w", err)
	}
	return nil
}

func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("commandlog: %w", err)
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("commandlog: %w", err)
	}
	return nil
}

// CommitState replaces the list of segments.
func (c *catalog) CommitState(segments types.PersistentState) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.replace(catalogPage{segments, c.page.Stable})
}

// GetStable returns a value of Raft's, nil where there is none.
func (c *catalog) GetStable(key []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.page.Stable[string(key)]), nil
}

// SetStable stores a value of Raft's.
func (c *catalog) SetStable(key, value []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	stable := maps.Clone(c.page.Stable)
	stable[string(key)] = slices.Clone(value)
	return c.replace(catalogPage{c.page.Segments, stable})
}

// Close does nothing: no file stays open.
func (c *catalog) Close() error { return nil }
