package fault

import (
	"fmt"
	"path"
	"sync"
	"syscall"
	"time"
)

// Act is what a process does to a file, one bit each.
type Act uint8

// The acts a [Rule] can strike. A page of a mapped file that the kernel writes back is an ActWrite.
const (
	ActWrite Act = 1 << iota
	ActSync
	ActCreate // of a file or a folder
	ActRename
	ActAllocate
)

// Rule is one fault of a file system.
type Rule struct {
	// Acts are those it strikes, on files whose base name matches Pattern (package path; "" is every file).
	Acts    Act
	Pattern string
	// After is how many such acts pass before it strikes.
	After int
	// Errno is what the process is told; 0 with a Stall.
	Errno syscall.Errno
	// Forever strikes from then on; otherwise once.
	Forever bool
	// Torn lets the first half of a write through before it fails.
	Torn bool
	// Stall is how long an act that is struck takes.
	Stall time.Duration
}

// Name is the rule without its place, as a row of a table.
func (r Rule) Name() string {
	names := map[Act]string{ActWrite: "write", ActSync: "sync", ActCreate: "create", ActRename: "rename", ActAllocate: "allocate", growth: "grow"}
	fault := map[syscall.Errno]string{syscall.EIO: "EIO", syscall.ENOSPC: "ENOSPC"}[r.Errno]
	how := "once"
	switch {
	case r.Stall > 0:
		fault, how = "stall", r.Stall.String()
	case r.Torn:
		how = "once, torn"
	case r.Forever:
		how = "for good"
	}
	return fmt.Sprintf("%s %s %s", names[r.Acts], fault, how)
}

// growth is what a full disk refuses.
const growth = ActWrite | ActCreate | ActAllocate

// Rules are the faults of a mounted file system: one rule at a time. They are safe for concurrent use.
type Rules struct {
	mu     sync.Mutex
	rule   *Rule
	seen   int
	struck int
	first  time.Time // it struck
}

// Arm replaces the rule; nil is a file system without faults.
func (r *Rules) Arm(rule *Rule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rule, r.seen, r.struck = rule, 0, 0
}

// Struck returns when the rule struck first; ok is false while it did not.
func (r *Rules) Struck() (first time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.first, r.struck > 0
}

// full reports whether the file system says that it has no space left.
func (r *Rules) full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.struck > 0 && r.rule != nil && r.rule.Forever && r.rule.Errno == syscall.ENOSPC
}

// strike says what becomes of an act: whether half of it is done, what it is answered, after which stall.
func (r *Rules) strike(act Act, name string) (torn bool, errno syscall.Errno, stall time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rule := r.rule
	if rule == nil || rule.Acts&act == 0 || r.struck > 0 && !rule.Forever {
		return false, 0, 0
	}
	if ok, err := path.Match(rule.Pattern, path.Base(name)); rule.Pattern != "" && (err != nil || !ok) {
		return false, 0, 0
	}
	if r.seen++; r.seen <= rule.After {
		return false, 0, 0
	}
	if r.struck++; r.struck == 1 {
		r.first = time.Now()
	}
	return rule.Torn, rule.Errno, rule.Stall
}
