//go:build long

package storage

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"testing"
	"time"

	"zhenni"
)

var reopenTest = flag.Int("reopen", 10_000_000, "credentials of TestReopenAfterKill")

// reopenModel keeps the store small.
var reopenModel = zhenni.Model{ID: "reopen-face.1", Dim: 128, Factor: zhenni.FactorFace}

func reopenEnrol(n, of uint64) zhenni.Enrol {
	e := benchEnrol(n, of)
	e.Model, e.Row = reopenModel.ID, benchRow[:reopenModel.Dim]
	return e
}

// fillAndWait imports, revokes a few credentials once the snapshot is taken, says so and waits to be killed.
func fillAndWait(dir string, n uint64) {
	opts := childOptions(dir)
	opts.Model, opts.ScrubRate = reopenModel, -1 // the tables are read, and no more
	s, err := Open(opts)
	if err != nil {
		panic(err)
	}
	began := time.Now()
	im, err := s.NewImport(context.Background(), ImportOptions{})
	for i := uint64(0); i < n && err == nil; i++ {
		err = im.Add(reopenEnrol(i, n))
	}
	if err == nil {
		err = im.Commit()
	}
	imported := time.Since(began)
	s.truncation.running.Wait()
	for i := uint64(0); i < 100 && err == nil; i++ {
		_, err = s.Apply(context.Background(), []zhenni.Command{
			zhenni.ChangeStatus{ID: reopenEnrol(i*(n/100), n).ID, Tenant: 7, To: zhenni.StatusRevoked, At: testTime},
		})
	}
	<-s.scrub.ended
	fmt.Println(imported, time.Since(began), err)
	select {}
}

// TestReopenAfterKill says how long a store that was killed takes to its first answer.
func TestReopenAfterKill(t *testing.T) {
	opts := childOptions(t.TempDir())
	opts.Model, opts.ScrubRate = reopenModel, -1 // the tables are read, and no more
	cmd := child(t, fmt.Sprint("fill ", *reopenTest), opts.Dir)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 200)
	n, err := io.ReadAtLeast(pipe, line, 10)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d credentials imported, and with their snapshot: %s", *reopenTest, line[:n])
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	began := time.Now()
	s := openStore(t, opts)
	opened := time.Since(began)
	row := make([]int8, reopenModel.Dim)
	of := uint64(*reopenTest)
	for i := range uint64(3) {
		id := reopenEnrol((i+1)*(of/100), of).ID
		ref, err := s.Reference(id, row)
		if err != nil || ref.Status != zhenni.StatusRevoked {
			t.Errorf("credential %x: %s, %v", binary.BigEndian.Uint64(id[:]), ref.Status, err)
		}
		t.Logf("open after %v, answer %d after %v", opened, i+1, time.Since(began))
	}
	<-s.scrub.ended
	t.Logf("tables read after %v", time.Since(began))
}
