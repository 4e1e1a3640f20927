package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"zhenni"
	"zhenni/gateway/webhook"
)

// WebhookRegistry is what an operator does with webhooks, beside what a party does with its own.
type WebhookRegistry interface {
	Webhooks
	// Set registers the endpoint of a party, with another secret.
	Set(ctx context.Context, party zhenni.RelyingParty, r webhook.Registration) (webhook.Endpoint, error)
	Remove(ctx context.Context, party string) error
	// Test sends one message now, and returns the status of the answer.
	Test(ctx context.Context, party string) (status int, err error)
}

// Tell adds the routes of webhooks. It is for before Serve.
func (a *Admin) Tell(webhooks WebhookRegistry) {
	w := webhookAdmin{a, webhooks}
	const path = "/admin/relying-parties/{id}/webhook"
	a.mux.Handle("GET "+path, a.route(w.show))
	a.mux.Handle("PUT "+path, a.route(w.set))
	a.mux.Handle("DELETE "+path, a.route(w.remove))
	a.mux.Handle("POST "+path+"/test", a.route(w.test))
	a.mux.Handle("GET "+path+"/dead-letters", a.route(w.letters))
	a.mux.Handle("POST "+path+"/dead-letters/{message}/redeliver", a.route(w.redeliver))
}

// webhookAdmin is the admin routes of webhooks.
type webhookAdmin struct {
	admin    *Admin
	webhooks WebhookRegistry
}

// WebhookRegistration is the JSON form of a [webhook.Registration].
type WebhookRegistration struct {
	URL          string          `json:"url"`
	Hosts        []string        `json:"hosts,omitempty"`
	Events       []webhook.Event `json:"events,omitempty"`
	GraceSeconds int64           `json:"grace_seconds"`
}

func (w webhookAdmin) endpoint(r *http.Request) (webhook.Endpoint, error) {
	id := r.PathValue("id")
	e, there := w.webhooks.Endpoint(id)
	if !there {
		return e, fmt.Errorf("%w: relying party %q has no webhook", zhenni.ErrNotFound, id)
	}
	return e, nil
}

func (w webhookAdmin) show(r *http.Request) (any, error) {
	e, err := w.endpoint(r)
	return newWebhookRecord(e, len(w.webhooks.Letters(e.Party))), err
}

func (w webhookAdmin) set(r *http.Request) (any, error) {
	var want WebhookRegistration
	if err := readAdmin(r.Body, &want); err != nil {
		return nil, err
	}
	if want.GraceSeconds < 0 || want.GraceSeconds > int64(webhook.MaxGrace/time.Second) {
		return nil, fmt.Errorf("%w: grace_seconds %d: want 0–%d", zhenni.ErrBadValue, want.GraceSeconds, int64(webhook.MaxGrace/time.Second))
	}
	party, err := w.party(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	e, err := w.webhooks.Set(r.Context(), party, webhook.Registration{
		URL: want.URL, Hosts: want.Hosts, Events: want.Events, Grace: time.Duration(want.GraceSeconds) * time.Second,
	})
	if err != nil {
		return nil, err
	}
	w.admin.log.Info("a webhook was set", "party", party.ID)
	record := newWebhookRecord(e, len(w.webhooks.Letters(e.Party)))
	record.Secret = e.Secret.Reveal()
	return record, nil
}

// party finds the party that a webhook is to be of: [zhenni.ErrNotFound].
func (w webhookAdmin) party(id string) (zhenni.RelyingParty, error) {
	parties, err := w.admin.operator.RelyingParties()
	if err != nil {
		return zhenni.RelyingParty{}, err
	}
	for _, p := range parties {
		if p.ID == id {
			return p, nil
		}
	}
	return zhenni.RelyingParty{}, fmt.Errorf("%w: there is no relying party %q", zhenni.ErrNotFound, id)
}

func (w webhookAdmin) remove(r *http.Request) (any, error) {
	id := r.PathValue("id")
	return map[string]string{"removed": id}, w.webhooks.Remove(r.Context(), id)
}

// test tells the operator why nothing came back, where nothing did.
func (w webhookAdmin) test(r *http.Request) (any, error) {
	answer := struct {
		Status int    `json:"status"`
		Error  string `json:"error,omitempty"`
	}{}
	status, err := w.webhooks.Test(r.Context(), r.PathValue("id"))
	if errors.Is(err, zhenni.ErrNotFound) {
		return nil, err
	}
	if answer.Status = status; err != nil {
		answer.Error = err.Error()
	}
	return answer, nil
}

func (w webhookAdmin) letters(r *http.Request) (any, error) {
	e, err := w.endpoint(r)
	return map[string][]LetterRecord{"dead_letters": newLetterRecords(w.webhooks.Letters(e.Party))}, err
}

func (w webhookAdmin) redeliver(r *http.Request) (any, error) {
	id := r.PathValue("message")
	return map[string]string{"id": id}, w.webhooks.Redeliver(r.Context(), r.PathValue("id"), id)
}
