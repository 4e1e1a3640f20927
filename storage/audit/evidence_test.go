package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"zhenni"
)

// Evidence of a verification and of an item of a batch holds as it is, and with any byte of its document changed shows
// the same or is refused.
//
// FAULTS: A20
func TestEvidence(t *testing.T) {
	l := openLog(t, testOptions(t, newMemory()))
	facts := Facts{Tenant: 7, Party: "desk", Transaction: "t-1", Profile: "profile"}
	single := Opening{Kind: KindVerification, Salt: [saltSize]byte{9}, Credential: zhenni.CredentialID{1}, Code: uint8(zhenni.Match), Context: facts.Context()}
	ids, outcomes := testItems(20)
	var tree Tree
	key := BatchKey{1}
	root, err := tree.Build(&key, facts.Context(), ids, outcomes)
	if err != nil {
		t.Fatal(err)
	}
	item, err := tree.Prove(11)
	if err != nil {
		t.Fatal(err)
	}
	ofItem := Opening{Kind: KindBatch, Salt: tree.Salt(11), Credential: ids[11], Code: uint8(outcomes[11]), Context: facts.Context()}
	leaves := []Leaf{
		{Kind: KindVerification, At: testStart, Hash: single.Commitment()},
		{Kind: KindBatch, At: testStart, Number: 20, Hash: root},
	}
	if _, err := l.Append(t.Context(), leaves); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Evidence(1, leaves[1], ofItem, &item); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("before the checkpoint: %v", err)
	}
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	for index, o := range []Opening{single, ofItem} {
		var proof *ItemProof
		if index == 1 {
			proof = &item
		}
		e, err := l.Evidence(int64(index), leaves[index], o, proof)
		if err != nil {
			t.Fatal(err)
		}
		e.Context = &facts
		checkDocument(t, e, leaves[index], o)
	}
}

// checkDocument reads the evidence from JSON, whole and with every byte changed.
func checkDocument(t *testing.T, e Evidence, leaf Leaf, o Opening) {
	t.Helper()
	_, key := testKey(t)
	document, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	check := func(document []byte) (Leaf, Opening, error) {
		var read Evidence
		if err := json.Unmarshal(document, &read); err != nil {
			return Leaf{}, Opening{}, err
		}
		gotLeaf, gotOpening, _, err := read.Check(testOrigin, key)
		return gotLeaf, gotOpening, err
	}
	if gotLeaf, gotOpening, err := check(document); err != nil || gotLeaf != leaf || gotOpening != o {
		t.Fatalf("%v: %+v, %+v\n%s", err, gotLeaf, gotOpening, document)
	}
	for at := range document {
		changed := bytes.Clone(document)
		changed[at] ^= 1
		if gotLeaf, gotOpening, err := check(changed); err == nil && (gotLeaf != leaf || gotOpening != o) {
			t.Errorf("byte %d changed: %+v, %+v", at, gotLeaf, gotOpening)
		}
	}
	another := e
	another.Context = &Facts{Tenant: 7, Party: "another", Transaction: "t-1", Profile: "profile"}
	if _, _, _, err := another.Check(testOrigin, key); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("as another party's: %v", err)
	}
	if _, _, _, err := e.Check(testOrigin); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("without a key: %v", err)
	}
	if _, _, _, err := e.Check(testOrigin, key, testWitnessKey(t)); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("without a cosignature: %v", err)
	}
	if _, _, _, err := e.Check("another/log", key); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("of another log: %v", err)
	}
}

// No document makes the check panic, and none passes that is not the one the log gave.
//
// FAULTS: A20
func FuzzEvidence(f *testing.F) {
	_, key := testKey(f)
	l := openLog(f, testOptions(f, newMemory()))
	o := Opening{Kind: KindVerification, Salt: [saltSize]byte{9}, Credential: zhenni.CredentialID{1}, Code: uint8(zhenni.Match)}
	leaf := Leaf{Kind: KindVerification, At: testStart, Hash: o.Commitment()}
	if _, err := l.Append(f.Context(), []Leaf{leaf, testLeaf(1)}); err != nil {
		f.Fatal(err)
	}
	if err := l.Publish(f.Context()); err != nil {
		f.Fatal(err)
	}
	e, err := l.Evidence(0, leaf, o, nil)
	if err != nil {
		f.Fatal(err)
	}
	document, err := json.Marshal(e)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(document)
	f.Add([]byte(`{"item":{"item":-1,"pack":[],"path":[]}}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		var read Evidence
		if json.Unmarshal(document, &read) != nil {
			return
		}
		if gotLeaf, gotOpening, _, err := read.Check(testOrigin, key); err == nil && (gotLeaf != leaf || gotOpening != o) {
			t.Errorf("passes: %s", document)
		}
	})
}

// A file of keys that reads has one spelling and is signed by the key in it.
func FuzzSecrets(f *testing.F) {
	disk := newMemory()
	openSecrets(f, disk)
	f.Add(disk.cached[secretsFile])
	f.Add([]byte(secretsTag + "\nx\n\n\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		key, wrapped, err := readSecrets(text)
		if err != nil {
			if !errors.Is(err, zhenni.ErrCorrupt) {
				t.Error(err)
			}
			return
		}
		if n, err := openNote(text, key); err != nil || n.Text != secretsText(strings.Split(string(text), "\n")[1], wrapped) {
			t.Errorf("another spelling: %v, %q", err, text)
		}
	})
}
