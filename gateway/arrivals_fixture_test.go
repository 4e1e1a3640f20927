package gateway

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/engine/rotation"
	"zhenni/evidence"
	"zhenni/identity"
)

// Arrivals implements [Arrivals] beside the host's WatchArrivals.
func (b *sessionBook) Arrivals(party string) (all []zhenni.Session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.all {
		if s.Kind == zhenni.SessionHotel && s.End == zhenni.SessionLive && s.Party == party {
			all = append(all, s)
		}
	}
	return all
}

// lobby is an office whose service "open" is one of lodging, and to which phones seal their keys.
type lobby struct {
	*office
	to identity.PublicKey
}

func startLobby(t testing.TB, change func(*Config)) *lobby {
	t.Helper()
	l := &lobby{}
	key, err := identity.ParsePrivateKey(bytes.Repeat([]byte{7}, identity.PrivateKeySize))
	if err != nil {
		t.Fatal(err)
	}
	opener, err := identity.NewOpener(key)
	if err != nil {
		t.Fatal(err)
	}
	lodge := `"id": "open", "zh": "宽", "en": "Open", "category": "hotel"`
	services := strings.Replace(testServices, strings.Replace(lodge, "hotel", "test", 1), lodge, 1)
	catalogue := catalogueOf(t, services)
	l.to = key.Public()
	l.office = startOffice(t, func(c *Config) {
		c.RotationKeys, c.Catalogue = opener, catalogue
		c.Arrivals, _ = c.Sessions.(Arrivals)
		if change != nil {
			change(c)
		}
	})
	return l
}

// guest is a phone that arrives.
type guest struct {
	id     zhenni.CredentialID
	token  zhenni.SessionToken
	device crypto.Signer
	// key is sealed for the arrival where it is not zero, under sealedFor where that is set.
	key       rotation.Key
	sealedFor string
	// more are further members of the document.
	more  string
	claim func(*evidence.Claims)
}

func (o *lobby) guest(number int) guest {
	o.enrol(testID(number), 1, zhenni.LevelFull, zhenni.StatusActive)
	o.hold(testID(number), o.device)
	return guest{id: testID(number), token: sha256.Sum256([]byte{byte(number)}), device: o.device}
}

// keyed is a guest whose credential was enrolled under a rotation key, which the phone brings.
func (o *lobby) keyed(number int, key rotation.Key) guest {
	g := o.guest(number)
	g.key = key
	record := o.node.records[g.id]
	record.Rotation = key.Commitment()
	o.node.records[g.id] = record
	return g
}

// name is what the arrival is called.
func (g *guest) name() string {
	sum := sha256.Sum256(g.token[:])
	return "arrival." + hex.EncodeToString(sum[:16])
}

func (o *lobby) document(g guest) string {
	o.t.Helper()
	claims := evidence.Claims{
		Kind: evidence.Possession, Subject: g.id, Capture: sha256.Sum256(g.token[:]), Party: "hotel", Transaction: g.name(), IssuedAt: o.now().Unix(),
	}
	if g.claim != nil {
		g.claim(&claims)
	}
	token, err := evidence.Sign(claims, g.device)
	if err != nil {
		o.t.Fatal(err)
	}
	if g.key != (rotation.Key{}) {
		name := "hotel/" + g.name()
		if g.sealedFor != "" {
			name = g.sealedFor
		}
		sealed, err := identity.SealRotation(o.to, g.key, name)
		if err != nil {
			o.t.Fatal(err)
		}
		g.more += `,"rotation_key":"` + sealed + `"`
	}
	return `{"party":"hotel","credential":"` + g.id.String() + `","phone":"` + g.token.String() + `","evidence":"` + string(token) + `"` + g.more + `}`
}

func (o *lobby) arrive(g guest) answer {
	o.t.Helper()
	a := o.call("POST", "/v1/arrivals", "", mediaJSON, []byte(o.document(g)))
	o.described("POST", "/v1/arrivals", a)
	return a
}

func (o *lobby) claim(code string) answer {
	o.t.Helper()
	a := o.call("POST", "/v1/arrivals/claim", "hotel", mediaJSON, []byte(`{"code":"`+code+`"}`))
	o.described("POST", "/v1/arrivals/claim", a)
	return a
}

func (o *lobby) waiting(fields ...string) answer {
	o.t.Helper()
	a := o.call("GET", "/v1/arrivals", "hotel", "", nil, fields...)
	o.described("GET", "/v1/arrivals", a)
	return a
}

// claimed has a guest arrive, and the hotel's device claim the session.
func (o *lobby) claimed(g guest) (session, transaction string) {
	o.t.Helper()
	phone := wantStatus(o.t, o.arrive(g), 201)
	device := wantStatus(o.t, o.claim(member[string](o.t, phone, "code")), 200)
	return member[string](o.t, device, "session"), member[string](o.t, device, "transaction")
}

func (o *lobby) capture(session, document string) answer {
	o.t.Helper()
	a := o.call("POST", "/v1/sessions/"+session+"/capture", "hotel", mediaJSON, []byte(document))
	o.described("POST", "/v1/sessions/{id}/capture", a)
	return a
}

// terminalSays is evidence by the terminal about a probe, for a transaction.
func (o *office) terminalSays(kind evidence.Kind, about zhenni.CredentialID, transaction string, probe []byte) string {
	o.t.Helper()
	claims := evidence.Claims{
		Kind: kind, Subject: about, Capture: sha256.Sum256(probe), Party: "hotel", Transaction: transaction, Terminal: "kiosk", IssuedAt: o.now().Unix(),
	}
	if kind == evidence.Liveness {
		claims.Level = zhenni.LivenessActive
	}
	token, err := evidence.Sign(claims, o.terminal)
	if err != nil {
		o.t.Fatal(err)
	}
	return string(token)
}

// probed are what the node was asked to compare.
func (o *lobby) probed(compare func(*zhenni.Batch)) {
	o.node.mu.Lock()
	defer o.node.mu.Unlock()
	o.node.verify = func(b *zhenni.Batch, deadline time.Time) error {
		compare(b)
		return o.answer(b, deadline)
	}
}
