package ingress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/valyala/fasthttp"

	"zhenni"
	"zhenni/bench"
	"zhenni/gateway"
)

// Served is a server of this process on a free port of the loopback.
type Served struct {
	// URL is where it listens.
	URL    string
	stop   func(context.Context) error
	served chan error
}

// serve starts a server.
func serve(run func(net.Listener) error, stop func(context.Context) error) (*Served, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("ingress: %w", err)
	}
	s := &Served{URL: "http://" + ln.Addr().String(), stop: stop, served: make(chan error, 1)}
	go func() { s.served <- run(ln) }()
	return s, nil
}

// Close stops the server when the requests in hand are answered, or ctx ends.
func (s *Served) Close(ctx context.Context) error { return errors.Join(s.stop(ctx), <-s.served) }

// ServeGateway serves a node through a gateway beside whatever serves it already.
func ServeGateway(config gateway.Config, node gateway.Node) (*Served, error) {
	server, err := gateway.New(config, node)
	if err != nil {
		return nil, err
	}
	return serve(server.Serve, server.Shutdown)
}

// Skipping is a node that decides nothing: every pending item is answered no at once. A gateway in front of it is the ceiling
// of what a gateway can do: everything but verifying.
type Skipping struct{ gateway.Node }

// Verify answers without looking.
func (Skipping) Verify(b *zhenni.Batch, _ time.Time) error {
	for i, o := range b.Outcomes {
		if o == zhenni.Pending {
			b.Outcomes[i] = zhenni.NoMatch
		}
	}
	return nil
}

// mediaRows is a body of n credentials of 16 bytes and behind them n rows of as many bytes as the model has elements. The path
// is the number of the tenant, the answer a byte an item.
const mediaRows = "application/octet-stream"

// rows is the least that a server can do around a node: no authentication, no checks but of the length, nothing copied.
type rows struct {
	node   Verifier
	dim    int
	memory sync.Pool // of *rowsMemory
}

type rowsMemory struct {
	body     []byte
	outcomes []zhenni.Outcome
	batch    zhenni.Batch
}

// ServeRows serves a node to bodies of raw rows, to anybody: it is for measuring and listens on the loopback only.
func ServeRows(node Verifier, dim int) (*Served, error) {
	r := &rows{node: node, dim: dim}
	r.memory.New = func() any { return new(rowsMemory) }
	server := &fasthttp.Server{
		Handler: r.answer, MaxRequestBodySize: zhenni.MaxBatchItems * (16 + dim), StreamRequestBody: true,
		NoDefaultServerHeader: true, CloseOnShutdown: true,
	}
	return serve(server.Serve, server.ShutdownWithContext)
}

func (r *rows) answer(ctx *fasthttp.RequestCtx) {
	tenant, err := strconv.ParseUint(strings.TrimPrefix(string(ctx.Path()), "/"), 10, 32)
	size := ctx.Request.Header.ContentLength()
	n := size / (16 + r.dim)
	if err != nil || size < 1 || size != n*(16+r.dim) {
		ctx.Error("want whole rows for a tenant", fasthttp.StatusBadRequest)
		ctx.SetConnectionClose()
		return
	}
	m, _ := r.memory.Get().(*rowsMemory)
	m.body = slices.Grow(m.body[:0], size)[:size]
	if _, err := io.ReadFull(ctx.RequestBodyStream(), m.body); err != nil {
		ctx.SetConnectionClose()
		return
	}
	m.outcomes = slices.Grow(m.outcomes[:0], n)[:n]
	clear(m.outcomes)
	m.batch = zhenni.Batch{
		Tenant: zhenni.TenantID(tenant), Evaluation: true, Dim: r.dim, Outcomes: m.outcomes,
		IDs: asIDs(m.body[:16*n]), Int8: arrow.Int8Traits.CastFromBytes(m.body[16*n:]),
	}
	err = r.node.Verify(&m.batch, time.Now().Add(time.Minute))
	switch {
	case errors.Is(err, zhenni.ErrOverloaded):
		ctx.Error("overloaded", fasthttp.StatusServiceUnavailable)
	case err != nil: // the node may still read the memory: it is not used again
		ctx.Error("not verified", fasthttp.StatusInternalServerError)
		return
	default:
		ctx.Response.AppendBody(outcomeBytes(m.outcomes))
	}
	r.memory.Put(m)
}

// appendRowOutcomes reads an answer of a byte an item.
func appendRowOutcomes(dst []zhenni.Outcome, answer []byte, n int) ([]zhenni.Outcome, error) {
	if len(answer) != n {
		return dst, fmt.Errorf("%w: %d outcomes for %d items", bench.ErrAnswer, len(answer), n)
	}
	for _, b := range answer {
		dst = append(dst, zhenni.Outcome(b))
	}
	return dst, nil
}

// asIDs views bytes, 16 of them an id, as what they are.
func asIDs(b []byte) []zhenni.CredentialID {
	return unsafe.Slice((*zhenni.CredentialID)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/16)
}

func outcomeBytes(o []zhenni.Outcome) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(o))), len(o))
}
