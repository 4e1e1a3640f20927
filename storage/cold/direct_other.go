//go:build !linux

package cold

import (
	"fmt"
	"os"
)

// openPages opens the rows once more for reads of whole pages.
func openPages(rows *os.File, _ bool) (*os.File, error) {
	f, err := os.Open(rows.Name())
	if err != nil {
		return nil, fmt.Errorf("cold: %w", err)
	}
	return f, nil
}
