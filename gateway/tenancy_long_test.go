//go:build long

package gateway

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// The times of answers about another tenant's and about nothing do not tell them apart: of many of each, taken in turns, the
// medians differ by less than those of two halves of the same.
//
// FAULTS: Z2
func TestTimesDoNotTell(t *testing.T) {
	const rounds = 6_000
	w, table := startTenants(t), permissions(t)
	theirs, nobodys := w.make(foreign), w.make(unknown)
	for range 300 {
		w.make(foreign)
	}
	handler := w.server.handler(publicRoutes())
	for target, party := range map[string]string{
		"GET /v1/credentials/{id}": "issuer", "GET /v1/credentials/{id}/history": "issuer", "POST /v1/credentials/{id}/history/forget": "issuer",
		"POST /v1/credentials/{id}/revoke": "issuer", "POST /v1/credentials/{id}/lock": "terminal", "POST /v1/verifications": "verifier", "POST /v1/verification-batches": "verifier",
	} {
		took := map[object][]time.Duration{}
		for i := range rounds {
			for _, o := range [][]object{{foreign, unknown, suspended}, {suspended, unknown, foreign}}[i%2] {
				id := nobodys // suspended stands for nothing a second time
				if o == foreign {
					id = theirs
				}
				took[o] = append(took[o], askOnceMore(t, table[target].told[unknown], handler, table[target].ask(id), party))
			}
		}
		median := func(o object) time.Duration {
			slices.Sort(took[o])
			return took[o][rounds/2]
		}
		foreigners, nothing, again := median(foreign), median(unknown), median(suspended)
		t.Logf("%s: another tenant's %v, nothing %v and %v", target, foreigners, nothing, again)
		if bound := 4*(nothing-again).Abs() + nothing/20; (foreigners - nothing).Abs() > bound {
			t.Errorf("%s: another tenant's takes %v, nothing %v: they differ by more than %v", target, foreigners, nothing, bound)
		}
	}
}

// askOnceMore is the time that a handler takes for a request.
func askOnceMore(t *testing.T, want int, handler fasthttp.RequestHandler, q sent, party string) time.Duration {
	var ctx fasthttp.RequestCtx
	ctx.Init(&fasthttp.Request{}, nil, nil)
	request := &ctx.Request
	request.Header.SetMethod(q.method)
	request.SetRequestURI(q.path)
	request.Header.SetHost("x")
	request.Header.Set("Authorization", "Bearer "+keyOf(party).String())
	if q.method == "POST" {
		request.Header.SetContentType(q.media)
		request.SetBodyStream(strings.NewReader(q.body), len(q.body))
	}
	begun := time.Now()
	handler(&ctx)
	took := time.Since(begun)
	if status := ctx.Response.StatusCode(); status != want {
		t.Fatalf("%s %s: %d, want %d: %s", q.method, q.path, status, want, ctx.Response.Body())
	}
	return took
}
