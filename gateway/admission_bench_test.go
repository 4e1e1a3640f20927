package gateway

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"zhenni"
	"zhenni/gateway/httpsig"
)

// forgetfulNonces takes everything, so that one request can be admitted again and again.
type forgetfulNonces struct{}

func (forgetfulNonces) Remember([16]byte, time.Time, time.Time, time.Time) error { return nil }

// readyDirectory finds parties without looking, as a store does.
type readyDirectory map[string]zhenni.RelyingParty // by key id

func (d readyDirectory) PartyOfKey(id []byte) (zhenni.RelyingParty, zhenni.PartyKey, bool) {
	party, ok := d[string(id)]
	return party, party.Keys[0], ok
}

func (readyDirectory) PartyOfCertificate([32]byte) (p zhenni.RelyingParty, c zhenni.PartyCertificate, ok bool) {
	return p, c, false
}

// admission is a server with one request for each way to prove who asks, as it is when its head was read.
type admission struct {
	server *Server
	body   []byte
	asks   map[string]*fasthttp.RequestCtx
}

func newAdmission(tb testing.TB) *admission {
	f := startSigning(tb, func(c *Config) { c.Nonces = forgetfulNonces{} })
	a := &admission{server: f.server, body: []byte(goodDocument()), asks: map[string]*fasthttp.RequestCtx{}}
	for name, s := range map[string]*httpsig.Signer{"ed25519": f.hotel, "p256": f.hotelP256, "hmac": f.sessionKey(f.hotel)} {
		r := &httpsig.Request{Method: []byte("POST"), Authority: []byte("x"), Path: []byte("/v1/verifications"), Body: a.body}
		if err := s.Sign(r, f.stamp()); err != nil {
			tb.Fatal(err)
		}
		ctx := newAsk()
		ctx.Request.Header.SetBytesV("Content-Digest", r.ContentDigest)
		ctx.Request.Header.SetBytesV("Signature-Input", r.SignatureInput)
		ctx.Request.Header.SetBytesV("Signature", r.Signature)
		a.asks[name] = ctx
	}
	hotel, _ := f.node.RelyingParty("hotel")
	directory := readyDirectory{}
	for _, k := range hotel.Keys {
		party := hotel
		party.Keys = []zhenni.PartyKey{k}
		directory[k.Public.ID()] = party
	}
	a.server.config.Directory = directory
	a.asks["key"] = newAsk()
	a.asks["key"].Request.Header.Set("Authorization", "Bearer "+keyOf("verifier").String())
	return a
}

func newAsk() *fasthttp.RequestCtx {
	ctx := &fasthttp.RequestCtx{}
	ctx.Request.Header.SetMethod("POST")
	ctx.Request.SetRequestURI("/v1/verifications")
	ctx.Request.Header.SetHost("x")
	ctx.Request.Header.SetContentType(mediaJSON)
	return ctx
}

// admit admits the request once.
func (a *admission) admit(tb testing.TB, rq *request, name string) {
	*rq = request{ctx: a.asks[name]}
	err := a.server.admit(rq, zhenni.RoleVerifier)
	if err == nil {
		err = rq.completeProof(a.body)
	}
	if err != nil || rq.party.ID == "" {
		tb.Fatal(err)
	}
}

// BenchmarkAdmit is what it costs to know who asks, but for the nonce: see storage/nonce.
func BenchmarkAdmit(b *testing.B) {
	a := newAdmission(b)
	for _, name := range []string{"key", "hmac", "ed25519", "p256"} {
		b.Run(name, func(b *testing.B) {
			var rq request
			b.ReportAllocs()
			for b.Loop() {
				a.admit(b, &rq, name)
			}
		})
	}
}

// BenchmarkPrimitives are what an admission can not do without: to be set beside BenchmarkAdmit of the same run.
func BenchmarkPrimitives(b *testing.B) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		b.Fatal(err)
	}
	base, mac := make([]byte, 350), hmac.New(sha256.New, make([]byte, 32)) // of a signature base
	signature := ed25519.Sign(private, base)
	b.Run("ed25519", func(b *testing.B) {
		for b.Loop() {
			if !ed25519.Verify(public, base, signature) {
				b.Fatal("not verified")
			}
		}
	})
	b.Run("hmac", func(b *testing.B) {
		var sum [sha256.Size]byte
		for b.Loop() {
			mac.Reset()
			mac.Write(base)
			mac.Sum(sum[:0])
		}
	})
}
