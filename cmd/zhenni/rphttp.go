package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"zhenni"
	"zhenni/bench"
	"zhenni/gateway"
)

// operatorFlags name the operator's address of a server, and the key of an operator.
type operatorFlags struct {
	OperatorURL string `name:"operator-url" env:"ZHENNI_OPERATOR_URL" placeholder:"URL" help:"Operator's address of a server (zhenni serve --operator-listen), to be asked over HTTP in the place of its socket. It takes --operator-key."`
	OperatorKey string `type:"path" env:"ZHENNI_OPERATOR_KEY" placeholder:"FILE" help:"Private key of an operator, as zhenni rp keys new makes one, to sign with."`
	OperatorCA  string `name:"operator-ca" type:"path" env:"ZHENNI_OPERATOR_CA" placeholder:"FILE" help:"Certificates in PEM to trust at --operator-url instead of the system's."`
}

func (f operatorFlags) open() (book, error) {
	if f.OperatorKey == "" {
		return nil, usage("--operator-url takes --operator-key: operators sign what they ask")
	}
	client, err := serverFlags{URL: f.OperatorURL, SigningKeyFile: f.OperatorKey, CA: f.OperatorCA}.client()
	if err != nil {
		return nil, err
	}
	return operatedBook{client}, nil
}

// operatedBook is the relying parties of one tenant, as an operator keeps them over HTTP.
type operatedBook struct{ client *bench.Client }

func (b operatedBook) put(_ context.Context, p zhenni.RelyingParty) error {
	switch {
	case p.KeyHash != [32]byte{}:
		return usage("over HTTP a party has keys or certificates, and no API key: add --jwks or --certificate")
	case p.Evaluation:
		return usage("over HTTP a party is of the kind of its tenant: leave --evaluation out")
	}
	record := gateway.NewPartyRecord(p)
	keys := []json.RawMessage{}
	for _, k := range record.Keys {
		keys = append(keys, k.JWK)
	}
	certificates := []string{}
	for _, c := range record.Certificates {
		certificates = append(certificates, c.SHA256)
	}
	document := map[string]any{
		"id": p.ID, "tenant": p.Tenant, "roles": record.Roles, "name": p.Name, "keys": keys, "certificates": certificates,
		"services": append([]string{}, p.Services...), "per_minute": p.Quota.PerMinute, "per_day": p.Quota.PerDay,
	}
	if p.Sector != "" {
		document["sector"] = p.Sector
	}
	return b.post("/v1/parties", document, nil)
}

func (b operatedBook) changeKeys(_ context.Context, id string, change zhenni.KeyChange) (record gateway.PartyRecord, err error) {
	seconds := int64(change.Grace / time.Second)
	for _, key := range change.Retire {
		if err := b.post(operatedPath(id)+"/keys/"+key+"/retire", map[string]any{"grace_seconds": seconds}, &record); err != nil {
			return record, err
		}
	}
	if len(change.Add) == 0 {
		return record, nil
	}
	keys := []json.RawMessage{}
	for _, public := range change.Add {
		keys = append(keys, public.JWK())
	}
	document := map[string]any{"keys": keys}
	if change.Replace {
		document["grace_seconds"] = seconds
	}
	return record, b.post(operatedPath(id)+"/keys", document, &record)
}

func (b operatedBook) remove(_ context.Context, id string) error {
	return b.post(operatedPath(id)+"/remove", nil, nil)
}

func (b operatedBook) suspend(_ context.Context, id string, suspended bool) (record gateway.PartyRecord, err error) {
	if suspended {
		return record, b.post(operatedPath(id)+"/suspend", nil, &record)
	}
	return record, b.post(operatedPath(id)+"/resume", nil, &record)
}

func (b operatedBook) list(context.Context) ([]gateway.PartyRecord, error) {
	all := []gateway.PartyRecord{}
	for path := "/v1/parties"; path != ""; {
		text, err := b.client.Get(path)
		if err != nil {
			return nil, operatedRefusal(err)
		}
		var page struct {
			Parties []gateway.PartyRecord `json:"parties"`
			Next    string                `json:"next"`
		}
		if err := json.Unmarshal(text, &page); err != nil {
			return nil, environment("--operator-url: %w", err)
		}
		all = append(all, page.Parties...)
		if path = ""; page.Next != "" {
			path = operatedPath(page.Next) + "/next"
		}
	}
	return all, nil
}

func (b operatedBook) close() error {
	b.client.Close()
	return nil
}

func operatedPath(id string) string { return "/v1/parties/" + id }

// post sends a document, or none where it is nil, and reads the answer into answer where that is not nil.
func (b operatedBook) post(path string, document map[string]any, answer any) error {
	var body []byte
	media := ""
	if document != nil {
		var err error
		if body, err = json.Marshal(document); err != nil {
			return err
		}
		media = "application/json"
	}
	text, err := b.client.Post(path, media, body)
	if err != nil {
		return operatedRefusal(err)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

// operatedRefusal tells a mistake of the caller from what is not so, and both from a server that does not answer.
func operatedRefusal(err error) error {
	var refused *bench.Refusal
	if !errors.As(err, &refused) {
		return environment("--operator-url: %w", err)
	}
	switch refused.Status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return usage("%s", refused.Detail)
	case http.StatusNotFound, http.StatusConflict:
		return notSo("%s", refused.Detail)
	}
	return environment("%w", refused)
}
