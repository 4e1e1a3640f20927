package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"zhenni"
)

// remoteLog is the audit log of a server, over HTTP.
type remoteLog struct {
	base string
	http http.Client
}

const (
	remoteTimeout = 30 * time.Second
	// maxRemote bounds what is read of an answer: more than any tile or bundle has.
	maxRemote = 64 << 10
)

func newRemoteLog(address, ca string) (*remoteLog, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usage("--url: %q is not the address of a server", address)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13}, MaxIdleConns: 1}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, environment("--ca: %w", err)
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usage("--ca: %s holds no certificate in PEM", ca)
		}
	}
	return &remoteLog{strings.TrimSuffix(address, "/"), http.Client{Transport: transport, Timeout: remoteTimeout}}, nil
}

// Checkpoint implements audit.Source.
func (l *remoteLog) Checkpoint(ctx context.Context) ([]byte, error) {
	return l.do(ctx, http.MethodGet, "/log/checkpoint", nil)
}

// Tile implements audit.Source.
func (l *remoteLog) Tile(ctx context.Context, path string) ([]byte, error) {
	return l.do(ctx, http.MethodGet, "/log/"+path, nil)
}

// witnessed brings a cosigned checkpoint back. A log that names no witness, or another, keeps none, which is said.
func (l *remoteLog) witnessed(ctx context.Context, cosigned []byte) error {
	_, err := l.do(ctx, http.MethodPost, "/log/witness", cosigned)
	if err != nil {
		return environment("the log does not keep the cosignature; its server wants --witness-key: %w", err)
	}
	return nil
}

func (l *remoteLog) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, l.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	response, err := l.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", zhenni.ErrUnavailable, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxRemote+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", zhenni.ErrUnavailable, path, err)
	case response.StatusCode != http.StatusOK || len(text) > maxRemote:
		return nil, fmt.Errorf("%w: %s: status %d", zhenni.ErrUnavailable, path, response.StatusCode)
	}
	return text, nil
}
