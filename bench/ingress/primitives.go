package ingress

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"time"

	"zhenni"
	"zhenni/bench"
	"zhenni/evidence"
)

// Names of the primitives.
const (
	primitiveVerify   = "ed25519 verify"
	primitiveSign     = "ed25519 sign"
	primitiveP256     = "p256 verify"
	primitiveMAC      = "hmac of a request"
	primitiveBody     = "sha-256 of a body"
	primitiveCapture  = "sha-256 of a probe"
	primitiveEvidence = "evidence, both tokens opened"
)

// primitiveShare is what part of a round each primitive takes.
const primitiveShare = 16

// baseBytes is about the size of what a request's signature is over, resultBytes of what a result's is.
const baseBytes, resultBytes = 400, 800

// primitives are what single verifications with all checks can not do without, each as the library has it.
type primitives []primitive

type primitive struct {
	name string
	run  func() bool
}

// checkedSum is the sum for a single verification: the signature or code of the request, the two signatures of its evidence
// (a terminal's, a device's), the digests of body and probe, and the signature of the result.
func checkedSum(p map[string]float64, request string) float64 {
	return p[request] + p[primitiveVerify] + p[primitiveP256] + p[primitiveBody] + p[primitiveCapture] + p[primitiveSign]
}

// newPrimitives makes them ready for what a run asks.
func newPrimitives(r *checksRun) (primitives, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	nist, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	base, unsigned := make([]byte, baseBytes), make([]byte, resultBytes)
	signature := ed25519.Sign(private, base)
	sum := sha256.Sum256(base)
	der, err := ecdsa.SignASN1(rand.Reader, nist, sum[:])
	if err != nil {
		return nil, err
	}
	mac, code := hmac.New(sha256.New, sum[:]), make([]byte, 0, sha256.Size)
	ready, err := r.ready(r.sides[1])
	if err != nil {
		return nil, err
	}
	body, probe := make([]byte, ready.Size()), make([]byte, r.Questions.Population.Dim)
	opens, err := r.opens()
	return primitives{
		{primitiveVerify, func() bool { return ed25519.Verify(public, base, signature) }},
		{primitiveSign, func() bool { return len(ed25519.Sign(private, unsigned)) > 0 }},
		{primitiveP256, func() bool {
			sum := sha256.Sum256(base)
			return ecdsa.VerifyASN1(&nist.PublicKey, sum[:], der)
		}},
		{primitiveMAC, func() bool {
			mac.Reset()
			mac.Write(base)
			return len(mac.Sum(code)) > 0
		}},
		{primitiveBody, func() bool { return sha256.Sum256(body) != [sha256.Size]byte{} }},
		{primitiveCapture, func() bool { return sha256.Sum256(probe) != [sha256.Size]byte{} }},
		{primitiveEvidence, opens},
	}, err
}

// opens opens both tokens of a question, as package evidence does.
func (r *checksRun) opens() (func() bool, error) {
	dim := r.Questions.Population.Dim
	q := bench.Question{ID: r.ids[0], Probe: bench.Vectors{Dim: dim, Int8: r.rows[:dim]}, Transaction: "primitive"}
	const nonce = nonceStem
	tokens, err := r.Desk.evidence(q, nonce)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	want := evidence.Expected{
		Subject: q.ID, Capture: captureOf(q.Probe.Int8), Transaction: q.Transaction, Party: r.Desk.Party, Nonce: nonce, MaxAge: time.Hour,
	}
	keys := [...]zhenni.PublicKey{r.Desk.TerminalKey.Public, r.Desk.Device(q.ID).Public}
	for i, token := range tokens {
		if _, err := evidence.Open(token, keys[i], want, now); err != nil {
			return nil, fmt.Errorf("evidence %d: %w", i, err)
		}
	}
	return func() bool {
		_, alive := evidence.Open(tokens[0], keys[0], want, now)
		_, present := evidence.Open(tokens[1], keys[1], want, now)
		return alive == nil && present == nil
	}, nil
}

// leastRuns is how often a primitive runs at least.
const leastRuns = 32

// measure returns the processor time of each, in nanoseconds, by running it for about that long on one core.
func (p primitives) measure(about time.Duration) map[string]float64 {
	costs := map[string]float64{}
	for _, one := range p {
		n := 0
		used, begun := processor(), time.Now()
		for ; n < leastRuns || time.Since(begun) < about; n++ {
			if !one.run() {
				panic("ingress: a primitive fails on what it made")
			}
		}
		costs[one.name] = float64(processor()-used) / float64(n)
	}
	return costs
}
