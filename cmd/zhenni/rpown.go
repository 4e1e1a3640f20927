package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"zhenni/gateway"
	"zhenni/gateway/httpsig"
)

// rpOwn is rp keys own: what a relying party does about its own keys, over HTTP, signing by one of them.
type rpOwn struct {
	List   rpOwnList   `cmd:"" default:"withargs" help:"Show the own keys."`
	Add    rpOwnAdd    `cmd:"" help:"Add a key, whose private half shows that the party has it."`
	Retire rpOwnRetire `cmd:"" help:"Retire a key; it is taken for a while yet."`
}

// ownKeys is the relying party that a server knows whoever signs as.
type ownKeys struct {
	serverFlags
	JSON bool `help:"Print one JSON object."`
}

// ask posts a document, or where it is nil asks for the party, and shows the keys that it has then.
func (c *ownKeys) ask(path string, document map[string]any, out *output) error {
	record, err := c.party(path, document)
	if err != nil {
		return err
	}
	return showKeys(record, c.JSON, out)
}

func (c *ownKeys) party(path string, document map[string]any) (record gateway.PartyRecord, err error) {
	if c.SigningKeyFile == "" && document != nil {
		return record, usage("own keys are changed by whoever signs with one of them: add --signing-key-file")
	}
	client, err := c.client()
	if err != nil {
		return record, err
	}
	defer client.Close()
	asked := operatedBook{client}
	if document != nil {
		return record, asked.post(path, document, &record)
	}
	text, err := client.Get(path)
	if err != nil {
		return record, operatedRefusal(err)
	}
	if err := json.Unmarshal(text, &record); err != nil {
		return record, environment("--url: %w", err)
	}
	return record, nil
}

type rpOwnList struct{ ownKeys }

// Run lists them.
func (c *rpOwnList) Run(out *output) error { return c.ask("/v1/party", nil, out) }

type rpOwnAdd struct {
	ownKeys
	Key     string        `arg:"" type:"path" placeholder:"FILE" help:"Private key to add, as zhenni rp keys new makes one. It does not leave this machine."`
	Replace bool          `help:"Retire the keys that the party had before."`
	Grace   time.Duration `default:"24h" placeholder:"TIME" help:"With --replace: how long those are still taken (default ${default}); 0s is not at all, as for keys that others have seen."`
}

// Help is shown by zhenni rp keys own add --help.
func (rpOwnAdd) Help() string {
	return `The request is signed by a key that the party has, and shows a signature by the new one.

Example:

    zhenni rp keys new next.pem > next.jwk
    zhenni rp keys own add next.pem --replace --grace 24h --signing-key-file hotel.pem --url https://id.example:8443`
}

// Run adds it.
func (c *rpOwnAdd) Run(out *output) error {
	document, err := readSmall(c.Key)
	if err != nil {
		return environment("%w", err)
	}
	next, err := httpsig.ParseSigner(document)
	if err != nil {
		return usage("%s: %w", c.Key, err)
	}
	jwk, err := next.Key().JWK()
	if err != nil {
		return usage("%s: %w", c.Key, err)
	}
	public, err := httpsig.ParseJWKS(jwk)
	if err != nil {
		return usage("%s: %w", c.Key, err)
	}
	party, err := c.party("/v1/party", nil)
	if err != nil {
		return err
	}
	shown, err := next.SignText(gateway.PossessionText(party.ID, public[0]))
	if err != nil {
		return environment("%w", err)
	}
	change := map[string]any{"keys": []json.RawMessage{public[0].JWK()}, "possession": base64.StdEncoding.EncodeToString(shown)}
	if c.Replace {
		change["grace_seconds"] = int64(c.Grace / time.Second)
	}
	return c.ask("/v1/party/keys", change, out)
}

type rpOwnRetire struct {
	ownKeys
	grace
	Key string `arg:"" help:"Id of the key, as zhenni rp keys own list shows it."`
}

// Help is shown by zhenni rp keys own retire --help.
func (rpOwnRetire) Help() string {
	return `Example, with the id last, for it may begin with a dash:

    zhenni rp keys own retire --grace 1h --signing-key-file hotel.pem --url https://id.example:8443 -- "$KID"`
}

// Run retires it.
func (c *rpOwnRetire) Run(out *output) error {
	if id, err := base64.RawURLEncoding.DecodeString(c.Key); err != nil || len(id) != sha256.Size {
		return usage("%q is no id of a key: want the one that zhenni rp keys own list shows", c.Key)
	}
	return c.ask("/v1/party/keys/"+c.Key+"/retire", map[string]any{"grace_seconds": int64(c.Grace / time.Second)}, out)
}
