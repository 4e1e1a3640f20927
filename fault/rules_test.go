package fault

import (
	"syscall"
	"testing"
)

func TestRulesStrikeWhereTheySay(t *testing.T) {
	var rules Rules
	strike := func(act Act, name string) syscall.Errno {
		_, errno, _ := rules.strike(act, name)
		return errno
	}
	if strike(ActWrite, "a") != 0 {
		t.Error("struck without a rule")
	}
	rules.Arm(&Rule{Acts: ActWrite, Pattern: "*.wal", After: 2, Errno: syscall.EIO})
	for i, c := range []struct {
		act  Act
		name string
		want syscall.Errno
	}{
		{ActWrite, "log/1.wal", 0}, {ActWrite, "log/1.sst", 0}, {ActSync, "log/1.wal", 0}, {ActWrite, "log/1.wal", 0},
		{ActWrite, "log/1.wal", syscall.EIO}, {ActWrite, "log/1.wal", 0},
	} {
		if got := strike(c.act, c.name); got != c.want {
			t.Errorf("act %d: %v, want %v", i, got, c.want)
		}
	}
	if _, ok := rules.Struck(); !ok || rules.full() {
		t.Error("it has struck once, and the disk is not full")
	}
	rules.Arm(&Rule{Acts: growth, Errno: syscall.ENOSPC, Forever: true})
	if _, ok := rules.Struck(); ok || rules.full() {
		t.Error("a new rule has not struck")
	}
	for range 3 {
		if got := strike(ActCreate, "x"); got != syscall.ENOSPC {
			t.Errorf("%v on a full disk", got)
		}
	}
	if strike(ActSync, "x") != 0 || !rules.full() {
		t.Error("a full disk still syncs")
	}
}
