package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/evidence"
	"zhenni/identity"
	sessionlog "zhenni/storage/sessions"
)

// circle is an office between persons, whose sessions lie on a disk: 张小三 of credential 1 and 李四 of credential 3, 王五 of
// credential 5, and the party "square" on whose behalf they ask each other.
type circle struct {
	*office
	dir     string
	log     bytes.Buffer
	store   *sessionlog.Store
	host    *actors.Sessions
	opener  *identity.Opener
	deriver *identity.Deriver
	drawn   int
}

const (
	nameOfA, nameOfB = "张小三", "李四"
	credentialA      = 1
	credentialB      = 3
	credentialC      = 5
)

// keptSessions are hosted sessions with their store.
type keptSessions struct {
	*actors.Sessions
	store *sessionlog.Store
}

func (k keptSessions) ID(party, txn string) zhenni.SessionID      { return k.store.ID(party, txn) }
func (k keptSessions) Of(id zhenni.CredentialID) []zhenni.Session { return k.store.Of(id) }
func (k keptSessions) Blocked(by, of zhenni.SubjectHandle) bool {
	return k.store.Blocked(k.store.Pair(by, of))
}
func (k keptSessions) Barred(of zhenni.SubjectHandle) bool { return k.store.Barred(of) }
func (k keptSessions) Lift(ctx context.Context, person string) error {
	return k.store.Lift(ctx, person)
}
func (k keptSessions) Block(ctx context.Context, by, of zhenni.SubjectHandle) error {
	return k.store.Block(ctx, k.store.Pair(by, of))
}
func (k keptSessions) Report(ctx context.Context, by, of zhenni.SubjectHandle, at time.Time) (bool, error) {
	return k.store.Report(ctx, by, of, at)
}

func (k keptSessions) Reported(limit int) (list []ReportedPerson) {
	for _, one := range k.store.Reported(limit) {
		list = append(list, ReportedPerson(one))
	}
	return list
}

// OpenName implements Names.
func (c *circle) OpenName(sealed, party, transaction string) (identity.Name, error) {
	return c.opener.OpenName(sealed, party+"/"+transaction)
}

// NameTag implements Names.
func (c *circle) NameTag(subject zhenni.SubjectHandle, name identity.Name) (zhenni.NameTag, error) {
	tag, err := c.deriver.NameTag(identity.HandleOf(subject), name)
	return tag.Stored(), err
}

func startCircle(t testing.TB, changes ...func(*Config)) *circle {
	t.Helper()
	c := &circle{office: &office{doc: loadDescription(t)}, dir: t.TempDir()}
	key, err := identity.NewPrivateKey(rand.NewChaCha8([32]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	if c.opener, err = identity.NewOpener(key); err != nil {
		t.Fatal(err)
	}
	if c.deriver, err = identity.NewDeriver(bytes.Repeat([]byte{7}, identity.RootSize)); err != nil {
		t.Fatal(err)
	}
	if c.store, err = sessionlog.Open(sessionlog.Options{Dir: c.dir, Key: bytes.Repeat([]byte{7}, 32), Bar: 2, Logger: c.logger()}); err != nil {
		t.Fatal(err)
	}
	if c.host, err = actors.StartSessions(actors.SessionConfig{Now: c.now, Logger: c.logger()}, c.store); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.host.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := c.store.Close(); err != nil {
			t.Error(err)
		}
	})
	kept := keptSessions{c.host, c.store}
	c.desk = startDesk(t, func(config *Config) {
		config.Sessions, config.Now, config.Logger = kept, c.now, c.logger()
		config.Persons = Persons{Party: "square", Service: "open", Purpose: "enter", Names: c, Circle: kept}
		for _, change := range changes {
			change(config)
		}
	})
	c.put(zhenni.RelyingParty{ID: "square", Tenant: 1, Name: "真你", Roles: zhenni.RoleVerifier, Services: []string{"open"}, KeyHash: keyOf("square").Hash()})
	for i, name := range map[int]string{credentialA: nameOfA, credentialB: nameOfB, credentialC: "王五"} {
		c.person(i, name)
	}
	return c
}

func (c *circle) put(p zhenni.RelyingParty) {
	c.node.mu.Lock()
	defer c.node.mu.Unlock()
	c.node.parties[p.ID] = p
}

func (c *circle) logger() *slog.Logger { return slog.New(slog.NewTextHandler(&c.log, nil)) }

// person enrols a person of a name, whose phone is the test's device.
func (c *circle) person(i int, name string) {
	c.t.Helper()
	subject := zhenni.SubjectHandle(sha256.Sum256(fmt.Append(nil, "subject", i)))
	parsed, err := identity.ParseName([]byte(name))
	if err != nil {
		c.t.Fatal(err)
	}
	tag, err := c.NameTag(subject, parsed)
	if err != nil {
		c.t.Fatal(err)
	}
	c.node.mu.Lock()
	defer c.node.mu.Unlock()
	c.node.records[testID(i)] = zhenni.Credential{
		ID: testID(i), Tenant: 1, Level: zhenni.LevelLite, Status: zhenni.StatusActive, Generation: 1, Subject: subject, NameTag: tag,
		Device: publicOf(c.t, c.device),
	}
}

func (c *circle) sign(claims evidence.Claims) string {
	c.t.Helper()
	claims.Kind, claims.IssuedAt = evidence.Possession, c.now().Unix()
	token, err := evidence.Sign(claims, c.device)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(token)
}

// asking is the document by which a person asks; extra are further members.
func (c *circle) asking(i int, transaction, extra string) string {
	c.t.Helper()
	token := c.sign(evidence.Claims{Subject: testID(i), Capture: sha256.Sum256(phoneToken[:]), Party: "square", Transaction: transaction})
	return `{"credential":"` + testID(i).String() + `","phone":"` + phoneToken.String() + `","evidence":"` + token + `","transaction":"` + transaction + `"` + extra + `}`
}

func (c *circle) post(path, document string, extra ...string) answer {
	c.t.Helper()
	a := c.call("POST", path, "", mediaJSON, []byte(document), extra...)
	c.described("POST", path, a)
	return a
}

// next is a transaction that nobody used.
func (c *circle) next() string {
	c.drawn++
	return fmt.Sprintf("person.%d", c.drawn)
}

// ask begins a session of a person.
func (c *circle) ask(i int, extra string) begun {
	c.t.Helper()
	return c.read(wantStatus(c.t, c.post("/v1/person-sessions", c.asking(i, c.next(), extra)), 201))
}

func (c *circle) read(a answer) (b begun) {
	c.t.Helper()
	if err := json.Unmarshal(a.body, &b.begunDocument); err != nil {
		c.t.Fatal(err)
	}
	b.id = b.Session
	if len(b.Links) > 0 {
		b.link = b.Links[0]
		b.token = b.link[strings.LastIndex(b.link, ".")+1:]
	}
	return b
}

// expecting is the member of an expected name, for the transaction that comes next.
func (c *circle) expecting(name string) string {
	c.t.Helper()
	sealed, err := identity.SealName(c.opener.Current(), name, fmt.Sprintf("square/person.%d", c.drawn+1))
	if err != nil {
		c.t.Fatal(err)
	}
	return `,"expected":"` + sealed + `"`
}

// openAs opens a session by the phone of a person.
func (c *circle) openAs(i int, session, token string) answer {
	c.t.Helper()
	signed := c.sign(evidence.Claims{
		Subject: testID(i), Capture: sha256.Sum256(phoneToken[:]), Party: "square", Transaction: "session." + session + ".0.open",
	})
	return c.at("POST", session, "/seats/0/open", token, `{"credential":"`+testID(i).String()+`","phone":"`+phoneToken.String()+`","evidence":"`+signed+`"}`)
}

// arrive has a person open a session and type the code.
func (c *circle) arrive(i int, b begun) {
	c.t.Helper()
	wantStatus(c.t, c.openAs(i, b.id, b.token), 200)
	wantStatus(c.t, c.seat(b, "/code", `{"code":"`+b.Code+`"}`), 200)
}

// seat has the phone in the seat do something.
func (c *circle) seat(b begun, tail, document string) answer {
	c.t.Helper()
	return c.at("POST", b.id, "/seats/0"+tail, phoneToken.String(), document)
}

// showing is an answer with a face that matches, or not; extra are further members.
func showing(match bool, extra string) string {
	return `{"probe_int8":"` + int8Probe(testDim, match) + `"` + extra + `}`
}

// seen is the session as who asks sees it.
func (c *circle) seen(b begun) answer {
	c.t.Helper()
	return wantStatus(c.t, c.at("GET", b.id, "", b.AskerToken, ""), 200)
}

// selfie is a picture of a size with a word behind its head.
func selfie(t testing.TB, side int, word string) string {
	t.Helper()
	picture := image.NewGray(image.Rect(0, 0, side, side))
	for i := range side {
		picture.SetGray(i, i, color.Gray{255})
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture, nil); err != nil {
		t.Fatal(err)
	}
	raw := b.Bytes()
	if word != "" {
		comment := append([]byte{0xff, 0xfe, 0, byte(len(word) + 2)}, word...)
		raw = append(append(bytes.Clone(raw[:2]), comment...), raw[2:]...)
	}
	return base64.StdEncoding.EncodeToString(raw)
}
