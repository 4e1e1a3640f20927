package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"zhenni"
	"zhenni/gateway"
)

// rpCommand is rp.
type rpCommand struct {
	Add     rpAdd     `cmd:"" help:"Add a relying party and print its API key, once."`
	Keys    rpKeys    `cmd:"" help:"Rotate the public keys of a relying party."`
	List    rpList    `cmd:"" help:"List the relying parties."`
	Remove  rpRemove  `cmd:"" help:"Remove a relying party; its key is refused from then on."`
	Suspend rpSuspend `cmd:"" help:"Refuse whatever a relying party asks, until it is resumed."`
	Resume  rpResume  `cmd:"" help:"Let a suspended relying party ask again, and one that was stopped for too many non-matches."`
	Lift    rpLift    `cmd:"" help:"Let a relying party verify again that was stopped for too many non-matches."`
	Webhook rpWebhook `cmd:"" help:"Tell a relying party of its sessions at an address of its."`
}

// rpFlags say whose relying parties are meant. A running server is asked over its socket; the store of a stopped one
// is opened.
type rpFlags struct {
	storeFlags
	operatorFlags
	adminFlags
	JSON bool `help:"Print JSON."`
}

// AfterApply has flags that say which server is meant stand above the environment.
func (f *rpFlags) AfterApply(parse *kong.Context) error {
	typed := typedFlags(parse)
	operated := typed["operator-url"] || typed["operator-key"] || typed["operator-ca"]
	if typed["admin-socket"] && operated {
		return usage("--admin-socket and --operator-url, --operator-key, --operator-ca exclude each other: one server is asked")
	}
	if elsewhere := typed["admin-socket"] || f.otherStore(parse); elsewhere && !operated {
		f.OperatorURL = ""
	}
	return f.adminFlags.AfterApply(parse)
}

// book is where relying parties are kept: a running server or an open store.
type book interface {
	// put stores a party.
	put(ctx context.Context, party zhenni.RelyingParty) error
	// changeKeys rotates the keys of the party of that id, and returns what it has become.
	changeKeys(ctx context.Context, id string, change zhenni.KeyChange) (gateway.PartyRecord, error)
	remove(ctx context.Context, id string) error
	// suspend has the party refused, or no more, and returns what it has become.
	suspend(ctx context.Context, id string, suspended bool) (gateway.PartyRecord, error)
	list(ctx context.Context) ([]gateway.PartyRecord, error)
	close() error
}

func (f rpFlags) open(out *output) (book, error) {
	if f.OperatorURL != "" {
		return f.operatorFlags.open()
	}
	if admin := f.client(f.Store); admin.answers() {
		return servedBook{admin}, nil
	}
	store, err := f.storeFlags.open(false, out)
	if err != nil {
		return nil, err
	}
	return storedBook{store}, nil
}

type rpAdd struct {
	ID          string          `arg:"" help:"Id of the party, 1–64 of a–z 0–9 - _ . ; it is the public part of its API key. What an existing party of the tenant had is replaced, and its old keys are refused. The id of a removed party is never given again."`
	Name        string          `placeholder:"TEXT" help:"Name for people. Default: the id."`
	Tenant      zhenni.TenantID `required:"" placeholder:"N" help:"Tenant whose credentials it works with, from 1."`
	Role        []string        `required:"" enum:"verifier,issuer,terminal,auditor,operator" placeholder:"ROLE" help:"What it may do: verifier, issuer, terminal, auditor or operator, or several."`
	Evaluation  bool            `help:"Mark a party of benchmarks and trials, never of real people: attempt limits and the replay alarm are off, and every result says so."`
	JWKS        string          `name:"jwks" type:"path" placeholder:"FILE" help:"Public keys by which it signs its requests: a JSON Web Key, or a set of them. It then has no API key."`
	Certificate []string        `type:"path" placeholder:"FILE" help:"TLS client certificate in PEM by which it is known. It then has no API key."`
	APIKey      bool            `name:"api-key" help:"Make an API key beside keys and certificates."`
	Sector      string          `placeholder:"ID" help:"Sector whose parties know a person by the same pseudonym. Default: a party alone."`
	Service     []string        `placeholder:"ID" help:"Service that it may ask for, or ID:PURPOSE for one purpose of it; may be repeated."`
	PerMinute   uint32          `placeholder:"N" help:"Items it may ask for in a minute. Default: no bound."`
	PerDay      uint64          `placeholder:"N" help:"Items it may ask for in a day. Default: no bound."`
	rpFlags
}

// Help is shown by zhenni rp add --help.
func (rpAdd) Help() string {
	return `An API key is shown once and stored as a hash. It works with a running server and with a stopped one.

Examples:

    zhenni rp add front-desk --tenant 1 --role verifier
    zhenni rp add hotel --tenant 1 --role verifier --jwks hotel.jwks --per-minute 600
    zhenni rp add registry --tenant 1 --role issuer --role verifier --name "Civil registry" > registry.key`
}

// Run adds the party. An API key, where it gets one, is the only line on standard output.
func (c *rpAdd) Run(ctx context.Context, out *output) (err error) {
	party, err := c.party(time.Now().UTC())
	if err != nil {
		return err
	}
	var key zhenni.APIKey
	secret := c.APIKey || len(party.Keys)+len(party.Certificates) == 0
	if secret {
		if key, party, err = newParty(party); err != nil {
			return err
		}
	}
	b, err := c.open(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.put(ctx, party); err != nil {
		return err
	}
	return c.show(out, party, key, secret)
}

// party is what the flags describe, with its keys and certificates.
func (c *rpAdd) party(now time.Time) (zhenni.RelyingParty, error) {
	party := zhenni.RelyingParty{
		ID: c.ID, Name: cmp.Or(c.Name, c.ID), Tenant: c.Tenant, Evaluation: c.Evaluation, CreatedAt: now,
		Sector: c.Sector, Services: c.Service, Quota: zhenni.Quota{PerMinute: c.PerMinute, PerDay: c.PerDay},
	}
	for _, word := range c.Role {
		role, err := zhenni.ParseRole(word)
		if err != nil {
			return party, usage("--role: %w", err)
		}
		party.Roles |= role
	}
	if c.JWKS != "" {
		keys, err := readJWKS(c.JWKS)
		if err != nil {
			return party, err
		}
		for _, k := range keys {
			party.Keys = append(party.Keys, zhenni.PartyKey{Public: k})
		}
	}
	for _, path := range c.Certificate {
		certificate, err := readPartyCertificate(path)
		if err != nil {
			return party, err
		}
		party.Certificates = append(party.Certificates, certificate)
	}
	if err := party.Validate(); err != nil {
		return party, usage("%w", err)
	}
	return party, nil
}

func (c *rpAdd) show(out *output, party zhenni.RelyingParty, key zhenni.APIKey, secret bool) error {
	if c.JSON {
		said := map[string]any{"id": party.ID, "tenant": party.Tenant, "key_ids": keyIDs(party)}
		if secret {
			said["key"] = key.String()
		}
		return out.JSON(said)
	}
	for _, id := range keyIDs(party) {
		out.Note("Its requests are signed under the key id %s.", id)
	}
	if !secret {
		out.Note("Added %s for tenant %d. It has no API key.", party.ID, party.Tenant)
		return nil
	}
	out.Note("Added %s for tenant %d. This is its API key; it is not shown again:", party.ID, party.Tenant)
	return out.Print("%s", key)
}

type rpList struct{ rpFlags }

// Run lists the parties.
func (c *rpList) Run(ctx context.Context, out *output) (err error) {
	b, err := c.open(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	parties, err := b.list(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return out.JSON(map[string]any{"relying_parties": parties})
	}
	rows := [][]string{{"id", "tenant", "roles", "kind", "since", "keys", "name"}}
	for _, p := range parties {
		kind := "regular"
		if p.Evaluation {
			kind = "evaluation"
		}
		if p.Suspended {
			kind += ", suspended"
		}
		if !p.StoppedAt.IsZero() {
			kind += ", stopped"
		}
		rows = append(rows, []string{p.ID, fmt.Sprint(p.Tenant), strings.Join(p.Roles, "+"), kind, p.CreatedAt.Format(time.DateOnly), shownKeys(p), p.Name})
	}
	return out.Table(rows)
}

type rpRemove struct {
	ID string `arg:"" help:"Id of the party."`
	rpFlags
}

// Run removes the party.
func (c *rpRemove) Run(ctx context.Context, out *output) (err error) {
	b, err := c.open(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.remove(ctx, c.ID); err != nil {
		return err
	}
	if c.JSON {
		return out.JSON(map[string]any{"removed": c.ID})
	}
	return out.Print("Removed %s.", c.ID)
}

// servedBook is the relying parties of a running server.
type servedBook struct{ admin *adminClient }

func partyPath(id string) string { return "/admin/relying-parties/" + url.PathEscape(id) }

func (b servedBook) put(ctx context.Context, p zhenni.RelyingParty) error {
	record := gateway.NewPartyRecord(p)
	if record.CreatedAt = (time.Time{}); p.KeyHash != [32]byte{} {
		record.KeySHA256 = hex.EncodeToString(p.KeyHash[:])
	}
	return b.admin.do(ctx, "PUT", partyPath(p.ID), record, new(gateway.PartyRecord))
}

func (b servedBook) changeKeys(ctx context.Context, id string, change zhenni.KeyChange) (record gateway.PartyRecord, err error) {
	return record, b.admin.do(ctx, "POST", partyPath(id)+"/keys", gateway.NewKeyChangeRecord(change), &record)
}

func (b servedBook) remove(ctx context.Context, id string) error {
	return b.admin.do(ctx, "DELETE", partyPath(id), nil, new(struct{}))
}

func (b servedBook) list(ctx context.Context) ([]gateway.PartyRecord, error) {
	var answer struct {
		Parties []gateway.PartyRecord `json:"relying_parties"`
	}
	return answer.Parties, b.admin.do(ctx, "GET", "/admin/relying-parties", nil, &answer)
}

func (servedBook) close() error { return nil }

// storedBook is the relying parties in the store of a stopped server.
type storedBook struct{ store *recordedStore }

func (b storedBook) put(ctx context.Context, p zhenni.RelyingParty) error {
	if err := p.OfOneKind(b.store.RelyingParties()); err != nil {
		return usage("%w", err)
	}
	if old, there := b.store.RelyingParty(p.ID); there {
		p = p.InPlaceOf(old)
	}
	_, err := applyOne(ctx, b.store, zhenni.PutRelyingParty{Party: p})
	if errors.Is(err, zhenni.ErrExists) {
		return notSo("%w", err)
	}
	return err
}

func (b storedBook) changeKeys(ctx context.Context, id string, change zhenni.KeyChange) (gateway.PartyRecord, error) {
	party, there := b.store.RelyingParty(id)
	if !there {
		return gateway.PartyRecord{}, notSo("there is no relying party %q", id)
	}
	party, err := party.WithKeys(change, time.Now().UTC())
	if errors.Is(err, zhenni.ErrNotFound) {
		return gateway.PartyRecord{}, notSo("%w", err)
	}
	if err != nil {
		return gateway.PartyRecord{}, err
	}
	_, err = applyOne(ctx, b.store, zhenni.PutRelyingParty{Party: party})
	return gateway.NewPartyRecord(party), err
}

func (b storedBook) remove(ctx context.Context, id string) error {
	_, err := applyOne(ctx, b.store, zhenni.RemoveRelyingParty{ID: id})
	if errors.Is(err, zhenni.ErrNotFound) {
		return notSo("there is no relying party %q", id)
	}
	return err
}

func (b storedBook) list(context.Context) ([]gateway.PartyRecord, error) {
	records := []gateway.PartyRecord{}
	for _, p := range b.store.RelyingParties() {
		records = append(records, gateway.NewPartyRecord(p))
	}
	return records, nil
}

func (b storedBook) close() error { return b.store.Close() }
