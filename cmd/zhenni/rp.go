package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"zhenni"
	"zhenni/gateway"
)

// rpCommand is rp.
type rpCommand struct {
	Add    rpAdd    `cmd:"" help:"Add a relying party and print its API key, once."`
	List   rpList   `cmd:"" help:"List the relying parties."`
	Remove rpRemove `cmd:"" help:"Remove a relying party; its key is refused from then on."`
	Lift   rpLift   `cmd:"" help:"Let a relying party verify again that was stopped for too many non-matches."`
}

// rpFlags say whose relying parties are meant. A running server is asked over its socket; the store of a stopped one
// is opened.
type rpFlags struct {
	storeFlags
	AdminSocket string `type:"path" env:"ZHENNI_ADMIN_SOCKET" placeholder:"FILE" help:"Operator's socket of a running server. Default: admin.sock in the store's folder."`
	JSON        bool   `help:"Print JSON."`
}

// book is where relying parties are kept: a running server or an open store.
type book interface {
	put(ctx context.Context, party zhenni.RelyingParty) error
	remove(ctx context.Context, id string) error
	list(ctx context.Context) ([]gateway.PartyRecord, error)
	close() error
}

func (f rpFlags) open(out *output) (book, error) {
	socket := f.AdminSocket
	if socket == "" {
		socket = adminSocket(f.Store)
	}
	if admin := newAdminClient(socket); admin.answers() {
		return servedBook{admin}, nil
	}
	store, err := f.storeFlags.open(false, out)
	if err != nil {
		return nil, err
	}
	return storedBook{store}, nil
}

type rpAdd struct {
	ID         string          `arg:"" help:"Id of the party, 1–64 of a–z 0–9 - _ . ; it is the public part of its key. An existing party gets a new key, and the old one is refused."`
	Name       string          `placeholder:"TEXT" help:"Name for people. Default: the id."`
	Tenant     zhenni.TenantID `required:"" placeholder:"N" help:"Tenant whose credentials it works with, from 1."`
	Role       []string        `required:"" enum:"verifier,issuer" placeholder:"ROLE" help:"What it may do: verifier, issuer, or both."`
	Evaluation bool            `help:"Mark a party of benchmarks and trials, never of real people: attempt limits and the replay alarm are off, and every result says so."`
	rpFlags
}

// Help is shown by zhenni rp add --help.
func (rpAdd) Help() string {
	return `The key is shown once and stored as a hash. It works with a running server and with a stopped one.

Examples:

    zhenni rp add front-desk --tenant 1 --role verifier
    zhenni rp add registry --tenant 1 --role issuer --role verifier --name "Civil registry" > registry.key`
}

// Run adds the party. The key is the only line on standard output.
func (c *rpAdd) Run(ctx context.Context, out *output) (err error) {
	party := zhenni.RelyingParty{ID: c.ID, Name: c.Name, Tenant: c.Tenant, Evaluation: c.Evaluation, CreatedAt: time.Now().UTC()}
	if party.Name == "" {
		party.Name = party.ID
	}
	for _, role := range c.Role {
		party.Roles |= roles[role]
	}
	if err := party.Validate(); err != nil {
		return usage("%w", err)
	}
	key, party, err := newParty(party)
	if err != nil {
		return err
	}
	b, err := c.open(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.put(ctx, party); err != nil {
		return err
	}
	if c.JSON {
		return out.JSON(map[string]any{"id": party.ID, "tenant": party.Tenant, "key": key.String()})
	}
	out.Note("Added %s for tenant %d. This is its API key; it is not shown again:", party.ID, party.Tenant)
	return out.Print("%s", key)
}

var roles = map[string]zhenni.Role{"verifier": zhenni.RoleVerifier, "issuer": zhenni.RoleIssuer}

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
	rows := [][]string{{"id", "tenant", "roles", "kind", "since", "name"}}
	for _, p := range parties {
		kind := "regular"
		if p.Evaluation {
			kind = "evaluation"
		}
		rows = append(rows, []string{p.ID, fmt.Sprint(p.Tenant), strings.Join(p.Roles, "+"), kind, p.CreatedAt.Format(time.DateOnly), p.Name})
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
	record := recordOf(p)
	record.CreatedAt, record.KeySHA256 = time.Time{}, hex.EncodeToString(p.KeyHash[:])
	return b.admin.do(ctx, "PUT", partyPath(p.ID), record, new(gateway.PartyRecord))
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
	_, err := applyOne(ctx, b.store, zhenni.PutRelyingParty{Party: p})
	return err
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
		records = append(records, recordOf(p))
	}
	return records, nil
}

func (b storedBook) close() error { return b.store.Close() }

// recordOf is the JSON form of a party, without the hash of its key.
func recordOf(p zhenni.RelyingParty) gateway.PartyRecord {
	record := gateway.PartyRecord{ID: p.ID, Name: p.Name, Tenant: p.Tenant, Evaluation: p.Evaluation, CreatedAt: p.CreatedAt, Roles: []string{}}
	for _, name := range []string{"verifier", "issuer"} {
		if p.Roles.Has(roles[name]) {
			record.Roles = append(record.Roles, name)
		}
	}
	return record
}
