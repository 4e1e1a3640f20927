package gateway

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"zhenni"
)

// desk is a server with services, a relying party "hotel" that was granted them, the terminal "kiosk" of its tenant, and
// devices of some credentials.
type desk struct {
	*fixture
	terminal, device, other crypto.Signer
}

// deviceBook is the records of a node, of whose changes it knows nothing.
type deviceBook struct{ *fakeNode }

func (deviceBook) Changes(zhenni.CredentialID) uint64         { return 0 }
func (deviceBook) Unchanged(zhenni.CredentialID, uint64) bool { return false }

func catalogueOf(t testing.TB, services string) *zhenni.Catalogue {
	t.Helper()
	catalogue, err := zhenni.ReadCatalogue(strings.NewReader(services))
	if err != nil {
		t.Fatal(err)
	}
	return catalogue
}

// ratedProfile is the test's, with a rate that services take.
func ratedProfile(t testing.TB) zhenni.Profile {
	t.Helper()
	profile := testProfile(t, testDim, true)
	profile.Comparisons, profile.FMRUpper95, profile.FMRUpper95Subjects = 1e9, 4e-7, 5e-7
	sealed, err := profile.Seal()
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func startDesk(t testing.TB, change func(*Config)) *desk {
	t.Helper()
	d, devices := &desk{terminal: edwardsKey("terminal"), device: nistKey(t, "device"), other: edwardsKey("other")}, &deviceBook{}
	d.fixture = start(t, func(c *Config) {
		c.Profile, c.Catalogue, c.Devices, c.Now = ratedProfile(t), catalogueOf(t, testServices), devices, testNow
		if change != nil {
			change(c)
		}
	})
	devices.fakeNode, d.node.verify = d.node, d.answer
	services := []string{"strict", "open", "full", "carded", "voice", "rare", "pinned", "both", "either", "gone"}
	d.node.parties["hotel"] = zhenni.RelyingParty{
		ID: "hotel", Tenant: 1, Roles: zhenni.RoleVerifier, KeyHash: keyOf("hotel").Hash(), Services: services,
	}
	d.node.parties["kiosk"] = zhenni.RelyingParty{
		ID: "kiosk", Tenant: 1, Roles: zhenni.RoleTerminal, Keys: []zhenni.PartyKey{{Public: publicOf(t, d.terminal)}},
	}
	for i, level := range []zhenni.Level{1: zhenni.LevelFull, 2: zhenni.LevelLite} {
		if level != 0 {
			d.enrol(testID(i), 1, level, zhenni.StatusActive)
		}
	}
	d.hold(testID(1), d.device)
	return d
}

// answer is what a node answers: no match with what is not there, of another tenant, not active or below the level.
func (d *desk) answer(b *zhenni.Batch, _ time.Time) error {
	answerAll(b)
	return d.withhold(b)
}

func (d *desk) withhold(b *zhenni.Batch) error {
	d.node.mu.Lock()
	defer d.node.mu.Unlock()
	for i, id := range b.IDs {
		r := d.node.records[id]
		if known := r.Tenant == b.Tenant && r.Status == zhenni.StatusActive && r.Level >= b.Level; !known && b.Outcomes[i] == zhenni.Match {
			b.Outcomes[i] = zhenni.NoMatch
		}
	}
	return nil
}

func (d *desk) enrol(id zhenni.CredentialID, tenant zhenni.TenantID, level zhenni.Level, status zhenni.Status) {
	d.node.mu.Lock()
	defer d.node.mu.Unlock()
	held := d.node.records[id].Device
	d.node.records[id] = zhenni.Credential{ID: id, Tenant: tenant, Level: level, Status: status, Generation: 1, Subject: zhenni.SubjectHandle{0xab}, Device: held}
}

// hold has a credential be on a device, nil for none.
func (d *desk) hold(id zhenni.CredentialID, by crypto.Signer) {
	d.t.Helper()
	var key zhenni.PublicKey
	if by != nil {
		key = publicOf(d.t, by)
	}
	d.node.mu.Lock()
	defer d.node.mu.Unlock()
	record := d.node.records[id]
	record.Device = key
	d.node.records[id] = record
}

func edwardsKey(name string) crypto.Signer {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func nistKey(t testing.TB, name string) crypto.Signer {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func publicOf(t testing.TB, private crypto.Signer) zhenni.PublicKey {
	t.Helper()
	algorithm, point := zhenni.KeyEd25519, []byte(nil)
	switch public := private.Public().(type) {
	case ed25519.PublicKey:
		point = public
	case *ecdsa.PublicKey:
		algorithm = zhenni.KeyP256
		point, _ = public.Bytes()
	}
	key, err := zhenni.NewPublicKey(algorithm, point)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
