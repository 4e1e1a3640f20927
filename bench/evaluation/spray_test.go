package evaluation

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"testing"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/bench/labelledtest"
	"zhenni/engine"
	"zhenni/gateway"
)

// town is a served node on which people of a real set are enrolled by a photograph each. The others of the set are strangers.
type town struct {
	t         *testing.T
	node      *actors.Node
	server    *gateway.Server
	url       string
	client    http.Client
	enrolled  []zhenni.CredentialID
	strangers [][]float32
}

// townState is a store of credentials and parties that never changes.
type townState struct {
	victimState
	parties map[string]zhenni.RelyingParty
}

func (s townState) RelyingParty(id string) (zhenni.RelyingParty, bool) {
	p, known := s.parties[id]
	return p, known
}

func sprayKey(party string) zhenni.APIKey { return zhenni.APIKey{Party: party, Secret: [32]byte{7}} }

// sprayParties is how many parties a town has.
const sprayParties = 50

// newTown enrols everybody of lfw-dlib128 who has two photographs, at the threshold of 1e-4.
func newTown(t *testing.T, rules zhenni.PartyRules) *town {
	t.Helper()
	w := &town{t: t}
	store := &engine.MemoryStore{}
	dim := w.enrol(store)
	rule, err := zhenni.NewThreshold(0.936)
	if err != nil {
		t.Fatal(err)
	}
	profile, err := zhenni.Profile{
		Model: zhenni.Model{ID: "dlib", Dim: dim, Factor: zhenni.FactorFace}, Cosine: 0.936, Threshold: rule, Supported: true,
	}.Seal()
	if err != nil {
		t.Fatal(err)
	}
	arena, err := engine.NewArena(dim, 8<<20)
	if err != nil {
		t.Fatal(err)
	}
	state := townState{victimState{store}, map[string]zhenni.RelyingParty{}}
	for i := range sprayParties {
		id := fmt.Sprintf("party-%d", i)
		state.parties[id] = zhenni.RelyingParty{ID: id, Tenant: 1, Roles: zhenni.RoleVerifier, KeyHash: sprayKey(id).Hash()}
	}
	quiet := slog.New(slog.DiscardHandler)
	if w.node, err = actors.Start(actors.Config{Shards: 1, Logger: quiet}, profile.Model, rule, arena, state); err != nil {
		t.Fatal(err)
	}
	<-w.node.Warmed()
	now := time.Unix(1_700_000_000, 0) // one minute in which all of it happens
	w.server, err = gateway.New(gateway.Config{Profile: profile, Limits: rules, Logger: quiet, Now: func() time.Time { return now }}, w.node)
	if err != nil {
		t.Fatal(err)
	}
	w.serve(arena)
	return w
}

// enrol puts a photograph of everybody who has two into a store; those who have one are the strangers.
func (w *town) enrol(store *engine.MemoryStore) (dim int) {
	set := labelledtest.Read(w.t, "lfw-dlib128", nil)
	for i := 0; i < set.Len(); {
		n := i + 1
		for n < set.Len() && set.Label(n).Person == set.Label(i).Person {
			n++
		}
		face := set.Embedding(i)
		if n == i+1 {
			w.strangers = append(w.strangers, face)
			i = n
			continue
		}
		row := make([]int8, len(face))
		norm, err := engine.Prepare(row, face)
		if err != nil {
			w.t.Fatal(err)
		}
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
		id := zhenni.NewCredentialID([16]byte(sum[:16]))
		store.Put(zhenni.Reference{ID: id, Tenant: 1, Status: zhenni.StatusActive, Generation: 1, Row: row, Norm: norm})
		w.enrolled, dim, i = append(w.enrolled, id), len(face), n
	}
	return dim
}

func (w *town) serve(arena *engine.Arena) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.url = "http://" + ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- w.server.Serve(ln) }()
	w.t.Cleanup(func() {
		w.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(w.server.Shutdown(ctx), <-served, w.node.Drain(ctx), arena.Close()); err != nil {
			w.t.Error(err)
		}
	})
}

// ask is one verification by a party: whether it was answered, and by a match.
func (w *town) ask(party, who int, face []float32) (answered, match bool) {
	w.t.Helper()
	raw := make([]byte, 0, 4*len(face))
	for _, x := range face {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	body := fmt.Sprintf(`{"credential":%q,"probe_float32":%q}`, w.enrolled[who], base64.StdEncoding.EncodeToString(raw))
	request, err := http.NewRequestWithContext(w.t.Context(), "POST", w.url+"/v1/verifications", bytes.NewReader([]byte(body)))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+sprayKey(fmt.Sprintf("party-%d", party)).String())
	response, err := w.client.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 && response.StatusCode != 429 {
		w.t.Fatal(response.StatusCode, string(text), err)
	}
	return response.StatusCode == 200, bytes.Contains(text, []byte(`"outcome":"match"`))
}

// unhindered tries so many strangers on everybody, as if nothing were counted, and returns who was found, by attempts.
func (w *town) unhindered(strangers int) (found, attempts int) {
	for _, face := range w.strangers[:strangers] {
		b := &zhenni.Batch{Tenant: 1, Evaluation: true, Dim: len(face), IDs: w.enrolled, Outcomes: make([]zhenni.Outcome, len(w.enrolled))}
		for range w.enrolled {
			b.Float32 = append(b.Float32, face...)
		}
		if err := w.node.Verify(b, time.Now().Add(time.Minute)); err != nil {
			w.t.Fatal(err)
		}
		for _, o := range b.Outcomes {
			attempts++
			if o == zhenni.Match {
				found++
			}
		}
	}
	return found, attempts
}

// Strangers' photographs are tried on everybody who is enrolled. Where nothing counts it finds people; as a party it is stopped, by
// one face on many as by a face of its own for each, and by many parties that each have little of it.
//
// FAULTS: B3 B4
func TestSprayingRealFacesIsStopped(t *testing.T) {
	w := newTown(t, zhenni.PartyRules{PerMinute: 4000})
	found, attempts := w.unhindered(60)
	if found < 3 {
		t.Errorf("unhindered it finds %d in %d attempts: the test does not spray", found, attempts)
	}
	spray := func(party func(i int) int, face func(i int) []float32) (told, matches int) {
		for i := range 20_000 {
			answered, match := w.ask(party(i), i%len(w.enrolled), face(i))
			if !answered {
				break
			}
			if told++; match {
				matches++
			}
		}
		return told, matches
	}
	one := func(party int) func(int) int { return func(int) int { return party } }
	face := func(i int) []float32 { return w.strangers[i%len(w.strangers)] }
	told, matches := spray(one(0), func(i int) []float32 { return w.strangers[i/len(w.enrolled)] })
	if told > 201 {
		t.Errorf("one face was tried on %d people", told)
	}
	t.Logf("unhindered %d found in %d attempts; one face on many: stopped after %d, %d found", found, attempts, told, matches)
	if told, matches = spray(one(1), face); told > 1000 {
		t.Errorf("%d faces were tried", told)
	}
	t.Logf("a face for each: stopped after %d, %d found", told, matches)
	if told, matches = spray(func(i int) int { return 2 + i%(sprayParties-2) }, face); told > 4000 {
		t.Errorf("%d faces were tried by %d parties", told, sprayParties-2)
	}
	t.Logf("by %d parties: capped after %d, %d found", sprayParties-2, told, matches)
	if s := w.server.LimitStats(); s.Stops != 2 || s.Caps != 1 {
		t.Errorf("%+v", s)
	}
}
