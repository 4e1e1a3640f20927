package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/alecthomas/kong"

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

// adminFlags name the operator's socket of a running server.
type adminFlags struct {
	AdminSocket string `type:"path" env:"ZHENNI_ADMIN_SOCKET" placeholder:"FILE" help:"Operator's socket of a running server. Default: admin.sock in the store's folder. The environment's is that of the environment's store: with another --store it is not asked."`
}

// AfterApply has --store stand above the environment: a server that it names serves another store.
func (f *adminFlags) AfterApply(parse *kong.Context) error {
	if f.otherStore(parse) && !typedFlags(parse)["admin-socket"] {
		f.AdminSocket = ""
	}
	return nil
}

// otherStore reports whether --store names another store than would be meant without it.
func (adminFlags) otherStore(parse *kong.Context) bool {
	for _, flag := range parse.Flags() {
		if flag.Name == "store" {
			named, _ := parse.FlagValue(flag).(string)
			return filepath.Clean(named) != filepath.Clean(kong.ExpandPath(cmp.Or(os.Getenv("ZHENNI_STORE"), flag.Default)))
		}
	}
	return false
}

// typedFlags are the names of the flags on the command line.
func typedFlags(parse *kong.Context) map[string]bool {
	typed := map[string]bool{}
	for _, element := range parse.Path {
		if element.Flag != nil && !element.Resolved {
			typed[element.Flag.Name] = true
		}
	}
	return typed
}

// client asks the server of a store.
func (f adminFlags) client(store string) *adminClient {
	return newAdminClient(cmp.Or(f.AdminSocket, adminSocket(store)))
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
