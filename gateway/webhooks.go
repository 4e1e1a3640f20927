package gateway

import (
	"context"
	"errors"
	"time"

	"zhenni"
	"zhenni/gateway/webhook"
)

// Webhooks tells relying parties of their sessions; [webhook.Courier] does.
type Webhooks interface {
	// Endpoint returns where a party is told.
	Endpoint(party string) (webhook.Endpoint, bool)
	// Move changes the address to one that the operator allows, and the secret with it.
	Move(ctx context.Context, party zhenni.RelyingParty, address string) (webhook.Endpoint, error)
	// Letters returns what a party could not be told, and Redeliver tells it again.
	Letters(party string) []webhook.Letter
	Redeliver(ctx context.Context, party, id string) error
	Stats() webhook.Stats
}

// SessionView is what a party is told of a session that it asks in: of the document of GET /v1/sessions/{id} what is named here, and
// nothing that lets somebody in or is to be read out, for messages lie in the logs of receivers.
func SessionView(s zhenni.Session) any {
	d := newAskerDocument(s)
	return askerDocument{
		Session: d.Session, Kind: d.Kind, Service: d.Service, Purpose: d.Purpose, Outcome: d.Outcome, Confirmed: d.Confirmed, Opened: d.Opened,
		Answered: d.Answered, Seats: d.Seats, CodeWanted: d.CodeWanted, CodeRight: d.CodeRight, Deadline: d.Deadline,
	}
}

// The kinds of refusal about webhooks.
var (
	kindNoWebhook   = &kind{404, "webhook_not_found", "The party has no webhook, or no such dead letter.", "Ask the operator for a webhook; list the dead letters.", false, false}
	kindWebhookHost = &kind{403, "webhook_host", "The operator does not allow the party a webhook at that host.", "Use one of the hosts that GET /v1/party/webhook lists, by the same scheme.", false, false}
)

// refuseWebhook says what became of a change to the webhook of a party.
func refuseWebhook(err error) error {
	switch {
	case errors.Is(err, zhenni.ErrNotFound):
		return refuse(kindNoWebhook, "")
	case errors.Is(err, webhook.ErrHost):
		return refuse(kindWebhookHost, "")
	case errors.Is(err, zhenni.ErrBadValue):
		return refuse(kindItem, "url is not an address of https with a public host")
	}
	return err
}

// WebhookRecord is the JSON form of an endpoint. Its secret is there once: in the answer to who had it made.
type WebhookRecord struct {
	URL           string          `json:"url"`
	Hosts         []string        `json:"hosts"`
	Events        []webhook.Event `json:"events"`
	Since         string          `json:"since"`
	Disabled      bool            `json:"disabled"`
	DeadLetters   int             `json:"dead_letters"`
	PreviousUntil string          `json:"previous_until,omitempty"`
	Secret        string          `json:"secret,omitempty"`
}

// newWebhookRecord is the form of an endpoint, without its secret.
func newWebhookRecord(e webhook.Endpoint, letters int) WebhookRecord {
	r := WebhookRecord{URL: e.URL, Hosts: e.Hosts, Events: e.Events, Since: writtenTime(e.Since), Disabled: e.Disabled, DeadLetters: letters}
	if e.Previous != (webhook.Secret{}) {
		r.PreviousUntil = writtenTime(e.PreviousUntil)
	}
	return r
}

// LetterRecord is the JSON form of a dead letter.
type LetterRecord struct {
	ID        string        `json:"id"`
	Type      webhook.Event `json:"type"`
	Session   string        `json:"session"`
	Timestamp string        `json:"timestamp"`
	Died      string        `json:"died"`
	Attempts  int           `json:"attempts"`
	Status    int           `json:"status,omitempty"`
}

func newLetterRecords(letters []webhook.Letter) []LetterRecord {
	records := make([]LetterRecord, 0, len(letters))
	for _, l := range letters {
		records = append(records, LetterRecord{
			l.ID, l.Event, l.Session.String(), writtenTime(l.At), writtenTime(l.Died), l.Tries, l.Status,
		})
	}
	return records
}

// ownEndpoint returns the webhook of the party that asks: [kindNoWebhook].
func (s *Server) ownEndpoint(rq *request) (webhook.Endpoint, error) {
	if s.config.Webhooks == nil {
		return webhook.Endpoint{}, refuse(kindNoWebhook, "this server has no webhooks")
	}
	e, there := s.config.Webhooks.Endpoint(rq.party.ID)
	if !there || e.Tenant != rq.party.Tenant {
		return webhook.Endpoint{}, refuse(kindNoWebhook, "")
	}
	return e, nil
}

// ownWebhook is GET /v1/party/webhook.
func (s *Server) ownWebhook(rq *request) error {
	e, err := s.ownEndpoint(rq)
	if err != nil {
		return err
	}
	rq.writeSession(200, newWebhookRecord(e, len(s.config.Webhooks.Letters(rq.party.ID))))
	return nil
}

// moveWebhook is POST /v1/party/webhook: another address among the hosts of the operator, or the same, with another secret.
func (s *Server) moveWebhook(rq *request) error {
	if !hasMedia(rq, mediaJSON) {
		return refuse(kindMedia, "")
	}
	body, err := rq.readBody(min(s.config.MaxBodyBytes, maxAdminBytes), documentWeight)
	if err != nil {
		return err
	}
	fields := [1]field{{name: "url"}}
	if err := parseDocument(body, fields[:]); err != nil {
		return err
	}
	if fields[0].value == nil || fields[0].number {
		return refuse(kindItem, "url is no text")
	}
	if _, err := s.ownEndpoint(rq); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.config.BatchTimeout)
	defer cancel()
	moved, err := s.config.Webhooks.Move(ctx, rq.party, string(fields[0].value))
	if err != nil {
		return refuseWebhook(err)
	}
	record := newWebhookRecord(moved, len(s.config.Webhooks.Letters(rq.party.ID)))
	record.Secret = moved.Secret.Reveal()
	s.config.Logger.Info("a relying party moved its webhook", "party", rq.party.ID)
	rq.writeSession(200, record)
	return nil
}

// ownLetters is GET /v1/party/webhook/dead-letters.
func (s *Server) ownLetters(rq *request) error {
	if _, err := s.ownEndpoint(rq); err != nil {
		return err
	}
	rq.writeSession(200, struct {
		DeadLetters []LetterRecord `json:"dead_letters"`
	}{newLetterRecords(s.config.Webhooks.Letters(rq.party.ID))})
	return nil
}

// redeliverOwn is POST /v1/party/webhook/dead-letters/{message}/redeliver.
func (s *Server) redeliverOwn(rq *request) error {
	if _, err := s.ownEndpoint(rq); err != nil {
		return err
	}
	if !rq.bodyRead {
		return refuse(kindSyntax, "this request takes no body")
	}
	id, _ := rq.ctx.UserValue("message").(string)
	ctx, cancel := context.WithTimeout(context.Background(), s.config.VerifyTimeout)
	defer cancel()
	if err := s.config.Webhooks.Redeliver(ctx, rq.party.ID, id); err != nil {
		return refuseWebhook(err)
	}
	rq.writeSession(202, struct {
		ID     string `json:"id"`
		Queued string `json:"queued"`
	}{id, writtenTime(time.Now())})
	return nil
}
