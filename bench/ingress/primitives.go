package ingress

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"zhenni"
	"zhenni/bench"
	"zhenni/evidence"
	"zhenni/gateway/eddsa"
	"zhenni/simd"
)

// Names of the primitives.
const (
	primitiveVerify   = "ed25519 verify"
	primitiveTable    = "ed25519 verify, by a table of the key's"
	primitiveSign     = "ed25519 sign"
	primitiveP256     = "p256 verify"
	primitiveMAC      = "hmac of a request"
	primitiveBody     = "sha-256 of a body"
	primitiveCapture  = "sha-256 of a probe"
	primitiveRecord   = "aes-256-gcm of a credential's record"
	primitiveAnswer   = "aes-256-gcm of an answer"
	primitiveLeaf     = "sha-256 of a leaf"
	primitiveName     = "hmac of a pseudonym"
	primitiveEvidence = "evidence, both tokens opened"
	primitiveBulk     = "sha-256 of a bulk body, an item"
	primitiveBulk512  = "sha-512 of a bulk body, an item"
	primitiveBulk3    = "blake3 of a bulk body, an item"
)

// primitiveShare is what part of a round each primitive takes.
const primitiveShare = 16

// baseBytes is about the size of what a request's signature is over, resultBytes of what a result's is and of an answer that is
// kept, recordBytes of a credential's record, leafBytes of an opening that is hashed, nameBytes of what a pseudonym is made of.
const baseBytes, resultBytes, recordBytes, leafBytes, nameBytes = 400, 800, 200, 150, 80

// primitives are what single verifications with all checks can not do without, each as the library has it.
type primitives []primitive

// sums is how many of them, the first, are several in turn: as the standard library has them, and from ownSums on with the tables that the
// server verifies by.
const sums, ownSums = 4, 2

type primitive struct {
	name string
	run  func() bool
	// items is how many one run is for, 0 standing for 1.
	items int
}

// primitiveTurns is how many signatures a primitive verifies in turn: how long one takes depends on its digits, and one alone is
// soon foretold by the processor.
const primitiveTurns = 512

// newPrimitives makes them ready for what a run asks.
func newPrimitives(r *checksRun) (primitives, error) {
	verify, table, sign, err := edwardsPrimitives()
	if err != nil {
		return nil, err
	}
	nist, err := nistPrimitive()
	if err != nil {
		return nil, err
	}
	ready, err := r.ready(r.sides[1])
	if err != nil {
		return nil, err
	}
	base, body, probe := make([]byte, baseBytes), make([]byte, ready.Size()), make([]byte, r.Questions.Population.Dim)
	item := make([]byte, (r.batches[0].Len() * (len(probe) + len(zhenni.CredentialID{}))))
	mac, room := hmac.New(sha256.New, probe), make([]byte, 0, sha256.Size)
	record, answer, err := sealPrimitives()
	if err != nil {
		return nil, err
	}
	opens, err := r.opens()
	sum := func() bool { return sha256.Sum256(body) != [sha256.Size]byte{} }
	capture := func() bool { return sha256.Sum256(probe) != [sha256.Size]byte{} }
	code := func() bool {
		mac.Reset()
		mac.Write(base)
		return len(mac.Sum(room)) > 0
	}
	leaf := func() bool { return sha256.Sum256(base[:leafBytes]) != [sha256.Size]byte{} }
	name := func() bool {
		named := hmac.New(sha256.New, probe[:sha256.Size])
		named.Write(base[:nameBytes])
		return len(named.Sum(room)) > 0
	}
	kept := inTurn(record, leaf, answer, name)
	return primitives{
		{name: primitivesOf + nameCheckedSingle, run: inTurn(verify, sum, capture, verify, nist, kept, sign)},
		{name: primitivesOf + nameSessionSingle, run: inTurn(code, sum, capture, verify, nist, kept, sign)},
		{name: primitivesOf + nameCheckedSingle + withTables, run: inTurn(table, sum, capture, table, nist, kept, sign)},
		{name: primitivesOf + nameSessionSingle + withTables, run: inTurn(code, sum, capture, table, nist, kept, sign)},
		{name: primitiveRecord, run: record}, {name: primitiveAnswer, run: answer}, {name: primitiveLeaf, run: leaf}, {name: primitiveName, run: name},
		{name: primitiveVerify, run: verify}, {name: primitiveTable, run: table}, {name: primitiveSign, run: sign}, {name: primitiveP256, run: nist},
		{name: primitiveMAC, run: code}, {name: primitiveBody, run: sum}, {name: primitiveCapture, run: capture},
		{name: primitiveEvidence, run: opens},
		{name: primitiveBulk, run: func() bool { return sha256.Sum256(item) != [sha256.Size]byte{} }, items: r.batches[0].Len()},
		{name: primitiveBulk512, run: func() bool { return sha512.Sum512(item) != [sha512.Size]byte{} }, items: r.batches[0].Len()},
		{name: primitiveBulk3, run: func() bool { return simd.Blake3(item) != [32]byte{} }, items: r.batches[0].Len()},
	}, err
}

// inTurn runs one after the other, as a request has them run: each finds the caches as the one before left them. Of a single
// verification these are the signature or code of the request, the digests of body and probe, the signatures of its evidence (a
// terminal's, a device's), the record of the credential opened once, the leaf and the answer that are kept, the pseudonym and the
// signature of the result.
func inTurn(parts ...func() bool) func() bool {
	return func() bool {
		for _, part := range parts {
			if !part() {
				return false
			}
		}
		return true
	}
}

// sealPrimitives open a record, first the key that it alone has, and seal an answer.
func sealPrimitives() (record, answer func() bool, err error) {
	var key [32]byte
	long, err := newGCM(key[:])
	if err != nil {
		return nil, nil, err
	}
	nonce := make([]byte, long.NonceSize())
	wrapped, body := long.Seal(nil, nonce, key[:], nil), long.Seal(nil, nonce, make([]byte, recordBytes), nil)
	own, opened, sealed := make([]byte, 0, len(key)), make([]byte, 0, recordBytes), make([]byte, resultBytes, 2*resultBytes)
	record = func() bool {
		unwrapped, err := long.Open(own, nonce, wrapped, nil)
		if err != nil {
			return false
		}
		short, err := newGCM(unwrapped)
		if err != nil {
			return false
		}
		_, err = short.Open(opened, nonce, body, nil)
		return err == nil
	}
	answer = func() bool { return len(long.Seal(sealed[:0], nonce, sealed[:resultBytes], nil)) > 0 }
	return record, answer, nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// edwardsPrimitives are those of Ed25519: to verify as the standard library does, and by a table as the server does for a key that
// signs often, and to sign.
func edwardsPrimitives() (verify, byTable, sign func() bool, err error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, nil, err
	}
	table, err := eddsa.NewTable(public)
	if err != nil {
		return nil, nil, nil, err
	}
	unsigned := make([]byte, resultBytes)
	messages, signatures := make([][]byte, primitiveTurns), make([][]byte, primitiveTurns)
	for i := range messages {
		messages[i] = binary.LittleEndian.AppendUint64(make([]byte, baseBytes-8), uint64(i))
		signatures[i] = ed25519.Sign(private, messages[i])
	}
	i, j := 0, 0
	verify = func() bool {
		i = (i + 1) % primitiveTurns
		return ed25519.Verify(public, messages[i], signatures[i])
	}
	byTable = func() bool {
		i = (i + 1) % primitiveTurns
		return table.Verify(messages[i], signatures[i])
	}
	sign = func() bool {
		j++
		binary.LittleEndian.PutUint64(unsigned, uint64(j))
		return len(ed25519.Sign(private, unsigned)) > 0
	}
	return verify, byTable, sign, nil
}

// nistPrimitive verifies signatures of ECDSA.
func nistPrimitive() (func() bool, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	messages, signatures := make([][]byte, primitiveTurns), make([][]byte, primitiveTurns)
	for i := range messages {
		messages[i] = binary.LittleEndian.AppendUint64(make([]byte, baseBytes-8), uint64(i))
		sum := sha256.Sum256(messages[i])
		if signatures[i], err = ecdsa.SignASN1(rand.Reader, private, sum[:]); err != nil {
			return nil, err
		}
	}
	i := 0
	return func() bool {
		i = (i + 1) % primitiveTurns
		sum := sha256.Sum256(messages[i])
		return ecdsa.VerifyASN1(&private.PublicKey, sum[:], signatures[i])
	}, nil
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

// newCrowd makes a set of primitives for each processor.
func newCrowd(r *checksRun) (crowd, error) {
	var all crowd
	for range runtime.GOMAXPROCS(0) {
		set, err := newPrimitives(r)
		if err != nil {
			return nil, err
		}
		all = append(all, set)
	}
	return all, nil
}

// A crowd has the primitives once for each processor.
type crowd []primitives

// measure returns the processor time of each, in nanoseconds, by running it for about that long on all processors, as busy as a server
// has them: two that share a core are each slower than one that has it alone.
func (c crowd) measure(about time.Duration) map[string]float64 {
	costs := map[string]float64{}
	for i := range c[0] {
		var running sync.WaitGroup
		var runs atomic.Int64
		used, begun := processor(), time.Now()
		for _, set := range c {
			running.Go(func() { runs.Add(set[i].repeat(begun.Add(about))) })
		}
		running.Wait()
		one := c[0][i]
		costs[one.name] = float64(processor()-used) / float64(int(runs.Load())*max(one.items, 1))
	}
	return costs
}

// repeat runs a primitive until a time, and returns how often.
func (p primitive) repeat(until time.Time) (n int64) {
	for ; n < leastRuns || time.Now().Before(until); n++ {
		if !p.run() {
			panic("ingress: a primitive fails on what it made")
		}
	}
	return n
}
