package gateway

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
	"zhenni/gateway/httpsig"
	"zhenni/storage/nonce"
)

// fakeDirectory looks into the parties of a fake node, and counts how often.
type fakeDirectory struct {
	node    *fakeNode
	lookups atomic.Int64
}

func (d *fakeDirectory) PartyOfKey(id []byte) (zhenni.RelyingParty, zhenni.PartyKey, bool) {
	d.lookups.Add(1)
	d.node.mu.Lock()
	defer d.node.mu.Unlock()
	for _, p := range d.node.parties {
		for _, k := range p.Keys {
			if k.Public.ID() == string(id) {
				return p, k, true
			}
		}
	}
	return zhenni.RelyingParty{}, zhenni.PartyKey{}, false
}

func (d *fakeDirectory) PartyOfCertificate(hash [32]byte) (zhenni.RelyingParty, zhenni.PartyCertificate, bool) {
	d.lookups.Add(1)
	d.node.mu.Lock()
	defer d.node.mu.Unlock()
	for _, p := range d.node.parties {
		for _, c := range p.Certificates {
			if c.Hash == hash {
				return p, c, true
			}
		}
	}
	return zhenni.RelyingParty{}, zhenni.PartyCertificate{}, false
}

// signedFixture is a server whose parties sign: "hotel", a verifier with a key of each algorithm, and "registry", an issuer
// of another tenant.
type signedFixture struct {
	*fixture
	directory *fakeDirectory
	nonces    nonce.Options
	hotel     *httpsig.Signer // Ed25519
	hotelP256 *httpsig.Signer
	registry  *httpsig.Signer
	stranger  *httpsig.Signer
	drawn     int // nonces
}

var testClock = time.Unix(1_700_000_000, 0)

func startSigning(t testing.TB, change func(*Config)) *signedFixture {
	t.Helper()
	return startSigningIn(t, t.TempDir(), true, change)
}

// startSignedIn starts a server that remembers nonces in a folder.
func startSigningIn(t testing.TB, dir string, fresh bool, change func(*Config)) *signedFixture {
	t.Helper()
	f := &signedFixture{
		directory: &fakeDirectory{}, hotel: edwardsSigner(t, 1), hotelP256: nistSigner(t, 1), registry: edwardsSigner(t, 2), stranger: edwardsSigner(t, 3),
		nonces: nonce.Options{Dir: dir, Boot: "test", Fresh: fresh, Now: testClock, Logger: slog.New(slog.DiscardHandler)},
	}
	f.fixture = start(t, func(c *Config) {
		c.Directory = f.directory
		if change != nil {
			change(c)
		}
		if c.Nonces == nil {
			store, err := nonce.Open(f.nonces)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = store.Close() })
			c.Nonces = store
		}
	})
	f.directory.node = f.node
	f.put(zhenni.RelyingParty{ID: "hotel", Tenant: 1, Roles: zhenni.RoleVerifier, Keys: []zhenni.PartyKey{{Public: publicKeyOf(t, f.hotel)}, {Public: publicKeyOf(t, f.hotelP256)}}})
	f.put(zhenni.RelyingParty{ID: "registry", Tenant: 2, Roles: zhenni.RoleIssuer, Keys: []zhenni.PartyKey{{Public: publicKeyOf(t, f.registry)}}})
	return f
}

// openNonces is a store in memory of that capacity.
func openNonces(t testing.TB, capacity int) Nonces {
	t.Helper()
	s, err := nonce.Open(nonce.Options{Now: testClock, Fresh: true, Capacity: capacity, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (f *signedFixture) put(p zhenni.RelyingParty) {
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	f.node.parties[p.ID] = p
}

func edwardsSigner(t testing.TB, seed byte) *httpsig.Signer {
	t.Helper()
	s, err := httpsig.NewEd25519Signer(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func nistSigner(t testing.TB, seed byte) *httpsig.Signer {
	t.Helper()
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{seed}, 32))
	if err != nil {
		t.Fatal(err)
	}
	s, err := httpsig.NewP256Signer(private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func publicKeyOf(t testing.TB, s *httpsig.Signer) zhenni.PublicKey {
	t.Helper()
	public, ok := s.Key().Public()
	if !ok {
		t.Fatal("no public key")
	}
	return public
}

// A signedRequest is a request as it goes over the wire, whose parts a test may change after it was signed.
type signedRequest struct {
	method, path, host string
	fields             []string // "name: value", in order
	body               string
}

func (m signedRequest) raw() string {
	head := m.method + " " + m.path + " HTTP/1.1\r\nHost: " + m.host + "\r\n" + strings.Join(m.fields, "\r\n") + "\r\n"
	if m.method == "POST" {
		head += "Content-Length: " + itoa(len(m.body)) + "\r\n"
	}
	return head + "\r\n" + m.body
}

// with replaces text in the fields.
func (m signedRequest) with(old, new string) signedRequest {
	fields := make([]string, len(m.fields))
	for i, field := range m.fields {
		fields[i] = strings.Replace(field, old, new, 1)
	}
	m.fields = fields
	return m
}

// without leaves out a field.
func (m signedRequest) without(name string) signedRequest {
	var fields []string
	for _, field := range m.fields {
		if !strings.HasPrefix(field, name+":") {
			fields = append(fields, field)
		}
	}
	m.fields = fields
	return m
}

// stamp is a signature of now, with a nonce of its own.
func (f *signedFixture) stamp() httpsig.Stamp {
	f.drawn++
	return httpsig.Stamp{Created: testClock, Nonce: "nonce-of-a-test-" + itoa(f.drawn)}
}

// question is a verification, signed.
func (f *signedFixture) question(s *httpsig.Signer, stamp httpsig.Stamp, extra ...httpsig.Field) signedRequest {
	f.t.Helper()
	return signMessage(f.t, s, stamp, signedRequest{method: "POST", path: "/v1/verifications", host: "x", body: goodDocument()},
		append([]httpsig.Field{{Name: "content-type", Value: []byte(mediaJSON)}}, extra...)...)
}

// signLines is a batch of two under a transaction id, signed.
func (f *signedFixture) signLines(transaction string) signedRequest {
	f.t.Helper()
	lines := signedRequest{method: "POST", path: "/v1/verification-batches", host: "x", body: goodDocument() + "\n" + goodDocument() + "\n"}
	return signMessage(f.t, f.hotel, f.stamp(), lines,
		httpsig.Field{Name: "content-type", Value: []byte(mediaNDJSON)}, httpsig.Field{Name: "transaction-id", Value: []byte(transaction)})
}

// signMessage signs a signedRequest with the fields it shall have.
func signMessage(t testing.TB, s *httpsig.Signer, stamp httpsig.Stamp, m signedRequest, fields ...httpsig.Field) signedRequest {
	t.Helper()
	r := &httpsig.Request{Method: []byte(m.method), Authority: []byte(m.host), Path: []byte(m.path), Fields: fields, Body: []byte(m.body)}
	if err := s.Sign(r, stamp); err != nil {
		t.Fatal(err)
	}
	for _, field := range fields {
		m.fields = append(m.fields, field.Name+": "+string(field.Value))
	}
	if len(r.ContentDigest) > 0 {
		m.fields = append(m.fields, "Content-Digest: "+string(r.ContentDigest))
	}
	m.fields = append(m.fields, "Signature-Input: "+string(r.SignatureInput), "Signature: "+string(r.Signature))
	return m
}

// send sends a signedRequest on a connection of its own.
func (f *signedFixture) send(m signedRequest) answer {
	f.t.Helper()
	answers, _ := f.exchange([]byte(m.raw()), 1)
	if len(answers) != 1 {
		f.t.Fatalf("%d answers to %s", len(answers), m.raw())
	}
	return answers[0]
}

// code is the code of a problem, or nothing.
func (a answer) code() string {
	_, rest, _ := bytes.Cut(a.body, []byte(`"code":"`))
	code, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(code)
}
