//go:build unix

package actors

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"zhenni"
)

// stoppedEnv marks the child process of [TestStoppedProcessAcceptsNothing].
const stoppedEnv = "ZHENNI_TEST_STOPPED"

const stoppedPatience = 200 * time.Millisecond

// A process that is stopped beyond the deadline of what it works on, and finds the answer ready when it goes on, gives
// none; what it is asked then, it answers.
//
// FAULTS: R7
func TestStoppedProcessAcceptsNothing(t *testing.T) {
	if os.Getenv(stoppedEnv) != "" {
		beStopped(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestStoppedProcessAcceptsNothing$")
	cmd.Env = append(os.Environ(), stoppedEnv+"=1")
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }()
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "reading" {
		t.Fatalf("the child says %q", lines.Text())
	}
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatal("the child is not stopped:", err)
	}
	if _, err := in.Write([]byte("\n")); err != nil { // the store's answer, for when the child goes on
		t.Fatal(err)
	}
	<-time.After(3 * stoppedPatience)
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"late: true", "then: match"} {
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), want) {
			t.Errorf("the child says %q, want %q", lines.Text(), want)
		}
	}
}

// beStopped is the child: its store tells when it is read and answers when it is told to.
func beStopped(t *testing.T) {
	w := newWorld(42, testDim, 2)
	w.cold = true
	n := startNode(t, w, Config{Shards: 1})
	w.onRead(func(zhenni.CredentialID) {
		fmt.Println("reading")
		_, _ = os.Stdin.Read(make([]byte, 1))
	})
	b := w.mated(w.ids[0])
	err := n.Verify(b, time.Now().Add(stoppedPatience))
	fmt.Printf("late: %t\n", errors.Is(err, zhenni.ErrDeadline))
	w.onRead(nil)
	b = w.mated(w.ids[1])
	verify(t, n, b)
	fmt.Printf("then: %s\n", b.Outcomes[0].Verdict())
}
