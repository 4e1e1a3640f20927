package webhook

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"

	"zhenni"
)

// Event is what a message is about.
type Event string

// The events. Opened, reminder and ended are told to the party that asks, with the session as it sees it; waiting to an issuer of the
// credential that is asked, so that its app can ring the phone, and of that no more than which credential.
const (
	EventOpened   Event = "session.opened"
	EventReminder Event = "session.reminder"
	EventEnded    Event = "session.ended"
	EventWaiting  Event = "session.waiting"
	// EventTest is sent when it is asked for, and at no other time.
	EventTest Event = "webhook.test"
)

// Events are those that an endpoint may be registered for.
var Events = []Event{EventOpened, EventReminder, EventEnded, EventWaiting}

// Bounds of an endpoint.
const (
	MaxEndpoints = 1024
	maxHosts     = 16
	// MaxGrace bounds how long the secret before still signs.
	MaxGrace = 30 * 24 * time.Hour
)

// Endpoint is where one party is told.
type Endpoint struct {
	Party  string
	Tenant zhenni.TenantID
	URL    string
	// Hosts are those among which the party may move it, that of URL among them.
	Hosts  []string
	Events []Event
	// Secret signs, and Previous too as long as it is before PreviousUntil.
	Secret, Previous Secret
	PreviousUntil    time.Time
	// Since is when the party was first told: what was before it is not.
	Since time.Time
	// Disabled says that it answered that it is gone; setting or moving it enables it.
	Disabled bool
}

// secrets are those in force.
func (e *Endpoint) secrets(now time.Time) []Secret {
	if e.Previous != (Secret{}) && now.Before(e.PreviousUntil) {
		return []Secret{e.Secret, e.Previous}
	}
	return []Secret{e.Secret}
}

// renewed gives the endpoint another secret; the one before still signs for a while.
func (e Endpoint) renewed(secret Secret, until time.Time) Endpoint {
	e.Previous, e.PreviousUntil, e.Secret = e.Secret, until, secret
	return e
}

// Registration is what an operator says of an endpoint.
type Registration struct {
	URL string
	// Hosts are those that the party may move it to, beside that of URL.
	Hosts []string
	// Events default to all that fit the roles of the party.
	Events []Event
	// Grace is how long the secret before still signs, 0–[MaxGrace].
	Grace time.Duration
}

// check reports what does not fit the party as [zhenni.ErrBadValue], and completes the rest.
func (r Registration) check(party zhenni.RelyingParty, u *url.URL) (Registration, error) {
	if len(r.Events) == 0 {
		r.Events = slices.DeleteFunc(slices.Clone(Events), func(e Event) bool { return !mayHear(party, e) })
	}
	for i, e := range r.Events {
		if !mayHear(party, e) || slices.Contains(r.Events[:i], e) {
			return r, fmt.Errorf("%w: events: %q is unknown, there twice, or not for a party of these roles", zhenni.ErrBadValue, e)
		}
	}
	hosts := []string{u.Hostname()}
	for _, host := range r.Hosts {
		if named, err := readURL("https://"+host+"/", nil); err != nil || named.Hostname() != host {
			return r, fmt.Errorf("%w: hosts: %q is no public host", zhenni.ErrBadValue, host)
		}
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	r.Hosts = hosts
	switch {
	case len(r.Events) == 0:
		return r, fmt.Errorf("%w: events: there is none for a party of these roles", zhenni.ErrBadValue)
	case len(r.Hosts) > maxHosts:
		return r, fmt.Errorf("%w: hosts: %d, want at most %d", zhenni.ErrBadValue, len(r.Hosts), maxHosts)
	case r.Grace < 0 || r.Grace > MaxGrace:
		return r, fmt.Errorf("%w: grace %v: want 0s–%v", zhenni.ErrBadValue, r.Grace, MaxGrace)
	}
	return r, nil
}

// mayHear reports whether an event is for a party: an issuer hears which of its credentials are waited for, a verifier the rest.
func mayHear(party zhenni.RelyingParty, e Event) bool {
	switch e {
	case EventWaiting:
		return party.Roles.Has(zhenni.RoleIssuer)
	case EventOpened, EventReminder, EventEnded:
		return party.Roles.Has(zhenni.RoleVerifier)
	}
	return false
}

// endpointRecord is how an endpoint is kept, under [endpointKey] of its party.
type endpointRecord struct {
	Tenant        zhenni.TenantID `json:"tenant"`
	URL           string          `json:"url"`
	Hosts         []string        `json:"hosts"`
	Events        []Event         `json:"events"`
	Secret        []byte          `json:"secret"`
	Previous      []byte          `json:"previous,omitempty"`
	PreviousUntil time.Time       `json:"previous_until,omitzero"`
	Since         time.Time       `json:"since"`
	Disabled      bool            `json:"disabled,omitempty"`
}

const endpointPrefix = "endpoint/"

func endpointKey(party string) string { return endpointPrefix + party }

func (e *Endpoint) record() []byte {
	b, err := json.Marshal(endpointRecord{
		e.Tenant, e.URL, e.Hosts, e.Events, []byte(e.Secret.key), []byte(e.Previous.key), e.PreviousUntil, e.Since, e.Disabled,
	})
	if err != nil {
		panic(err) // a record is of texts, times and bytes
	}
	return b
}

// readEndpoint reads the record of a party's endpoint: [zhenni.ErrCorrupt].
func readEndpoint(party string, b []byte) (Endpoint, error) {
	var r endpointRecord
	if err := json.Unmarshal(b, &r); err != nil || len(r.Secret) < leastSecret {
		return Endpoint{}, fmt.Errorf("%w: webhook: the endpoint of a party is not as it was written", zhenni.ErrCorrupt)
	}
	return Endpoint{
		Party: party, Tenant: r.Tenant, URL: r.URL, Hosts: r.Hosts, Events: r.Events, Secret: Secret{string(r.Secret)},
		Previous: Secret{string(r.Previous)}, PreviousUntil: r.PreviousUntil, Since: r.Since, Disabled: r.Disabled,
	}, nil
}
