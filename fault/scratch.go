package fault

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Rig is what every run of faults needs: the program, a folder to work in, a seed to repeat it by.
type Rig struct {
	// Binary is the program, Profile the threshold it serves with.
	Binary, Profile string
	// Scratch is an existing folder that the rig may fill; each run removes what it put there.
	Scratch string
	// Seed is where every random choice of a run comes from. The moment a fault strikes is not repeated exactly by it.
	Seed uint64
	// Slack is how much longer than promised verification may be away, on a machine whose disk others stall too.
	Slack time.Duration
	// Logf says how far a run is.
	Logf func(format string, args ...any)
}

// scratch is a folder with what must be undone before it can be removed: mounts, loop devices, processes.
type scratch struct {
	dir  string
	undo []func() error
}

func (r *Rig) scratch(name string) (*scratch, error) {
	dir, err := os.MkdirTemp(r.Scratch, "zhenni-"+name+"-")
	if err != nil {
		return nil, fmt.Errorf("fault: %w", err)
	}
	return &scratch{dir: dir}, nil
}

// later has do run at the end, the last first.
func (s *scratch) later(do func() error) { s.undo = append(s.undo, do) }

// remove undoes everything and removes the folder.
func (s *scratch) remove() error {
	var errs []error
	for i := len(s.undo) - 1; i >= 0; i-- {
		errs = append(errs, s.undo[i]())
	}
	s.undo = nil
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// command runs a program of the system and returns the first line it printed.
func command(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("fault: %s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line, nil
}
