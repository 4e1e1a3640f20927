package gateway

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"zhenni"
	"zhenni/gateway/pages"
)

// maxHeadBytes and maxFields bound the head of a request, request line included.
const (
	maxHeadBytes = 4 << 10
	maxFields    = 64
)

// Config is everything a [Server] can be told. A zero field takes the default named beside it.
type Config struct {
	// Addr is where [Server.ListenAndServe] listens: 127.0.0.1:8443 with TLS, 127.0.0.1:8080 without.
	Addr string
	// TLSCert and TLSKey are PEM files. With both, TLS 1.3 and nothing else is spoken; with neither, plain HTTP.
	TLSCert, TLSKey string
	// ClientCA is a PEM file of the authorities of client certificates, which TLS then asks for and a party may be known by.
	ClientCA string
	// Profile is the frozen threshold that is served; its id and its shortcomings are in every answer. Required.
	Profile zhenni.Profile
	// Beside are the thresholds of further models, each of which a request may name: 0–7, of other models than Profile.
	Beside []zhenni.Profile
	// Ledger records every verification before it is answered, and answers a transaction that is sent again. Without one
	// nothing is recorded.
	Ledger Ledger
	// Audit is the log of verifications and changes. Without one its routes answer that nothing is there.
	Audit AuditLog
	// Directory finds relying parties by keys and certificates, and Nonces remembers what they signed. Without both, signed
	// requests are refused like any that prove nothing; without Directory, certificates too.
	Directory Directory
	Nonces    Nonces
	// Registry changes relying parties, for operators and for themselves. Without it those routes answer that nothing is there.
	Registry *Registry
	// StatusLists are what anybody may know of which credentials stand. Without them there is none to fetch.
	StatusLists StatusLists
	// Receipts signs results. Without it nothing is signed.
	Receipts Receipts
	// Identities and Subjects are what a credential is issued to a subject by. Without them POST /v1/credentials answers that
	// nothing is there.
	Identities Identities
	Subjects   Subjects
	// SealingKeys are the public keys that identities and PINs are sealed to, as a JWK Set whose member current names the one to
	// use. They are not written to. Without them there are none to fetch.
	SealingKeys []byte
	// References says of an issuing tenant in which other one its issuer holds a reference of each subject: an ordinary
	// credential, that the face is held against where the app asks for one of the issuing tenant. Nothing else asks about them.
	References map[zhenni.TenantID]zhenni.TenantID
	// IssueService is the service of the Catalogue that captures proved against references are held to: what liveness there has to be
	// evidence of, and how old. Empty asks for none.
	IssueService string
	// TerminalIssueService is the service of the Catalogue that all that terminals issue is held to, and every template of a further
	// model that they bring: which of card, document, device and liveness there has to be evidence of. Empty asks for none: the terminal is
	// believed. A PIN that they set wants card or document.
	TerminalIssueService string
	// Migrations says which credentials lack templates of a model. Without it its routes answer that nothing is there.
	Migrations Migrations
	// PINs opens, keeps and compares the PINs of credentials. Without it none is set, and none is taken as evidence.
	PINs PINs
	// PINCounts counts them by pepper, for [Server.WatchPINs]; without it they are not counted.
	PINCounts PINCounter
	// UnprobedTime is the step of time in which a verification without a probe is answered (250 ms): its work differs with
	// what there is to compare with, and takes less than a step.
	UnprobedTime time.Duration
	// Sessions hosts the conversations between who asks and those who are asked. Without it its routes answer that nothing is
	// there.
	Sessions Sessions
	// Webhooks tells parties of their sessions. Without it they have no webhook.
	Webhooks Webhooks
	// Persons says on whose behalf persons ask each other, in Sessions.
	Persons Persons
	// HolderApp is the address of the app that the pages hand over to, as [pages.IsApp] takes it: [pages.App].
	HolderApp string
	// Arrivals are the guests who wait in Sessions, and RotationKeys opens the keys that their phones bring. Without the first nobody
	// arrives, and without the second nobody with a key.
	Arrivals     Arrivals
	RotationKeys RotationKeys
	// CIBA offers sessions to clients of OpenID Connect. Without it its routes answer that nothing is there.
	CIBA *CIBA
	// History notes who asked about a credential, once that is recorded in the Ledger. Without one its routes answer that
	// nothing is there.
	History History
	// Sandbox is what makes the server a rehearsal: every answer says so in the field Sandbox. Without it nothing of it can be reached.
	Sandbox Sandbox
	// Unrecorded says in every answer, in the field Unrecorded, that nothing is recorded. It goes without a Ledger.
	Unrecorded bool
	// Limits say when a relying party is stopped; a zero field takes its default.
	Limits zhenni.PartyRules
	// Meters keep what relying parties have used. Without them a restart forgets it.
	Meters Meters
	// Stopped returns the relying parties whose records say that they are stopped, for who looks at the limits: nobody.
	Stopped func() []string
	// Version is the build's version, shown in the metrics.
	Version string
	// Now is the clock of what is recorded and shown: time.Now. Deadlines always use the monotonic clock.
	Now func() time.Time
	// Entropy is where ids are drawn from: crypto/rand.
	Entropy io.Reader
	// Logger receives what went wrong inside, never a body, a key, an id or a score: slog.Default().
	Logger *slog.Logger

	// MaxConns bounds the connections served at once (1,024), and with them the requests in hand;
	// MaxConnsPerIP those of one address (256).
	MaxConns, MaxConnsPerIP int
	// MaxBodyBytes bounds a single request's body (4 MiB), MaxBatchBytes a batch's (64 MiB).
	MaxBodyBytes, MaxBatchBytes int
	// MaxHeldBytes bounds the memory held for the bodies of all requests at once (1 GiB), lines counting three times
	// for what is decoded from them and 512 bytes each for their answers; beyond it requests are refused as overload.
	MaxHeldBytes int64

	// HeaderTimeout is the time a request's head may take (5 s). BodyTimeout is the time a body or an answer may take
	// (5 s) on top of its size at MinRate bytes a second (1 MiB/s).
	HeaderTimeout, BodyTimeout time.Duration
	MinRate                    int
	// IdleTimeout is how long a connection may stay silent between requests (60 s).
	IdleTimeout time.Duration
	// LingerTimeout is how long a refused connection is drained so that its client can read the answer (500 ms).
	LingerTimeout time.Duration
	// VerifyTimeout is the time the node has for a single verification (2 s), BatchTimeout for a batch or a change (20 s).
	VerifyTimeout, BatchTimeout time.Duration
	// BulkFirst has requests in bulk take what they can get. Without it they leave processors idle where single verifications would
	// otherwise take much longer than alone.
	BulkFirst bool
	// RetryAfter is what an overloaded client is told to wait (1 s).
	RetryAfter time.Duration

	// Catalogue has the services that relying parties may be granted. Without one there are none.
	Catalogue *zhenni.Catalogue
	// Devices knows the keys of the credentials' devices. Without it no credential has a device.
	Devices Devices
}

// WithDefaults returns c with every zero field set to its default.
func (c Config) WithDefaults() Config {
	if c.Addr == "" {
		c.Addr = "127.0.0.1:8080"
		if c.TLSCert != "" {
			c.Addr = "127.0.0.1:8443"
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Entropy == nil {
		c.Entropy = rand.Reader
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Meters == nil {
		c.Meters = noMeters{}
	}
	setDefault(&c.Persons.Service, "person.check")
	setDefault(&c.Persons.Purpose, "check")
	setDefault(&c.HolderApp, pages.App)
	setDefault(&c.Version, "devel")
	setDefault(&c.MaxConns, 1024)
	setDefault(&c.MaxConnsPerIP, 256)
	setDefault(&c.MaxBodyBytes, 4<<20)
	setDefault(&c.MaxBatchBytes, 64<<20)
	setDefault(&c.MaxHeldBytes, 1<<30)
	setDefault(&c.HeaderTimeout, 5*time.Second)
	setDefault(&c.BodyTimeout, 5*time.Second)
	setDefault(&c.MinRate, 1<<20)
	setDefault(&c.IdleTimeout, time.Minute)
	setDefault(&c.LingerTimeout, 500*time.Millisecond)
	setDefault(&c.UnprobedTime, 250*time.Millisecond)
	setDefault(&c.VerifyTimeout, 2*time.Second)
	setDefault(&c.BatchTimeout, 20*time.Second)
	setDefault(&c.RetryAfter, time.Second)
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate reports the first field that is out of range: [zhenni.ErrBadValue], or [zhenni.ErrBadProfile].
func (c Config) Validate() error {
	if err := c.checkProfiles(); err != nil {
		return err
	}
	if err := c.Limits.Validate(); err != nil {
		return err
	}
	if err := errors.Join(c.checkReferences(), c.checkIssueServices(), c.checkCIBA()); err != nil {
		return err
	}
	if c.Persons.Party != "" && (c.Sessions == nil || c.Persons.Circle == nil) {
		return fmt.Errorf("%w: persons ask each other in sessions, with a memory of who does not want to be asked", zhenni.ErrBadValue)
	}
	if !pages.IsApp(c.HolderApp) {
		return fmt.Errorf("%w: the holder's app is an address such as %s or https://app.example/open#, without a query", zhenni.ErrBadValue, pages.App)
	}
	if c.Unrecorded && c.Ledger != nil {
		return fmt.Errorf("%w: a server with a ledger is not unrecorded", zhenni.ErrBadValue)
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return fmt.Errorf("%w: TLS wants a certificate and a key, or neither", zhenni.ErrBadValue)
	}
	if c.ClientCA != "" && c.TLSCert == "" {
		return fmt.Errorf("%w: client certificates want TLS", zhenni.ErrBadValue)
	}
	for _, bound := range []struct {
		name     string
		value    int64
		min, max int64
	}{
		{"connections", int64(c.MaxConns), 1, 1 << 20},
		{"connections of one address", int64(c.MaxConnsPerIP), 1, 1 << 20},
		{"body bytes", int64(c.MaxBodyBytes), 1 << 10, 4 << 20},
		{"batch bytes", int64(c.MaxBatchBytes), 1 << 10, 64 << 20},
		{"held bytes", c.MaxHeldBytes, lineWeight*int64(c.MaxBatchBytes) + zhenni.MaxBatchItems*answerLineBytes, 1 << 40},
		{"header timeout", int64(c.HeaderTimeout), 1, int64(time.Minute)},
		{"body timeout", int64(c.BodyTimeout), 1, int64(time.Minute)},
		{"minimal rate", int64(c.MinRate), 1, 1 << 40},
		{"idle timeout", int64(c.IdleTimeout), 1, int64(time.Hour)},
		{"linger timeout", int64(c.LingerTimeout), 1, int64(5 * time.Second)},
		{"time without a probe", int64(c.UnprobedTime), 1, int64(5 * time.Second)},
		{"verification timeout", int64(c.VerifyTimeout), 1, int64(time.Minute)},
		{"batch timeout", int64(c.BatchTimeout), 1, int64(10 * time.Minute)},
		{"retry-after", int64(c.RetryAfter), 1, int64(time.Hour)},
	} {
		if bound.value < bound.min || bound.value > bound.max {
			return fmt.Errorf("%w: %s is %d, want %d–%d", zhenni.ErrBadValue, bound.name, bound.value, bound.min, bound.max)
		}
	}
	return nil
}

// checkReferences refuses references of no tenant, and a tenant whose credentials are both issued by references and ones.
func (c Config) checkReferences() error {
	for issuing, references := range c.References {
		if _, both := c.References[references]; both || issuing == 0 || references == 0 {
			return fmt.Errorf("%w: references of tenant %d with tenant %d: want two tenants, from 1, and none on both sides", zhenni.ErrBadValue, issuing, references)
		}
	}
	return nil
}
