package holder

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/engine/rotation"
	"zhenni/evidence"
	"zhenni/identity"
)

var (
	testNow   = time.Unix(1_700_000_000, 0)
	testModel = zhenni.Model{ID: "face-1", Dim: 6, Factor: zhenni.FactorFace}
	own       = zhenni.CredentialID{15: 7}
)

func newPhone(t testing.TB, a zhenni.KeyAlgorithm) *Phone {
	t.Helper()
	p, err := NewPhone(a)
	if err != nil {
		t.Fatal(err)
	}
	p.Credential = own
	return p
}

func newTerminal(t testing.TB) *Terminal {
	t.Helper()
	terminal, err := NewTerminal("desk", zhenni.KeyP256)
	if err != nil {
		t.Fatal(err)
	}
	return terminal
}

func probeOf(t testing.TB, embedding ...float32) Probe {
	t.Helper()
	p, err := NewProbe(embedding)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func question(p Probe) Question {
	return Question{Credential: own, Capture: p.Digest(), Transaction: "t-1", Party: "hotel", Nonce: "bm9uY2Utb2YtYS10ZXN0"}
}

// opened opens a token as a server does that expects it to be about a question.
func opened(token []byte, key zhenni.PublicKey, q Question) (evidence.Claims, error) {
	return evidence.Open(token, key, evidence.Expected{
		Subject: q.Credential, Capture: q.Capture, Transaction: q.Transaction, Party: q.Party, Nonce: q.Nonce, MaxAge: time.Minute,
	}, testNow.Add(time.Second))
}

// What a phone and a terminal sign is what a server takes, of this capture and no other.
//
// FAULTS: B10
func TestEvidence(t *testing.T) {
	q := question(probeOf(t, 1, 2, 3))
	other := q
	other.Capture = probeOf(t, 1, 2, 4).Digest()
	terminal := newTerminal(t)
	for _, a := range []zhenni.KeyAlgorithm{zhenni.KeyEd25519, zhenni.KeyP256} {
		phone := newPhone(t, a)
		for name, c := range map[string]struct {
			sign func() ([]byte, error)
			key  zhenni.PublicKey
			want evidence.Claims
		}{
			"possession": {func() ([]byte, error) { return phone.Possession(q, testNow) }, phone.Public(), evidence.Claims{Kind: evidence.Possession}},
			"liveness": {func() ([]byte, error) { return phone.Liveness(q, zhenni.LivenessActive, testNow) }, phone.Public(),
				evidence.Claims{Kind: evidence.Liveness, Level: zhenni.LivenessActive}},
			"at a desk": {func() ([]byte, error) { return terminal.Liveness(q, zhenni.LivenessPassive, testNow) }, terminal.Public(),
				evidence.Claims{Kind: evidence.Liveness, Level: zhenni.LivenessPassive, Terminal: "desk"}},
			"card":     {func() ([]byte, error) { return terminal.Card(q, testNow) }, terminal.Public(), evidence.Claims{Kind: evidence.Card, Terminal: "desk"}},
			"document": {func() ([]byte, error) { return terminal.Document(q, testNow) }, terminal.Public(), evidence.Claims{Kind: evidence.Document, Terminal: "desk"}},
		} {
			token, err := c.sign()
			if err != nil {
				t.Fatal(name, err)
			}
			got, err := opened(token, c.key, q)
			if err != nil || got.Kind != c.want.Kind || got.Level != c.want.Level || got.Terminal != c.want.Terminal {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			if _, err := opened(token, c.key, other); !errors.Is(err, evidence.ErrCapture) {
				t.Errorf("%s, of another capture: %v", name, err)
			}
		}
	}
}

// A phone speaks for the credential that is on it.
func TestAPhoneSignsForItsOwnCredential(t *testing.T) {
	phone := newPhone(t, zhenni.KeyEd25519)
	q := question(probeOf(t, 1))
	for name, change := range map[string]func(){
		"another": func() { q.Credential[0]++ },
		"none":    func() { q.Credential, phone.Credential = zhenni.CredentialID{}, zhenni.CredentialID{} },
	} {
		change()
		_, err := phone.Possession(q, testNow)
		_, also := phone.Liveness(q, zhenni.LivenessPassive, testNow)
		if !errors.Is(err, zhenni.ErrBadValue) || !errors.Is(also, zhenni.ErrBadValue) {
			t.Errorf("%s: %v, %v", name, err, also)
		}
	}
}

func cosine(a, b []float32) float64 {
	var dot, na, nb float64
	for i := range a {
		dot, na, nb = dot+float64(a[i])*float64(b[i]), na+float64(a[i])*float64(a[i]), nb+float64(b[i])*float64(b[i])
	}
	return dot / math.Sqrt(na*nb)
}

// What leaves the phone is what the engine rotates with the key that the phone seals for a session: the counter's capture and
// the phone's are compared as if neither were rotated. After a renewal they are not.
//
// FAULTS: B7 B8
func TestRotation(t *testing.T) {
	model := testModel
	model.Dim = 512
	phone := newPhone(t, zhenni.KeyEd25519)
	embedding := make([]float32, model.Dim)
	for i := range embedding {
		embedding[i] = float32(math.Sin(float64(i * i)))
	}
	left, err := phone.Rotate(embedding, model)
	if err != nil {
		t.Fatal(err)
	}
	engine, opener := newEngine(t)
	sealed, err := phone.SealRotation(engine, "session-1")
	if err != nil {
		t.Fatal(err)
	}
	k, err := opener.OpenRotation(sealed, "session-1")
	if err != nil {
		t.Fatal(err)
	}
	r, err := rotation.New(k, model)
	if err != nil {
		t.Fatal(err)
	}
	at := make([]float32, r.Dim())
	if err := r.Apply(at, embedding); err != nil || cosine(left, at) < 1-1e-6 {
		t.Errorf("the engine's rotation is at cosine %g of the phone's: %v", cosine(left, at), err)
	}
	if c := math.Abs(cosine(left, embedding)); c > 0.25 {
		t.Errorf("what leaves the phone is at cosine %g of the embedding", c)
	}
	if _, err := opener.OpenRotation(sealed, "session-2"); err != identity.SealedTransaction {
		t.Errorf("in another session: %v", err)
	}
	phone.Renew()
	if renewed, err := phone.Rotate(embedding, model); err != nil || math.Abs(cosine(left, renewed)) > 0.25 {
		t.Errorf("renewed, it is at cosine %g: %v", cosine(left, renewed), err)
	}
	if _, err := phone.Rotate(embedding[1:], model); !errors.Is(err, zhenni.ErrBadProbe) {
		t.Errorf("of another dimension: %v", err)
	}
}

func newEngine(t testing.TB) (identity.PublicKey, *identity.Opener) {
	t.Helper()
	private, err := identity.NewPrivateKey(strings.NewReader(strings.Repeat("entropy of an engine, 32 bytes..", 4)))
	if err != nil {
		t.Fatal(err)
	}
	opener, err := identity.NewOpener(private)
	if err != nil {
		t.Fatal(err)
	}
	return private.Public(), opener
}

// FAULTS: N1 N2 N3 N4 N6
func TestProbes(t *testing.T) {
	p := probeOf(t, 1, -2, 0.5)
	if want := "AACAPwAAAMAAAAA/"; p.Text() != want {
		t.Errorf("%s, want %s", p.Text(), want)
	}
	if got, err := p.Embedding(); err != nil || fmt.Sprint(got) != "[1 -2 0.5]" {
		t.Errorf("%v, %v", got, err)
	}
	nan, infinite := float32(math.NaN()), float32(math.Inf(1))
	for _, bad := range [][]float32{nil, {nan}, {1, infinite}, {0, 0}, {9e-4}, make([]float32, zhenni.MaxDim+1)} {
		if _, err := NewProbe(bad); !errors.Is(err, zhenni.ErrBadProbe) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	for _, bad := range []Probe{nil, p[:5], make(Probe, 8), make(Probe, 4*zhenni.MaxDim+4)} {
		if _, err := bad.Embedding(); !errors.Is(err, zhenni.ErrBadProbe) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

func TestKeysOfNoAlgorithm(t *testing.T) {
	if _, err := NewPhone(0); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("a phone: %v", err)
	}
	if _, err := NewTerminal("desk", 9); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("a terminal: %v", err)
	}
	if _, err := NewTerminal("Desk 7", zhenni.KeyEd25519); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("a terminal of no party: %v", err)
	}
}

// However they are printed, phones and terminals show nothing.
func TestPhonesAndTerminalsDoNotPrint(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d"} {
		if text := fmt.Sprintf(verb+verb, newPhone(t, zhenni.KeyEd25519), newTerminal(t)); text != "[private key][private key]" {
			t.Errorf("%s: %s", verb, text)
		}
	}
}
