package gateway

import (
	"bytes"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
)

// watchedDevices are the records of a node, with what is told of their changes.
type watchedDevices struct {
	*fakeNode
	changes atomic.Uint64
	// looked is called behind the next look.
	looked func()
}

func (d *watchedDevices) Credential(id zhenni.CredentialID) (zhenni.Credential, error) {
	record, err := d.fakeNode.Credential(id)
	if looked := d.looked; looked != nil {
		d.looked = nil
		looked()
	}
	return record, err
}

func (d *watchedDevices) Changes(zhenni.CredentialID) uint64 { return d.changes.Load() }

func (d *watchedDevices) Unchanged(_ zhenni.CredentialID, since uint64) bool {
	return d.changes.Load() == since
}

// What a yes says of a credential is what the look at its device found, where nothing has changed since; otherwise it is looked at
// again, and nothing is said of one that is gone.
//
// FAULTS: Z2
func TestLookHoldsWhileNothingChanges(t *testing.T) {
	suspended := func(c *zhenni.Credential) { c.Status = zhenni.StatusSuspended }
	moved := func(c *zhenni.Credential) { c.Device = zhenni.PublicKey{} }
	for name, c := range map[string]struct {
		change func(*zhenni.Credential) // of the record; nil is none
		counts bool                     // that changes of the slot are told
		status int
	}{
		"nothing changes": {nil, false, 200}, "something else changes": {nil, true, 200}, "it is suspended": {suspended, true, 503},
		"it is on another device": {moved, true, 503},
	} {
		t.Run(name, func(t *testing.T) {
			devices := &watchedDevices{}
			d := startDesk(t, func(c *Config) { c.Devices = devices })
			devices.fakeNode = d.node
			d.node.verify = func(b *zhenni.Batch, _ time.Time) error {
				b.Outcomes[0] = zhenni.Match
				return nil
			}
			change := func(change func(*zhenni.Credential)) {
				d.node.mu.Lock()
				defer d.node.mu.Unlock()
				record := d.node.records[testID(1)]
				change(&record)
				d.node.records[testID(1)] = record
			}
			read := d.node.looks.Load()
			devices.looked = func() {
				if c.change != nil {
					change(c.change)
				}
				if c.counts {
					devices.changes.Add(1)
				}
			}
			a := d.ask(d.question())
			if a.status != c.status || c.status == 200 && !bytes.Contains(a.body, []byte(`"identity_authentic":true`)) {
				t.Errorf("%d %s", a.status, a.body)
			}
			want := int64(2) // for the device and for equal time
			if c.counts {
				want++
			}
			if got := d.node.looks.Load() - read; got != want {
				t.Errorf("%d looks, want %d", got, want)
			}
		})
	}
}
