package gateway

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
)

// An authority issues client certificates.
type authority struct {
	t           *testing.T
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: testClock.Add(-24 * time.Hour), NotAfter: testClock.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{t, certificate, key}
}

// file writes the authority's certificate in PEM.
func (a *authority) file() string {
	a.t.Helper()
	path := filepath.Join(a.t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// issue makes a certificate and its key, and returns its SHA-256 beside.
func (a *authority) issue(from, to time.Time, usage x509.ExtKeyUsage) (*tls.Certificate, [32]byte) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "client"}, NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, sha256.Sum256(der)
}

// tlsFixture is a server that asks for client certificates of an authority. Its clock is the test's.
type tlsFixture struct {
	*signedFixture
	config *tls.Config
	now    atomic.Int64
}

func startTLS(t *testing.T, ca string) *tlsFixture {
	t.Helper()
	certFile, keyFile, pool := certificate(t)
	f := &tlsFixture{config: &tls.Config{ServerName: "localhost", RootCAs: pool, ClientSessionCache: tls.NewLRUClientSessionCache(4)}}
	f.now.Store(testClock.Unix())
	f.signedFixture = startSigning(t, func(c *Config) {
		c.TLSCert, c.TLSKey, c.ClientCA = certFile, keyFile, ca
		c.Now = func() time.Time { return time.Unix(f.now.Load(), 0) }
	})
	return f
}

// connect opens a connection with a client certificate, or with none.
func (f *tlsFixture) connect(shown *tls.Certificate) *tls.Conn {
	f.t.Helper()
	config := f.config.Clone()
	if shown != nil { // whatever authorities the server names
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return shown, nil }
	}
	return tls.Client(f.dial(), config)
}

// profiles asks for the profiles, and returns the status or why there is none.
func profiles(c *tls.Conn, fields ...string) (status int, err error) {
	raw := "GET /v1/profiles HTTP/1.1\r\nHost: localhost\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
	if _, err := c.Write([]byte(raw)); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// FAULTS: A13
func TestClientCertificates(t *testing.T) {
	ca, other := newAuthority(t, "ours"), newAuthority(t, "theirs")
	f := startTLS(t, ca.file())
	f.config.ClientSessionCache = nil // a resumed session has the certificate it began with
	day := 23 * time.Hour
	from, to := testClock.Add(-day), testClock.Add(day)
	good, goodHash := ca.issue(from, to, x509.ExtKeyUsageClientAuth)
	unknown, _ := ca.issue(from, to, x509.ExtKeyUsageClientAuth)
	ended, endedHash := ca.issue(from, to, x509.ExtKeyUsageClientAuth)
	expired, expiredHash := ca.issue(from, testClock.Add(-time.Second), x509.ExtKeyUsageClientAuth)
	early, earlyHash := ca.issue(testClock.Add(time.Hour), to, x509.ExtKeyUsageClientAuth)
	server, serverHash := ca.issue(from, to, x509.ExtKeyUsageServerAuth)
	foreign, foreignHash := other.issue(from, to, x509.ExtKeyUsageClientAuth)
	f.put(zhenni.RelyingParty{ID: "bank", Tenant: 5, Roles: zhenni.RoleVerifier, Certificates: []zhenni.PartyCertificate{
		{Hash: goodHash}, {Hash: expiredHash}, {Hash: earlyHash}, {Hash: serverHash}, {Hash: foreignHash},
		{Hash: endedHash, NotAfter: testClock.Add(-time.Second)},
	}})
	hotel := signMessage(t, f.hotel, f.stamp(), signedRequest{method: "GET", path: "/v1/profiles", host: "localhost"}).fields
	for name, tt := range map[string]struct {
		shown  *tls.Certificate
		fields []string
		status int // 0: the handshake fails
	}{
		"good":                          {shown: good, status: 200},
		"none":                          {status: 401},
		"nobody's":                      {shown: unknown, status: 401},
		"ended at the party":            {shown: ended, status: 401},
		"expired":                       {shown: expired},
		"not yet valid":                 {shown: early},
		"for servers":                   {shown: server},
		"of another authority":          {shown: foreign},
		"beside another's signature":    {shown: good, fields: hotel, status: 401},
		"beside another's API key":      {shown: good, fields: []string{"Authorization: Bearer " + keyOf("verifier").String()}, status: 401},
		"nobody's beside a good key":    {shown: unknown, fields: []string{"Authorization: Bearer " + keyOf("verifier").String()}, status: 200},
		"none beside a good key":        {fields: []string{"Authorization: Bearer " + keyOf("verifier").String()}, status: 200},
		"none beside a good signature":  {fields: signMessage(t, f.hotelP256, f.stamp(), signedRequest{method: "GET", path: "/v1/profiles", host: "localhost"}).fields, status: 200},
		"none beside a plain signature": {fields: []string{"Signature: sig=:AAAA:"}, status: 401},
	} {
		c := f.connect(tt.shown)
		status, err := profiles(c, tt.fields...)
		if status != tt.status || (err != nil) != (tt.status == 0) {
			t.Errorf("%s: %d, %v, want %d", name, status, err, tt.status)
		}
		_ = c.Close()
	}
}

// A certificate that is taken from its party, or whose time ends, is good for no request more: neither on the connection
// that is open nor on one that resumes its session.
//
// FAULTS: A13 A14
func TestCertificateIsLookedUpWithEveryRequest(t *testing.T) {
	ca := newAuthority(t, "ours")
	f := startTLS(t, ca.file())
	shown, hash := ca.issue(testClock.Add(-time.Hour), testClock.Add(time.Hour), x509.ExtKeyUsageClientAuth)
	bank := zhenni.RelyingParty{ID: "bank", Tenant: 5, Roles: zhenni.RoleVerifier, Certificates: []zhenni.PartyCertificate{{Hash: hash}}}
	f.put(bank)
	expect := func(c *tls.Conn, want int) {
		t.Helper()
		if status, err := profiles(c); status != want {
			t.Fatalf("status %d, want %d: %v", status, want, err)
		}
	}
	c := f.connect(shown)
	expect(c, 200)
	bank.Certificates = nil
	f.put(bank)
	expect(c, 401)
	resumed := f.connect(shown)
	expect(resumed, 401)
	if !resumed.ConnectionState().DidResume {
		t.Error("the session was not resumed")
	}
	bank.Certificates = []zhenni.PartyCertificate{{Hash: hash}}
	f.put(bank)
	expect(c, 200)
	f.now.Add(3601)
	expect(c, 401)
	f.now.Add(-7202)
	expect(c, 401)
}

// A request that is signed for another server is not taken by this one, whatever the handshake names.
//
// FAULTS: A12
func TestSignedForAnotherServer(t *testing.T) {
	f := startTLS(t, newAuthority(t, "ours").file())
	for host, want := range map[string]int{"localhost": 200, "other:443": 200, "elsewhere": 401, "localhost.elsewhere": 401} {
		signed := signMessage(t, f.hotel, f.stamp(), signedRequest{method: "GET", path: "/v1/profiles", host: hostname(host)})
		c := tls.Client(f.dial(), &tls.Config{ServerName: hostname(host), InsecureSkipVerify: true})
		raw := signed.withHost(host).raw()
		if _, err := c.Write([]byte(raw)); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != want {
			t.Errorf("%s: %d, want %d", host, response.StatusCode, want)
		}
		_ = response.Body.Close()
	}
}

func TestClientCertificatesWantTLS(t *testing.T) {
	certFile, keyFile, _ := certificate(t)
	for name, change := range map[string]func(*Config){
		"no TLS":  func(c *Config) { c.ClientCA = certFile },
		"no file": func(c *Config) { c.TLSCert, c.TLSKey, c.ClientCA = certFile, keyFile, keyFile+".none" },
		"no PEM":  func(c *Config) { c.TLSCert, c.TLSKey, c.ClientCA = certFile, keyFile, keyFile },
	} {
		config := testConfig(t)
		change(&config)
		if _, err := New(config, newFakeNode()); err == nil {
			t.Errorf("%s: made", name)
		}
	}
}
