package layer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"zhenni/bench/result"
)

// Pages is a file whose pages are read around the page cache: what a disk gives to reads of 4 KiB.
type Pages struct {
	file  *os.File
	count int
}

// OpenPages opens a file of one page or more: [errors.ErrUnsupported] where its file system has no such reads.
func OpenPages(path string) (*Pages, error) {
	f, err := openDirect(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("layer: %w", err)
	}
	return &Pages{file: f, count: int(info.Size() / pageBytes)}, nil
}

// Close closes the file.
func (p *Pages) Close() error { return p.file.Close() }

// Random returns what measures whole pages a second, read at random with so many reads under way. check, if set, is called
// with every page by the goroutine that read it.
func (p *Pages) Random(depth int, seed uint64, check func(page int, content []byte) error) func(context.Context, time.Duration) (result.Sample, error) {
	readers := make([]*rand.Rand, depth)
	buffers := make([][]byte, depth)
	for i := range readers {
		readers[i], buffers[i] = rand.New(rand.NewPCG(seed, uint64(i))), alignedPage()
	}
	return func(ctx context.Context, about time.Duration) (result.Sample, error) {
		return Press(ctx, depth, about, func(i int) (int, error) {
			page := readers[i].IntN(p.count)
			if _, err := p.file.ReadAt(buffers[i], int64(page)*pageBytes); err != nil {
				return 0, fmt.Errorf("layer: %w", err)
			}
			if check == nil {
				return 1, nil
			}
			return 1, check(page, buffers[i])
		})
	}
}
