package main

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"

	"zhenni"
	"zhenni/bench"
	"zhenni/gateway/httpsig"
)

// serverFlags name a running server and who asks. The API key itself is never a flag: command lines are seen by
// everybody on a machine.
type serverFlags struct {
	URL            string `name:"url" default:"http://127.0.0.1:8080" env:"ZHENNI_URL" help:"Server to ask (default ${default})."`
	APIKeyFile     string `name:"api-key-file" type:"path" env:"ZHENNI_API_KEY_FILE" placeholder:"FILE" help:"File with the API key that zhenni rp add printed. Default: the environment variable ZHENNI_API_KEY."`
	SigningKeyFile string `name:"signing-key-file" type:"path" env:"ZHENNI_SIGNING_KEY_FILE" placeholder:"FILE" help:"Private key, as zhenni rp keys new makes one, to sign every request with in the place of an API key: PKCS #8 in PEM, or a JSON Web Key."`
	ContentDigest  string `enum:"sha-256,blake3" default:"sha-256" placeholder:"NAME" help:"With --signing-key-file, what bodies are digested by: sha-256, or blake3, which is faster for bulk where there is AVX-512 (default ${default})."`
	CA             string `name:"ca" type:"path" env:"ZHENNI_CA" placeholder:"FILE" help:"Certificates in PEM to trust instead of the system's."`
}

// client connects to the server.
func (f serverFlags) client() (*bench.Client, error) {
	target := bench.Target{URL: f.URL}
	if err := f.prove(&target); err != nil {
		return nil, err
	}
	if f.CA != "" {
		pem, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, environment("--ca: %w", err)
		}
		target.TLS = &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: x509.NewCertPool()}
		if !target.TLS.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usage("--ca: %s holds no certificate in PEM", f.CA)
		}
	}
	client, err := bench.NewClient(target)
	if err != nil {
		return nil, usage("--url: %w", err)
	}
	return client, nil
}

// prove gives the client what proves who asks: a key that signs, or an API key.
func (f serverFlags) prove(target *bench.Target) (err error) {
	if f.SigningKeyFile == "" {
		target.Key, err = f.key()
		return err
	}
	document, err := readSmall(f.SigningKeyFile)
	if err != nil {
		return environment("--signing-key-file: %w", err)
	}
	if target.Signer, err = httpsig.ParseSigner(document); err != nil {
		return usage("--signing-key-file %s: %w", f.SigningKeyFile, err)
	}
	if f.ContentDigest == "blake3" {
		target.Signer = target.Signer.Digesting(httpsig.BLAKE3)
	}
	return nil
}

func (f serverFlags) key() (string, error) {
	text := os.Getenv("ZHENNI_API_KEY")
	if f.APIKeyFile != "" {
		content, err := os.ReadFile(f.APIKeyFile)
		if err != nil {
			return "", environment("--api-key-file: %w", err)
		}
		text = string(content)
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return "", usage("no API key: name its file with --api-key-file, or set ZHENNI_API_KEY; zhenni rp add makes one; or sign with --signing-key-file")
	}
	if _, err := zhenni.ParseAPIKey(text); err != nil {
		return "", usage("API key: %w", err)
	}
	return text, nil
}
