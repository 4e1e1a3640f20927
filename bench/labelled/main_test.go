package labelled

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Files of these names make the reader misbehave instead of reading.
const (
	hangHook  = "hang.parquet"
	swellHook = "swell.parquet"
)

// TestMain lets the test binary be the process that decodes Parquet.
func TestMain(m *testing.M) {
	if len(os.Args) < 3 || os.Args[1] != ParquetCommand {
		os.Exit(m.Run())
	}
	switch filepath.Base(os.Args[2]) {
	case hangHook:
		for {
			runtime.Gosched()
		}
	case swellHook:
		swell()
	}
	if err := ServeParquet(os.Args[2:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// swell takes memory until the limit ends the process; without a limit it ends as if all were well.
func swell() {
	if err := limitMemory(parquetMemory); err != nil {
		os.Exit(1)
	}
	var held [][]byte
	for range 2 * parquetMemory / (16 << 20) {
		block := make([]byte, 16<<20)
		for i := range block {
			block[i] = 1
		}
		held = append(held, block)
	}
	fmt.Println(len(held), "blocks taken")
	os.Exit(0)
}
