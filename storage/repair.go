package storage

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"zhenni"
)

// advise adds to why a store does not open what its operator can do about it.
func (o Options) advise(err error) error {
	switch {
	case err == nil:
		return nil
	case meets(err, syscall.ENOSPC) || meets(err, syscall.EDQUOT):
		return fmt.Errorf("%w: no space is left on the disk of %s: free some and start again; until then zhenni serve --verify-only serves what is there: %v",
			zhenni.ErrUnavailable, o.Dir, err)
	case meets(err, syscall.EROFS):
		return fmt.Errorf("%w: the disk of %s is read-only: make it writable and start again; until then zhenni serve --verify-only serves what is there: %v",
			zhenni.ErrUnavailable, o.Dir, err)
	case errors.Is(err, zhenni.ErrCorrupt) && !namesCommand(err):
		return fmt.Errorf("%w; put back a copy of %s that is as new, or make the store again of its backup with zhenni restore",
			err, o.Dir)
	}
	return err
}

// namesCommand reports whether err says which command repairs what lies beside the view and its log.
func namesCommand(err error) bool {
	return strings.Contains(err.Error(), "zhenni keys") || strings.Contains(err.Error(), "zhenni audit")
}

// meets reports whether err is of that number, in its text where a library has cut the chain.
func meets(err error, number syscall.Errno) bool {
	return errors.Is(err, number) || strings.Contains(err.Error(), number.Error())
}
