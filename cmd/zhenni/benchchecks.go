package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/binary"
	"math"
	"strings"
	"time"

	"zhenni"
	"zhenni/bench"
	"zhenni/bench/ingress"
	"zhenni/gateway"
	"zhenni/gateway/httpsig"
)

// checksServices are the services of the experiment: one that asks for all evidence there is, one that bulk can ask for.
const checksServices = `{"version": "bench", "services": [{
  "id": "single", "zh": "单", "en": "One at a time", "category": "bench", "purposes": ["measure"],
  "level": "full", "factors": [["face", "voice"]], "without_face": [["card"]],
  "liveness": "active", "liveness_max_age_s": 60, "capture_max_age_s": 0, "possession": true, "fmr": 0.01
}, {
  "id": "bulk", "zh": "批", "en": "In bulk", "category": "bench", "purposes": ["measure"],
  "level": "full", "factors": [["face", "voice"]], "without_face": [["card"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 0.01
}]}`

const (
	checksParty    = "bench-desk"
	checksTerminal = "bench-terminal"
	checksOthers   = "bench-others"
)

// checksDevices is how many devices share the credentials out.
const checksDevices = 256

// drawDevices has credentials be issued on devices, in turns.
func (s *benchServer) drawDevices() error {
	for range checksDevices {
		pair, err := newPair(zhenni.KeyP256)
		if err != nil {
			return err
		}
		s.devices = append(s.devices, pair)
	}
	return nil
}

// deviceOf is the device that a credential is on.
func (s *benchServer) deviceOf(id zhenni.CredentialID) ingress.KeyPair {
	return s.devices[binary.BigEndian.Uint64(id[8:])%uint64(len(s.devices))]
}

// checks starts two servers beside: one that takes keys alone and signs nothing, one that checks everything. Both record.
func (c *benchHTTP) checks(ctx context.Context, s *benchServer) (ingress.Checks, error) {
	if s.node == nil || c.Tenants != 1 {
		return ingress.Checks{}, usage("--experiment checks: it takes its own server, and one tenant")
	}
	subject := ingress.Checks{
		Questions: c.questions(s.people), Wide: c.Wide, Node: s.node.shards,
		Desk: ingress.Desk{Party: checksParty, Service: "single", BulkService: "bulk", Purpose: "measure", Terminal: checksTerminal},
	}
	subject.Desk.Device = s.deviceOf
	signer, key, err := s.checksParties(ctx, &subject.Desk)
	if err != nil {
		return subject, err
	}
	plain, checked, err := s.checksServers()
	subject.Plain, subject.Bulk = bench.Target{URL: plain, Key: key.String()}, bench.Target{URL: plain, Key: s.keys[0]}
	subject.Checked = bench.Target{URL: checked, Signer: signer}
	return subject, err
}

// checksServers serves the node of the benchmark in both ways, and returns their URLs.
func (s *benchServer) checksServers() (plain, checked string, err error) {
	node, n := recordedNode{servedNode{s.node.shards, s.node.store}, s.node.store.audit, s.node.ledger}, s.node
	config := s.config
	config.Ledger, config.Receipts = n.ledger, nil
	if plain, err = s.serveToo(config, node); err != nil {
		return "", "", err
	}
	config.Directory, config.Nonces, config.Devices = n.store, n.nonces, n.store
	if config.Catalogue, err = zhenni.ReadCatalogue(strings.NewReader(checksServices)); err != nil {
		return "", "", err
	}
	if config.Receipts, err = passingReceipts("ed25519"); err != nil {
		return "", "", err
	}
	// A service takes no profile of which nothing is known: this one says what its threshold was made for.
	config.Profile.Comparisons, config.Profile.FMRUpper95, config.Profile.FMRUpper95Subjects = 1, benchFMR, benchFMR
	if config.Profile, err = config.Profile.Seal(); err != nil {
		return "", "", err
	}
	checked, err = s.serveToo(config, node)
	return plain, checked, err
}

// serveToo serves a node once more, until the benchmark's server is closed.
func (s *benchServer) serveToo(config gateway.Config, node gateway.Node) (string, error) {
	served, err := ingress.ServeGateway(config, node)
	if err != nil {
		return "", environment("%w", err)
	}
	s.beside = append(s.beside, served)
	return served.URL, nil
}

// checksParties adds a party that signs and is granted the services, a terminal, and a party with a key alone. None is of
// evaluation.
func (s *benchServer) checksParties(ctx context.Context, desk *ingress.Desk) (signer *httpsig.Signer, key zhenni.APIKey, err error) {
	own, err := newPair(zhenni.KeyEd25519)
	if err != nil {
		return nil, key, err
	}
	if desk.TerminalKey, err = newPair(zhenni.KeyEd25519); err != nil {
		return nil, key, err
	}
	private, _ := own.Private.(ed25519.PrivateKey)
	if signer, err = httpsig.NewEd25519Signer(private); err != nil {
		return nil, key, err
	}
	party := zhenni.RelyingParty{Name: "Benchmark", Tenant: 1, Roles: zhenni.RoleVerifier, CreatedAt: time.Now().UTC()}
	asks, terminal := party, party
	asks.ID, asks.Keys = checksParty, []zhenni.PartyKey{{Public: own.Public}}
	asks.Services, asks.Quota = []string{desk.Service, desk.BulkService}, zhenni.Quota{PerMinute: math.MaxUint32, PerDay: math.MaxUint32}
	terminal.ID, terminal.Roles, terminal.Keys = checksTerminal, zhenni.RoleTerminal, []zhenni.PartyKey{{Public: desk.TerminalKey.Public}}
	party.ID = checksOthers
	key, party, err = newParty(party)
	if err != nil {
		return nil, key, err
	}
	for _, p := range []zhenni.RelyingParty{asks, terminal, party} {
		if _, err := applyOne(ctx, s.node.shards, zhenni.PutRelyingParty{Party: p}); err != nil {
			return nil, key, err
		}
	}
	return signer, key, nil
}

// newPair draws a key to sign evidence or requests with.
func newPair(algorithm zhenni.KeyAlgorithm) (pair ingress.KeyPair, err error) {
	var public []byte
	switch algorithm {
	case zhenni.KeyEd25519:
		var private ed25519.PrivateKey
		public, private, err = ed25519.GenerateKey(rand.Reader)
		pair.Private = private
	default:
		var private *ecdsa.PrivateKey
		if private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err == nil {
			public, err = private.PublicKey.Bytes()
		}
		pair.Private = crypto.Signer(private)
	}
	if err != nil {
		return pair, environment("%w", err)
	}
	pair.Public, err = zhenni.NewPublicKey(algorithm, public)
	return pair, err
}
