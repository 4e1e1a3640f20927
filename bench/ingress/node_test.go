package ingress

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/bench/population"
	"zhenni/engine"
	"zhenni/gateway"
	"zhenni/simd"
	"zhenni/storage"

	"zhenni/bench"
)

var testPeople = population.Population{Seed: 3, Size: 400, Dim: 64, Tenants: 2, Revoked: 20}

// testCosine errs about once in a hundred thousand comparisons.
const testCosine = 0.52

// testNode serves the test's people until its end: a node, the gateway in front of it, and the keys of both tenants.
type testNode struct {
	*actors.Node
	config gateway.Config
	server bench.Target
	keys   []string
}

func startTestNode(t testing.TB, config actors.Config) *testNode {
	t.Helper()
	threshold, err := zhenni.NewThreshold(testCosine)
	must(t, err)
	profile, err := zhenni.Profile{
		Model:  zhenni.Model{ID: "test-64", Dim: testPeople.Dim, Factor: zhenni.FactorFace},
		Cosine: testCosine, Threshold: threshold, Synthetic: true, Supported: true,
	}.Seal()
	must(t, err)
	root, err := storage.NewRootKey([32]byte{1}, nil)
	must(t, err)
	store, err := storage.Open(storage.Options{Dir: filepath.Join(t.TempDir(), "store"), Model: profile.Model, Root: root})
	must(t, err)
	n := &testNode{config: gateway.Config{Profile: profile}}
	n.fill(t, store, profile.Model)
	arena, err := engine.NewArena(testPeople.Dim, 8<<20)
	must(t, err)
	config.Shards = 2
	n.Node, err = actors.Start(config, profile.Model, profile.Threshold, arena, store)
	must(t, err)
	<-n.Warmed()
	served, err := ServeGateway(n.config, n)
	must(t, err)
	n.server.URL = served.URL
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		must(t, errors.Join(served.Close(ctx), n.Drain(ctx), arena.Close(), store.Close()))
	})
	return n
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fill imports everybody, with a relying party a tenant, and revokes who is revoked.
func (n *testNode) fill(t testing.TB, store *storage.Store, model zhenni.Model) {
	t.Helper()
	load, err := store.NewImport(t.Context(), storage.ImportOptions{})
	must(t, err)
	embedding, row := make([]float32, model.Dim), make([]int8, model.Dim)
	for i := range testPeople.Size {
		testPeople.Reference(i, embedding)
		simd.Quantize(row, embedding, 0)
		must(t, load.Add(zhenni.Enrol{
			ID: testPeople.ID(i), Tenant: testPeople.Tenant(i), Level: zhenni.LevelFull, Model: model.ID, Row: row, At: time.Unix(1, 0),
		}))
	}
	must(t, load.Commit())
	var commands []zhenni.Command
	for i := testPeople.Size - testPeople.Revoked; i < testPeople.Size; i++ {
		commands = append(commands, zhenni.ChangeStatus{ID: testPeople.ID(i), Tenant: testPeople.Tenant(i), To: zhenni.StatusRevoked, At: time.Unix(2, 0)})
	}
	for tenant := range testPeople.Tenants {
		key := zhenni.APIKey{Party: "bench-" + string(rune('1'+tenant)), Secret: [32]byte{byte(tenant)}}
		n.keys = append(n.keys, key.String())
		commands = append(commands, zhenni.PutRelyingParty{Party: zhenni.RelyingParty{
			ID: key.Party, Tenant: zhenni.TenantID(1 + tenant), Roles: zhenni.RoleVerifier, Evaluation: true, KeyHash: key.Hash(),
		}})
	}
	results, err := store.Apply(t.Context(), commands)
	must(t, err)
	for _, r := range results {
		must(t, r.Err)
	}
}

func (n *testNode) target(format Format) Target {
	return Target{Format: format, Server: n.server, Keys: n.keys, Node: n.Node}
}

var testMix = population.Mix{Mated: 0.5, Unknown: 0.1, Revoked: 0.1}

func testRing(t testing.TB, connections int) *Ring {
	t.Helper()
	ring, err := NewRing(t.Context(), Questions{
		Population: testPeople, Mix: testMix, Skew: population.Skew{Zipf: 1}, Connections: connections, BatchItems: 40, Distinct: 160, Refresh: 2,
	})
	must(t, err)
	return ring
}
