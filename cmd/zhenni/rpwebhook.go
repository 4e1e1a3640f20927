package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"zhenni/gateway"
	"zhenni/gateway/webhook"
)

// rpWebhook is rp webhook.
type rpWebhook struct {
	Set         rpWebhookSet       `cmd:"" help:"Tell a relying party of its sessions at an address of its, and print the secret that it is signed with, once."`
	Show        rpWebhookShow      `cmd:"" help:"Show where a relying party is told."`
	Remove      rpWebhookRemove    `cmd:"" help:"Tell a relying party nothing any more; what waits for it is forgotten."`
	Test        rpWebhookTest      `cmd:"" help:"Send a message of the type webhook.test now, and show what is answered."`
	DeadLetters rpWebhookLetters   `cmd:"" help:"List the messages to a relying party that nobody took."`
	Redeliver   rpWebhookRedeliver `cmd:"" help:"Send a dead letter again, under its id."`
}

// webhookCommand is what the commands of rp webhook share. They ask the server that tells the parties.
type webhookCommand struct {
	ID string `arg:"" help:"Id of the party."`
	socketFlags
}

// do asks the server about the webhook of the party.
func (c webhookCommand) do(ctx context.Context, method, tail string, body, answer any) error {
	return c.admin().do(ctx, method, partyPath(c.ID)+"/webhook"+tail, body, answer)
}

type rpWebhookSet struct {
	webhookCommand
	URL   string   `arg:"" help:"Address of https, which the server resolves each time that it connects. It may not lead to a network inside, unless zhenni serve --webhook-allow names it."`
	Host  []string `placeholder:"HOST" help:"Host beside that of the address among which the party itself may move its webhook. Repeatable."`
	Event []string `placeholder:"TYPE" help:"What it is told: session.opened, session.reminder and session.ended to a verifier, session.waiting to an issuer. Repeatable. Default: all that its roles allow."`
	grace
}

// Help is shown by zhenni rp webhook set --help.
func (rpWebhookSet) Help() string {
	return `Messages are signed by Standard Webhooks 1.0. Setting a webhook again makes another secret; the one before signs too for --grace.

Example:

    zhenni rp webhook set hotel https://hotel.example/zhenni > hotel.whsec`
}

// Run sets the webhook. The secret is the only line on standard output.
func (c *rpWebhookSet) Run(ctx context.Context, out *output) error {
	registration := gateway.WebhookRegistration{URL: c.URL, Hosts: c.Host, GraceSeconds: int64(c.Grace / time.Second)}
	for _, event := range c.Event {
		registration.Events = append(registration.Events, webhook.Event(event))
	}
	var record gateway.WebhookRecord
	if err := c.do(ctx, "PUT", "", registration, &record); err != nil {
		return err
	}
	if c.JSON {
		return out.JSON(record)
	}
	out.Note("%s is told %s at %s. This is the secret; it is not shown again:", c.ID, eventsOf(record), record.URL)
	return out.Print("%s", record.Secret)
}

func eventsOf(r gateway.WebhookRecord) string {
	events := make([]string, 0, len(r.Events))
	for _, e := range r.Events {
		events = append(events, string(e))
	}
	return strings.Join(events, ", ")
}

type rpWebhookShow struct{ webhookCommand }

// Run shows the webhook.
func (c *rpWebhookShow) Run(ctx context.Context, out *output) error {
	var record gateway.WebhookRecord
	if err := c.do(ctx, "GET", "", nil, &record); err != nil {
		return err
	}
	if c.JSON {
		return out.JSON(record)
	}
	state := "told"
	if record.Disabled {
		state = "gone: set it again"
	}
	return out.Table([][]string{
		{"url", "state", "events", "hosts", "dead letters"},
		{record.URL, state, eventsOf(record), strings.Join(record.Hosts, " "), fmt.Sprint(record.DeadLetters)},
	})
}

type rpWebhookRemove struct{ webhookCommand }

// Run removes the webhook.
func (c *rpWebhookRemove) Run(ctx context.Context, out *output) error {
	var answer map[string]string
	if err := c.do(ctx, "DELETE", "", nil, &answer); err != nil {
		return err
	}
	if c.JSON {
		return out.JSON(answer)
	}
	return out.Print("%s has no webhook any more.", c.ID)
}

type rpWebhookTest struct{ webhookCommand }

// Run tries the webhook. What is not taken is no success.
func (c *rpWebhookTest) Run(ctx context.Context, out *output) error {
	var answer struct {
		Status int    `json:"status"`
		Error  string `json:"error,omitempty"`
	}
	if err := c.do(ctx, "POST", "/test", nil, &answer); err != nil {
		return err
	}
	if c.JSON {
		if err := out.JSON(answer); err != nil {
			return err
		}
	}
	switch {
	case answer.Error != "":
		return notSo("no answer: %s", answer.Error)
	case answer.Status/100 != 2:
		return notSo("the answer has status %d, want 2xx", answer.Status)
	case c.JSON:
		return nil
	}
	return out.Print("The message was taken with status %d.", answer.Status)
}

type rpWebhookLetters struct{ webhookCommand }

// Run lists the dead letters.
func (c *rpWebhookLetters) Run(ctx context.Context, out *output) error {
	var answer struct {
		DeadLetters []gateway.LetterRecord `json:"dead_letters"`
	}
	if err := c.do(ctx, "GET", "/dead-letters", nil, &answer); err != nil {
		return err
	}
	if c.JSON {
		return out.JSON(answer)
	}
	rows := [][]string{{"id", "type", "of", "given up", "attempts", "last status"}}
	for _, l := range answer.DeadLetters {
		rows = append(rows, []string{l.ID, string(l.Type), l.Timestamp, l.Died, fmt.Sprint(l.Attempts), fmt.Sprint(l.Status)})
	}
	return out.Table(rows)
}

type rpWebhookRedeliver struct {
	webhookCommand
	Message string `arg:"" help:"Id of the message."`
}

// Run sends a dead letter again.
func (c *rpWebhookRedeliver) Run(ctx context.Context, out *output) error {
	var answer map[string]string
	if err := c.do(ctx, "POST", "/dead-letters/"+url.PathEscape(c.Message)+"/redeliver", nil, &answer); err != nil {
		return err
	}
	if c.JSON {
		return out.JSON(answer)
	}
	return out.Print("%s waits to be sent.", c.Message)
}
