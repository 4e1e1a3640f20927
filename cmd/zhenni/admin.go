package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/storage"
)

// servedNode is a node that tells of the store behind it too.
type servedNode struct {
	*actors.Node
	store *recordedStore
}

// Stats adds whether the store takes changes, and its cold tier.
func (n servedNode) Stats() zhenni.Stats {
	stats := n.Node.Stats()
	if cold, ok := n.store.ColdStats(); ok {
		tier := zhenni.ColdStats(cold)
		stats.Cold = &tier
	}
	if err := n.store.Accepting(); err != nil {
		stats.Store.Refusing = err.Error()
	} else {
		stats.Store.Changes = true
	}
	return stats
}

// operator is a node and its store as the admin routes see them.
type operator struct{ servedNode }

// RelyingParties implements gateway.Operator.
func (o operator) RelyingParties() ([]zhenni.RelyingParty, error) {
	return o.Node.RelyingParties(), nil
}

// Backup implements gateway.Keeper.
func (o operator) Backup(ctx context.Context, folder, keysCopy string) (zhenni.Backup, error) {
	return o.store.Backup(ctx, storage.BackupOptions{Dir: folder, KeysCopy: keysCopy, At: time.Now().UTC()})
}

// adminClient asks a running server over its operator's socket.
type adminClient struct {
	http   http.Client
	socket string
}

const adminTimeout = time.Minute

func newAdminClient(socket string) *adminClient {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", socket)
	}
	return &adminClient{http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: adminTimeout}, socket}
}

// answers reports whether a server listens, so that it is asked rather than its store opened.
func (a *adminClient) answers() bool {
	conn, err := net.DialTimeout("unix", a.socket, time.Second)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// do sends body, where there is one, as JSON and reads the answer into answer.
func (a *adminClient) do(ctx context.Context, method, path string, body, answer any) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://admin"+path, content)
	if err != nil {
		return err
	}
	response, err := a.http.Do(request)
	if os.IsTimeout(err) {
		return environment("--admin-socket %s: no answer within %v", a.socket, a.http.Timeout)
	}
	if err != nil {
		return environment("no server answers on %s: start zhenni serve, or name its socket with --admin-socket: %w", a.socket, errors.Unwrap(err))
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return environment("--admin-socket %s: %w", a.socket, err)
	}
	if response.StatusCode/100 != 2 {
		return adminRefusal(response.StatusCode, text)
	}
	return json.Unmarshal(text, answer)
}

func adminRefusal(status int, text []byte) error {
	var problem struct{ Detail, Code string }
	if err := json.Unmarshal(text, &problem); err != nil || problem.Detail == "" {
		return environment("the server answered with status %d", status)
	}
	switch status {
	case http.StatusBadRequest:
		return usage("%s", problem.Detail)
	case http.StatusNotFound, http.StatusConflict:
		return notSo("%s", problem.Detail)
	}
	return environment("%s", problem.Detail)
}
