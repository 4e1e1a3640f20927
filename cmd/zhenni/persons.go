package main

import (
	"context"
	"log/slog"
	"time"

	"zhenni"
	"zhenni/gateway"
	"zhenni/identity"
)

// persons says on whose behalf persons ask each other in the sessions.
func (o *openedSessions) persons(cfg nodeConfig) gateway.Persons {
	p := gateway.Persons{Party: cfg.sessions.persons, Circle: o}
	if cfg.identities != nil && !cfg.unchanging {
		p.Names = cfg.identities
	}
	return p
}

// noteAbsent says at the start that nobody is there on whose behalf persons would ask. That is no error: a running server may be
// told of the party.
func (n *node) noteAbsent(persons string, logger *slog.Logger) {
	if party, known := n.store.RelyingParty(persons); persons != "" && (!known || !party.Roles.Has(zhenni.RoleVerifier)) {
		logger.Warn("persons can not ask each other: --person-party is no verifier that is known; zhenni rp add adds it", "party", persons)
	}
}

// Block implements gateway.Circle.
func (o *openedSessions) Block(ctx context.Context, by, of zhenni.SubjectHandle) error {
	return o.store.Block(ctx, o.store.Pair(by, of))
}

// Blocked implements gateway.Circle.
func (o *openedSessions) Blocked(by, of zhenni.SubjectHandle) bool {
	return o.store.Blocked(o.store.Pair(by, of))
}

// Report implements gateway.Circle.
func (o *openedSessions) Report(ctx context.Context, by, of zhenni.SubjectHandle, at time.Time) (bool, error) {
	return o.store.Report(ctx, by, of, at)
}

// Barred implements gateway.Circle.
func (o *openedSessions) Barred(of zhenni.SubjectHandle) bool { return o.store.Barred(of) }

// Reported implements gateway.Bars.
func (o *openedSessions) Reported(limit int) (list []gateway.ReportedPerson) {
	for _, one := range o.store.Reported(limit) {
		list = append(list, gateway.ReportedPerson(one))
	}
	return list
}

// Lift implements gateway.Bars.
func (o *openedSessions) Lift(ctx context.Context, person string) error {
	return o.store.Lift(ctx, person)
}

// OpenName implements gateway.Names. A name is sealed for "PARTY/TRANSACTION", as an identity is.
func (i *identities) OpenName(sealed, party, transaction string) (identity.Name, error) {
	return i.opener.OpenName(sealed, party+"/"+transaction)
}

// NameTag implements gateway.Names.
func (i *identities) NameTag(subject zhenni.SubjectHandle, name identity.Name) (zhenni.NameTag, error) {
	tag, err := i.deriver.NameTag(identity.HandleOf(subject), name)
	return tag.Stored(), err
}
