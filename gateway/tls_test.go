package gateway

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// certificate writes a self-signed certificate for localhost and its key.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost", "other"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(certFile, certPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600); err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return certFile, keyFile, pool
}

// FAULTS: P16
func TestTLS(t *testing.T) {
	certFile, keyFile, pool := certificate(t)
	f := start(t, func(c *Config) { c.TLSCert, c.TLSKey = certFile, keyFile })
	for name, c := range map[string]struct {
		config *tls.Config
		host   string
		status int // 0: no connection
	}{
		"TLS 1.3":              {&tls.Config{ServerName: "localhost"}, "localhost:443", 200},
		"host in another case": {&tls.Config{ServerName: "localhost"}, "LOCALHOST", 200},
		"http/1.1":             {&tls.Config{ServerName: "localhost", NextProtos: []string{"h2", "http/1.1"}}, "localhost", 200},
		"h2 only":              {&tls.Config{ServerName: "localhost", NextProtos: []string{"h2"}}, "localhost", 0},
		"TLS 1.2":              {&tls.Config{ServerName: "localhost", MaxVersion: tls.VersionTLS12}, "localhost", 0},
		"another host":         {&tls.Config{ServerName: "localhost"}, "other", 421},
		"no name, an address":  {&tls.Config{InsecureSkipVerify: true}, "127.0.0.1", 200},
		"no name, a name":      {&tls.Config{InsecureSkipVerify: true}, "localhost", 421},
	} {
		t.Run(name, func(t *testing.T) {
			c.config.RootCAs = pool
			status, err := tlsGet(f, c.config, c.host)
			if status != c.status {
				t.Errorf("status %d, want %d (%v)", status, c.status, err)
			}
		})
	}
	if answers, _ := f.exchange([]byte(verification()), 1); len(answers) != 0 {
		t.Errorf("plain HTTP on the TLS port is answered: %v", answers)
	}
	if f.node.asked() != 0 {
		t.Error("the node was asked")
	}
}

func tlsGet(f *fixture, config *tls.Config, host string) (int, error) {
	c := tls.Client(f.dial(), config)
	if _, err := c.Write([]byte("GET /livez HTTP/1.1\r\nHost: " + host + "\r\n\r\n")); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}
