package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"zhenni"
	"zhenni/bench/result"
)

// Beside is a bulk run taken in rounds, each of them beside the bare transport: the same clients sending the same
// requests to a server that reads every body to its end and sends back one recorded answer, looking at neither. The
// difference is what verifying costs.
type Beside struct {
	Result Result
	Tally  Tally
	// Limit is the items per second that the transport carried, the median of the rounds; Ratio is the median of
	// what was verified to what was carried in the same round.
	Limit, Ratio float64
}

// BulkBesideTransport runs rounds of [Driver.Bulk], duration in all, with half of that again at the bare transport.
func (d *Driver) BulkBesideTransport(ctx context.Context, duration time.Duration, rounds int) (b Beside, err error) {
	if rounds < 1 || duration <= 0 {
		return b, fmt.Errorf("%w: %d rounds in %v: want one or more in some time", zhenni.ErrBadValue, rounds, duration)
	}
	bare, sink, err := d.beside()
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, sink.Close()) }()
	defer bare.Close()
	b.Result = newResult()
	var limits, ratios []float64
	share := duration / time.Duration(rounds)
	for range rounds {
		served, tally, err := d.Bulk(ctx, share)
		if err != nil {
			return b, err
		}
		carried, _, err := bare.Bulk(ctx, share/2)
		if err != nil {
			return b, err
		}
		b.Result.add(&served)
		b.Result.Elapsed += served.Elapsed
		b.Tally.Add(tally)
		limits = append(limits, carried.ItemsPerSecond())
		ratios = append(ratios, served.ItemsPerSecond()/carried.ItemsPerSecond())
	}
	b.Limit, b.Ratio = result.Median(limits), result.Median(ratios)
	return b, nil
}

// beside starts a sink with a recorded answer and returns a driver that asks the same questions there.
func (d *Driver) beside() (*Driver, *Sink, error) {
	first := d.askers[0]
	answer, err := first.client.Post(pathBatch, mediaArrow, first.batches[0].body)
	if err != nil {
		return nil, nil, err
	}
	s, err := NewSink(slices.Clone(answer))
	if err != nil {
		return nil, nil, err
	}
	bare := &Driver{}
	for _, a := range d.askers {
		client, err := NewClient(Target{URL: s.URL})
		if err != nil {
			return nil, nil, errors.Join(err, s.Close())
		}
		same := *a
		same.client, same.outcomes = client, make([]zhenni.Outcome, 0, cap(a.outcomes))
		bare.askers = append(bare.askers, &same)
	}
	return bare, s, nil
}

// Sink is the bare transport, on a free port of the loopback: whatever it is sent it reads to the end, and answers with the same
// bytes.
type Sink struct {
	// URL is where it listens.
	URL    string
	server fasthttp.Server
	served chan error
	memory sync.Pool // of *[]byte
}

// NewSink serves the answer until Close.
func NewSink(answer []byte) (*Sink, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("bench: transport: %w", err)
	}
	s := &Sink{URL: "http://" + ln.Addr().String(), served: make(chan error, 1)}
	s.server = fasthttp.Server{
		MaxRequestBodySize: maxAnswerBytes, StreamRequestBody: true, NoDefaultServerHeader: true, CloseOnShutdown: true,
		Handler: func(ctx *fasthttp.RequestCtx) {
			if !s.read(ctx) {
				ctx.SetConnectionClose()
			}
			ctx.Response.SetBodyRaw(answer)
		},
	}
	go func() { s.served <- s.server.Serve(ln) }()
	return s, nil
}

// read takes the body of a request in as few system calls as can be, into memory that is used again.
func (s *Sink) read(ctx *fasthttp.RequestCtx) bool {
	memory, _ := s.memory.Get().(*[]byte)
	if memory == nil {
		memory = new([]byte)
	}
	defer s.memory.Put(memory)
	size := ctx.Request.Header.ContentLength()
	*memory = slices.Grow((*memory)[:0], max(size, 0))
	_, err := io.ReadFull(ctx.RequestBodyStream(), (*memory)[:max(size, 0)])
	return err == nil
}

// Close stops the sink; its clients' connections are closed or idle.
func (s *Sink) Close() error { return errors.Join(s.server.Shutdown(), <-s.served) }
