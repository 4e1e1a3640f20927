package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenni"
)

// The number of shards changes under a running server, which goes on matching.
func TestShardsChangeWhileServing(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store")
	server := startProcess(t, store, "--create-key", "--shards", "1")
	key := strings.TrimSpace(mustRun(t, "rp", "add", "trial", "--store", store, "--tenant", "1", "--role", "issuer,verifier", "--evaluation"))
	client := newTestClient(t, server.url, key)
	ids := enrolPeople(t, client, 20)
	for _, want := range []string{"1", "5", "2"} {
		if want != "1" {
			mustRun(t, "shards", "set", want, "--store", store)
		}
		var stats struct {
			Shards []zhenni.ShardStats `json:"shards"`
		}
		if err := json.Unmarshal([]byte(mustRun(t, "shards", "get", "--store", store, "--json")), &stats); err != nil {
			t.Fatal(err)
		}
		slots := 0
		for _, shard := range stats.Shards {
			slots += shard.Slots
		}
		if got := string(rune('0' + len(stats.Shards))); got != want || slots != zhenni.Slots {
			t.Errorf("%s shards own %d slots, want %s own all", got, slots, want)
		}
		askAll(t, client, ids, nil)
	}
	if code, _, notes := runCommand(t, "shards", "set", "0", "--store", store); code != exitUsage {
		t.Errorf("no shards: exit code %d, %s", code, notes)
	}
	if code, _, _ := runCommand(t, "shards", "get", "--store", t.TempDir()); code != exitEnvironment {
		t.Errorf("no server: exit code %d, want %d", code, exitEnvironment)
	}
}

// A relying party that is removed from a running server is refused from its next request on.
func TestRelyingPartiesOfARunningServer(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store")
	server := startProcess(t, store, "--create-key")
	key := strings.TrimSpace(mustRun(t, "rp", "add", "desk", "--store", store, "--tenant", "4", "--role", "issuer"))
	client := newTestClient(t, server.url, key)
	enrolPeople(t, client, 1)
	if list := mustRun(t, "rp", "list", "--store", store); !strings.Contains(list, "desk") || strings.Contains(list, key) {
		t.Error(list)
	}
	mustRun(t, "rp", "remove", "desk", "--store", store)
	if _, _, err := client.Model(); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("after removal: %v, want 401", err)
	}
	if code, _, notes := runCommand(t, "rp", "remove", "desk", "--store", store); code != exitNotSo {
		t.Errorf("removed twice: exit code %d, %s", code, notes)
	}
	if code, _, notes := runCommand(t, "check", "--store", store); code != exitEnvironment || !strings.Contains(notes, "in use") {
		t.Errorf("check of a store in use: exit code %d, %s", code, notes)
	}
}

// TLS by flag, a key file sealed by a passphrase, and a client that trusts a certificate of its own.
func TestServeWithTLSAndPassphrase(t *testing.T) {
	b := bulk{dir: t.TempDir(), mapping: ""}
	writeCertificate(t, b.path("cert.pem"), b.path("tls.key"))
	if err := os.WriteFile(b.path("passphrase"), []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	store, secret := b.path("store"), []string{"--passphrase-file", b.path("passphrase")}
	server := startProcess(t, store, append(secret, "--create-key", "--tls-cert", b.path("cert.pem"), "--tls-key", b.path("tls.key"))...)
	if !strings.HasPrefix(server.url, "https://") {
		t.Fatal(server.url)
	}
	key := mustRun(t, "rp", "add", "desk", "--store", store, "--tenant", "1", "--role", "issuer,verifier")
	t.Setenv("ZHENNI_API_KEY", key)
	writeSet(t, b.path("enrol"), 3, enrolment, subjectName)
	mustRun(t, "enrol", b.path("enrol"), "--map", b.path("map.csv"), "--url", server.url, "--ca", b.path("cert.pem"))
	if code, _, notes := runCommand(t, "enrol", b.path("enrol"), "--map", b.path("none.csv"), "--url", server.url); code != exitEnvironment {
		t.Errorf("an unknown certificate: exit code %d, %s", code, notes)
	}
	if err := server.terminate(t); err != nil {
		t.Fatal(err)
	}
	mustRun(t, append([]string{"check", "--store", store}, secret...)...)
	if err := os.WriteFile(b.path("passphrase"), []byte("wrong horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, notes := runCommand(t, append([]string{"check", "--store", store}, secret...)...); code != exitEnvironment || strings.Contains(notes, "horse") {
		t.Errorf("a wrong passphrase: exit code %d, %s", code, notes)
	}
}

// writeCertificate writes a self-signed certificate for 127.0.0.1.
func writeCertificate(t *testing.T, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		var text bytes.Buffer
		if err := pem.Encode(&text, block); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
