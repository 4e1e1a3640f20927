package gateway

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
	"zhenni/evidence"
	"zhenni/identity"
	"zhenni/identity/pin"
)

// applyPIN does to a PIN of the fake node what a command about it does in the store.
func (n *fakeNode) applyPIN(command zhenni.Command) zhenni.Result {
	switch c := command.(type) {
	case zhenni.SetPIN:
		record, there := n.records[c.ID]
		if !there || record.Tenant != c.Tenant {
			return zhenni.Result{Err: zhenni.ErrNotFound}
		}
		n.pins[c.ID] = zhenni.PIN{Verifier: c.Verifier, Generation: c.Generation}
		return zhenni.Result{Credential: record}
	case zhenni.RenewPIN:
		kept := n.pins[c.ID]
		if !bytes.Equal(kept.Verifier, c.From) {
			return zhenni.Result{Err: zhenni.ErrIllegalChange}
		}
		kept.Verifier = c.To
		n.pins[c.ID] = kept
		return zhenni.Result{Credential: n.records[c.ID]}
	case zhenni.CountPIN:
		record, kept := n.records[c.ID], n.pins[c.ID]
		if record.Tenant != c.Tenant || record.Status != zhenni.StatusActive || record.Locked&zhenni.LockPIN != 0 || kept.Verifier == nil {
			return zhenni.Result{Err: zhenni.ErrNotFound}
		}
		var err error
		if after := (zhenni.PINAttempts{}); c.Right {
			kept.Attempts = after
		} else if kept.Attempts, err = kept.Attempts.Begin(c.At); err != nil {
			return zhenni.Result{Err: err}
		}
		n.pins[c.ID] = kept
		return zhenni.Result{Credential: record}
	}
	panic(fmt.Sprintf("%T", command))
}

// begun is how many attempts at a PIN are counted.
func (n *fakeNode) begun(id zhenni.CredentialID) uint8 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pins[id].Attempts.Begun
}

// pinBook keeps the PINs of a fake node.
type pinBook struct {
	*pin.Checker
	opener *identity.Opener
	node   *fakeNode
	looked atomic.Int32 // how often a verifier was read
}

func (b *pinBook) OpenPIN(sealed []byte, party, transaction string) (pin.Digits, error) {
	return b.opener.OpenPIN(string(sealed), party+"/"+transaction)
}

func (b *pinBook) Holder(sealed []byte, party, transaction string, today time.Time) (zhenni.SubjectHandle, time.Time, error) {
	person, err := b.opener.Open(string(sealed), party+"/"+transaction, today)
	if err != nil {
		return zhenni.SubjectHandle{}, time.Time{}, err
	}
	defer person.Forget()
	return subjectBorn(person.Number.Birth()), person.Number.Birth(), nil
}

// subjectBorn is whom a pinBook knows by a day of birth.
func subjectBorn(day time.Time) zhenni.SubjectHandle {
	return sha256.Sum256(day.AppendFormat(nil, time.DateOnly))
}

func (b *pinBook) Salt(sealed []byte, party, transaction string) (salt [pin.SaltSize]byte) {
	of, whole := sha256.Sum256([]byte(party+"/"+transaction)), sha256.Sum256(sealed)
	copy(salt[copy(salt[:pin.SaltSize/2], of[:]):], whole[:])
	return salt
}

func (b *pinBook) PIN(id zhenni.CredentialID) (zhenni.PIN, error) {
	b.looked.Add(1)
	b.node.mu.Lock()
	defer b.node.mu.Unlock()
	if kept, there := b.node.pins[id]; there {
		return kept, nil
	}
	return zhenni.PIN{}, zhenni.ErrNotFound
}

const rightPIN = "58204917"

// pinServices are those of testServices that take a PIN.
const pinServices = `,{
  "id": "pinned", "zh": "码", "en": "Pinned", "category": "test", "purposes": ["enter"],
  "level": "full", "factors": [["face"]], "without_face": [["pin"], ["possession", "card"]],
  "liveness": "active", "liveness_max_age_s": 60, "capture_max_age_s": 30, "possession": false, "fmr": 1e-6
},{
  "id": "both", "zh": "双", "en": "Both", "category": "test", "purposes": ["enter"],
  "level": "full", "factors": [["face"], ["pin"], ["possession", "card"]], "without_face": [["pin"], ["card"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-6
},{
  "id": "either", "zh": "或", "en": "Either", "category": "test", "purposes": ["enter"],
  "level": "full", "factors": [["face", "pin"], ["possession"]], "without_face": [["card"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-2
}`

// booth is a desk that keeps PINs. That of credential 1 is rightPIN.
type booth struct {
	*desk
	pins *pinBook
	to   identity.PublicKey
	// late is how much later than testNow it is.
	late atomic.Int64
}

func startBooth(t testing.TB, atOnce int, change func(*Config)) *booth {
	t.Helper()
	key, err := identity.ParsePrivateKey(bytes.Repeat([]byte{7}, identity.PrivateKeySize))
	if err != nil {
		t.Fatal(err)
	}
	b := &booth{to: key.Public(), pins: &pinBook{}}
	if b.pins.opener, err = identity.NewOpener(key); err != nil {
		t.Fatal(err)
	}
	pepper, err := pin.NewPepper(1, bytes.Repeat([]byte{9}, pin.PepperSize))
	if err != nil {
		t.Fatal(err)
	}
	peppers, err := pin.NewPeppers(pepper)
	if err != nil {
		t.Fatal(err)
	}
	cheap := pin.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}
	if b.pins.Checker, err = pin.NewChecker(pin.Config{Peppers: peppers, Params: cheap, Concurrent: atOnce}, rand.NewChaCha8([32]byte{1})); err != nil {
		t.Fatal(err)
	}
	b.desk = startDesk(t, func(c *Config) {
		c.PINs, c.UnprobedTime = b.pins, time.Nanosecond
		c.Now = func() time.Time { return testNow().Add(time.Duration(b.late.Load())) }
		if change != nil {
			change(c)
		}
	})
	b.pins.node = b.node
	for id, roles := range map[string]zhenni.Role{"issuer-1": zhenni.RoleIssuer, "terminal": zhenni.RoleTerminal} {
		b.node.parties[id] = zhenni.RelyingParty{ID: id, Tenant: 1, Roles: roles, KeyHash: keyOf(id).Hash()}
	}
	b.give(testID(1))
	return b
}

// give sets rightPIN by a terminal.
func (b *booth) give(id zhenni.CredentialID) {
	b.t.Helper()
	if a := b.set(id, "terminal", "set-"+id.String(), b.seal(rightPIN, "terminal/set-"+id.String()), ""); a.status != 200 {
		b.t.Fatalf("%d %s", a.status, a.body)
	}
}

func (b *booth) set(id zhenni.CredentialID, party, transaction, sealed, more string) answer {
	b.t.Helper()
	document := `{"pin":"` + sealed + `","transaction":"` + transaction + `"` + more + `}`
	return b.call("POST", "/v1/credentials/"+id.String()+"/pin", party, mediaJSON, []byte(document))
}

func (b *booth) seal(digits, transaction string) string {
	b.t.Helper()
	sealed, err := identity.SealPIN(b.to, digits, transaction)
	if err != nil {
		b.t.Fatal(err)
	}
	return sealed
}

// entry is a verification by a PIN, good for the service "pinned" until a test changes it.
type entry struct {
	id                   zhenni.CredentialID
	service, digits, txn string
	sealed               string // nothing: digits, sealed
	card                 evidence.Claims
	cardBy, possessionBy crypto.Signer // nil: no token
}

func (b *booth) entry() *entry {
	return &entry{
		id: testID(1), service: "pinned", digits: rightPIN, txn: "t-1", possessionBy: b.device,
		card: evidence.Claims{Kind: evidence.Card, Terminal: "kiosk", Party: "hotel"},
	}
}

// document seals the PIN and signs what goes with it.
func (b *booth) document(e *entry) string {
	b.t.Helper()
	if e.sealed == "" {
		e.sealed = b.seal(e.digits, "hotel/"+e.txn)
	}
	card := e.card
	card.Subject, card.Capture, card.Transaction, card.IssuedAt = e.id, sha256.Sum256([]byte(e.sealed)), e.txn, b.server.config.Now().Unix()
	possession := card
	possession.Kind, possession.Terminal = evidence.Possession, ""
	tokens := []string{}
	for _, s := range []struct {
		claims evidence.Claims
		by     crypto.Signer
	}{{card, e.cardBy}, {possession, e.possessionBy}} {
		if s.by == nil {
			continue
		}
		token, err := evidence.Sign(s.claims, s.by)
		if err != nil {
			b.t.Fatal(err)
		}
		tokens = append(tokens, string(token))
	}
	document, err := json.Marshal(map[string]any{
		"credential": e.id.String(), "service": e.service, "purpose": "enter", "pin": e.sealed, "evidence": tokens, "transaction": e.txn,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return string(document)
}

func (b *booth) enter(e *entry) answer {
	b.t.Helper()
	return b.call("POST", "/v1/verifications", "hotel", mediaJSON, []byte(b.document(e)))
}
