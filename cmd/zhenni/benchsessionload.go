package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"zhenni"
	"zhenni/engine/accuracy"
	sdk "zhenni/holder"
	"zhenni/identity"
)

// sessionLoad is the parties of many sessions: one that asks in all of them, and phones of one credential.
type sessionLoad struct {
	server   *sessionServer
	asker    *sdk.Client
	seats    *sdk.Seats
	phones   chan *sdk.Phone // each for one goroutine at a time
	followed int
	links    []sdk.Invitation

	streams sync.WaitGroup
	opened  []net.Conn
	// told[i] receives the time at which a party of session i has read its event.
	told []chan time.Time
}

// sessionWorkers is how many requests are under way at most.
const sessionWorkers = 64

// newSessionLoad issues the credential of the phones.
func newSessionLoad(server *sessionServer, followed int) (*sessionLoad, error) {
	l := &sessionLoad{server: server, phones: make(chan *sdk.Phone, sessionWorkers), followed: followed}
	transport := &http.Transport{MaxIdleConnsPerHost: sessionWorkers, MaxConnsPerHost: sessionWorkers}
	var err error
	if l.seats, err = sdk.NewSeats(server.url, transport); err != nil {
		return nil, err
	}
	client := func(text string) (*sdk.Client, error) {
		key, err := zhenni.ParseAPIKey(text)
		if err != nil {
			return nil, err
		}
		return sdk.NewClient(sdk.ClientConfig{URL: server.url, APIKey: key, Transport: transport, Now: time.Now})
	}
	if l.asker, err = client(server.verifier); err != nil {
		return nil, err
	}
	app, err := client(server.issuer)
	if err != nil {
		return nil, err
	}
	return l, l.issue(app)
}

// issue asks for the credential, and gives it to so many phones with one key.
func (l *sessionLoad) issue(app *sdk.Client) error {
	phone, err := sdk.NewPhone(zhenni.KeyEd25519)
	if err != nil {
		return err
	}
	people := accuracy.Population{Seed: 1, Dim: 512}
	embedding := make([]float32, people.Dim)
	people.Reference(1, embedding)
	reference, err := sdk.NewProbe(embedding)
	if err != nil {
		return err
	}
	engine, err := identity.ParsePublicKey([]byte(l.server.engine))
	if err != nil {
		return err
	}
	issued, err := app.Issue(context.Background(), "bench", sdk.Issue{
		Engine: engine, Name: "某人", Number: "11010519491231002X", Region: "330100", Device: phone.Public(), Reference: reference,
	})
	if err != nil {
		return fmt.Errorf("issue: %w", err)
	}
	phone.Credential = issued.ID
	file := l.server.in("phone.keys")
	if err := phone.Save(file, nil); err != nil {
		return err
	}
	for range cap(l.phones) {
		if phone, err = sdk.OpenPhone(file, nil); err != nil {
			return err
		}
		l.phones <- phone
	}
	return nil
}

// begin begins so many sessions.
func (l *sessionLoad) begin(ctx context.Context, live int) error {
	phone := <-l.phones
	asked := sdk.Asking{Kind: benchKind, Service: "bench", Purpose: "measure", Credentials: []zhenni.CredentialID{phone.Credential}, Longest: 6 * time.Hour}
	l.phones <- phone
	l.links = make([]sdk.Invitation, live)
	return together(ctx, live, func(ctx context.Context, i int) error {
		begun, err := l.asker.Begin(ctx, fmt.Sprintf("bench-%d", i), asked)
		if err != nil {
			return fmt.Errorf("session %d: %w", i, err)
		}
		l.links[i], err = sdk.ParseInvitation(begun.Links[0])
		return err
	})
}

// together does n things, so many at a time as there are workers, up to the first that fails.
func together(ctx context.Context, n int, do func(context.Context, int) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(n, sessionWorkers) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := do(ctx, i); err != nil {
					stop(err)
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// follow opens the streams of both parties, and returns once each has shown its session.
func (l *sessionLoad) follow(ctx context.Context) error {
	l.told = make([]chan time.Time, l.followed)
	l.opened = make([]net.Conn, 2*l.followed)
	return together(ctx, l.followed, func(ctx context.Context, i int) error {
		l.told[i] = make(chan time.Time, 2)
		path := "/v1/sessions/" + l.links[i].Session.String()
		return errors.Join(
			l.stream(ctx, 2*i, path+"/events", "Authorization: Bearer "+l.server.verifier),
			l.stream(ctx, 2*i+1, path+"/seats/0/events", "Session-Token: "+l.links[i].Shown))
	})
}

// stream opens one, reads its first event, and leaves a goroutine that waits for the second.
func (l *sessionLoad) stream(ctx context.Context, at int, path, proof string) error {
	address := strings.TrimPrefix(l.server.url, "http://")
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	l.opened[at] = conn
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n", path, address, proof); err != nil {
		return err
	}
	lines := bufio.NewReaderSize(conn, 1<<10)
	if err := readEvent(lines); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	l.streams.Go(func() {
		// A link is told that the seat is taken by the end of its stream.
		if err := readEvent(lines); err == nil || errors.Is(err, errStreamEnded) {
			l.told[at/2] <- time.Now()
		}
	})
	return nil
}

// errStreamEnded: the last chunk came.
var errStreamEnded = errors.New("the stream has ended")

// readEvent reads up to the data of an event. The chunks that it comes in do not matter, but for the last one.
func readEvent(lines *bufio.Reader) error {
	for fresh := true; ; {
		line, err := lines.ReadSlice('\n')
		if fresh && strings.HasPrefix(string(line), "data: ") {
			return nil
		}
		if fresh && string(line) == "0\r\n" {
			return errStreamEnded
		}
		fresh = err == nil
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// press has phones take the seats of n sessions from one on, each when it is due, evenly in so long, and returns how long each took
// up to when both parties had read it.
func (l *sessionLoad) press(ctx context.Context, from, n int, about time.Duration) ([]time.Duration, error) {
	times, failed := make([]time.Duration, n), make([]error, n)
	var events sync.WaitGroup
	start := time.Now()
	for i := range n {
		due := start.Add(about * time.Duration(i) / time.Duration(n))
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			events.Wait()
			return nil, context.Cause(ctx)
		}
		events.Go(func() { times[i], failed[i] = l.event(ctx, from+i, due) })
	}
	events.Wait()
	return times, errors.Join(failed...)
}

// eventPatience is how long an event may take before the measurement is given up.
const eventPatience = 30 * time.Second

// event takes the seat of a session.
func (l *sessionLoad) event(ctx context.Context, i int, due time.Time) (time.Duration, error) {
	phone := <-l.phones
	_, err := l.seats.Open(ctx, sdk.NewSeat(l.links[i]), phone, "asker", time.Now())
	l.phones <- phone
	if err != nil {
		return 0, fmt.Errorf("session %d: %w", i, err)
	}
	over := time.NewTimer(eventPatience)
	defer over.Stop()
	last := due
	for range 2 {
		select {
		case at := <-l.told[i]:
			if at.After(last) {
				last = at
			}
		case <-over.C:
			return 0, fmt.Errorf("%w: session %d: a party was not told within %v", zhenni.ErrDeadline, i, eventPatience)
		}
	}
	return last.Sub(due), nil
}

// close ends the streams.
func (l *sessionLoad) close() {
	for _, conn := range l.opened {
		if conn != nil {
			_ = conn.Close()
		}
	}
	l.streams.Wait()
}
