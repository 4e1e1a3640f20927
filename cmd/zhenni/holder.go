package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"time"

	"zhenni"
	"zhenni/gateway/httpsig"
	sdk "zhenni/holder"
)

// holderCommand is holder: what a phone does.
type holderCommand struct {
	Keys     holderKeys     `cmd:"" help:"Make, show or renew the keys of a phone."`
	Capture  holderCapture  `cmd:"" help:"Make an embedding of a picture or a clip, with a model that you bring."`
	Rotate   holderRotate   `cmd:"" help:"Rotate an embedding by the phone's key, as it leaves the phone."`
	Issue    holderIssue    `cmd:"" help:"Ask a server, as an app, for a credential on this phone."`
	Accept   holderAccept   `cmd:"" help:"Answer the code of a terminal that issues a credential to this phone."`
	Evidence holderEvidence `cmd:"" help:"Sign that this phone is there, or that its capture is of a living person."`
	Seal     holderSeal     `cmd:"" help:"Seal the rotation key to the engine for one session."`
	App      holderApp      `cmd:"" help:"Serve the app's page on this machine: open links and answer with the camera."`
	Session  holderSession  `cmd:"" help:"Take part in a session: open it, read it, type its code, answer, ask back or decline."`
	History  holderHistory  `cmd:"" help:"Export who asked about the credential on this phone."`
	Arrive   holderArrive   `cmd:"" help:"Arrive at a hotel, by its printed code."`
	Person   holderPerson   `cmd:"" help:"Ask another person whether it is really them."`
}

// holderTimeout is how long a server may take for an answer.
const holderTimeout = 30 * time.Second

// phoneFlags name the file of a phone's keys.
type phoneFlags struct {
	Keys           string `required:"" type:"path" env:"ZHENNI_PHONE" placeholder:"FILE" help:"Keys of the phone, as zhenni holder keys makes them."`
	PassphraseFile string `type:"path" env:"ZHENNI_PHONE_PASSPHRASE_FILE" placeholder:"FILE" help:"File with the passphrase that seals the keys. Without it the file holds them itself."`
}

// open reads the keys.
func (f phoneFlags) open() (*sdk.Phone, error) {
	passphrase, err := readPassphrase("--passphrase-file", f.PassphraseFile)
	if err != nil {
		return nil, err
	}
	defer clear(passphrase)
	if err := forbidCoreDumps(); err != nil {
		return nil, environment("%w", err)
	}
	phone, err := sdk.OpenPhone(f.Keys, passphrase)
	if err != nil {
		return nil, environment("--keys: %w", err)
	}
	return phone, nil
}

// save writes the keys.
func (f phoneFlags) save(phone *sdk.Phone) error {
	passphrase, err := readPassphrase("--passphrase-file", f.PassphraseFile)
	if err != nil {
		return err
	}
	defer clear(passphrase)
	if err := phone.Save(f.Keys, passphrase); err != nil {
		return environment("--keys: %w", err)
	}
	return nil
}

// partyFlags name a server and the relying party that asks it.
type partyFlags struct {
	serverFlags
	Party string `placeholder:"ID" help:"The relying party that asks, where a key signs. An API key names it."`
}

// ask makes the client of the party.
func (f partyFlags) ask() (*sdk.Client, error) {
	transport, err := transportTrusting(f.CA)
	if err != nil {
		return nil, err
	}
	config := sdk.ClientConfig{URL: f.URL, Party: f.Party, Now: time.Now, Transport: transport}
	if f.SigningKeyFile != "" {
		document, err := readSmall(f.SigningKeyFile)
		if err != nil {
			return nil, environment("--signing-key-file: %w", err)
		}
		if config.Signer, err = httpsig.ParseSigner(document); err != nil {
			return nil, usage("--signing-key-file %s: %w", f.SigningKeyFile, err)
		}
	} else {
		text, err := f.key()
		if err != nil {
			return nil, err
		}
		if config.APIKey, err = zhenni.ParseAPIKey(text); err != nil {
			return nil, usage("API key: %w", err)
		}
	}
	client, err := sdk.NewClient(config)
	if err != nil {
		return nil, usage("--url, --party: %w", err)
	}
	return client, nil
}

// transportTrusting does requests, over TLS 1.3 where the address says so, and trusts the certificates of a file: "" is the system's.
func transportTrusting(ca string) (*http.Transport, error) {
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13}}
	if ca == "" {
		return transport, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, environment("--ca: %w", err)
	}
	transport.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
		return nil, usage("--ca: %s holds no certificate in PEM", ca)
	}
	return transport, nil
}

// answered gives what a server refused the exit code of what is not so.
func answered(err error) error {
	var refusal *sdk.Refusal
	switch {
	case errors.As(err, &refusal) && !refusal.Retryable:
		return notSo("%w", err)
	case errors.Is(err, zhenni.ErrBadValue):
		return usage("%w", err)
	}
	return environment("%w", err)
}

// readProbe reads an embedding, 4 bytes an element.
func readProbe(flag, path string) (sdk.Probe, error) {
	content, err := readSmall(path)
	if err != nil {
		return nil, environment("%s: %w", flag, err)
	}
	probe := sdk.Probe(content)
	if _, err := probe.Embedding(); err != nil {
		return nil, usage("%s %s: %w", flag, path, err)
	}
	return probe, nil
}

// writeProbe writes an embedding for its owner alone: it is as good as a photograph.
func writeProbe(path string, embedding []float32) error {
	probe, err := sdk.NewProbe(embedding)
	if err != nil {
		return notSo("%w", err)
	}
	if err := os.WriteFile(path, probe, 0o600); err != nil {
		return environment("--out: %w", err)
	}
	return nil
}
