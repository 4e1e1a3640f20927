package holder

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"zhenni"
	"zhenni/identity"
	"zhenni/receipt"
)

// Credential is what a server says of one.
type Credential struct {
	ID         zhenni.CredentialID `json:"credential"`
	Level      zhenni.Level        `json:"level"`
	Status     zhenni.Status       `json:"status"`
	Generation zhenni.Generation   `json:"generation"`
	// ValidUntil is zero for never.
	ValidUntil time.Time      `json:"valid_until"`
	Region     string         `json:"region"`
	Device     string         `json:"device"`
	Locked     []zhenni.Means `json:"locked"`
	// Rotated says that the templates are rotated by the key of the phone that it was issued to.
	Rotated bool `json:"rotated,omitempty"`
}

// Issue asks for a credential. The zero Level is lite; a zero ValidUntil is none; Kind is ordinary where it is zero.
type Issue struct {
	// Engine is the server's key, to which Name and Number are sealed; neither goes anywhere else.
	Engine       identity.PublicKey
	Name, Number string
	// Sealed stands in the place of these three where a phone has sealed who it is, see [Offer].
	Sealed string
	Level  zhenni.Level
	Kind   zhenni.Issue
	// Region is six digits of GB/T 2260.
	Region     string
	ValidUntil time.Time
	Device     zhenni.PublicKey
	// Probe is the live capture, proved against a reference that the issuer holds; Reference the template. One of them at
	// least is there.
	Probe, Reference Probe
	// Rotation is of the key that Reference was rotated by, as of [Phone.Commitment]; zero where it was not.
	Rotation zhenni.RotationCommitment
	Model    string
	// Evidence are tokens about the probe, or without one the template; CapturedAt is zero where it is not said.
	Evidence   []string
	CapturedAt time.Time
	// Nonce is that of the signature of the request, which the evidence names; "" draws one, or is of a party that has an API key.
	Nonce string
}

// Issue asks for a credential under a transaction. Where the nonce came before, it is asked again under another one: what was issued is
// answered then, and evidence that named the nonce is good for nothing else.
func (c *Client) Issue(ctx context.Context, transaction string, i Issue) (issued Credential, err error) {
	if i.Sealed == "" {
		if i.Sealed, err = identity.Seal(i.Engine, i.Name, i.Number, c.sealedFor(transaction)); err != nil {
			return issued, err
		}
	}
	err = c.askBy(ctx, "POST", "/v1/credentials", transaction, i.Nonce, i.body(), &issued)
	if i.Nonce != "" && IsRefused(err, codeReplayed) {
		err = c.ask(ctx, "POST", "/v1/credentials", transaction, i.body(), &issued)
	}
	return issued, err
}

// codeReplayed is the code of the refusal of a request whose nonce came before.
const codeReplayed = "signature_replayed"

// body is the document of the issue.
func (i *Issue) body() map[string]any {
	level := i.Level
	if level == 0 {
		level = zhenni.LevelLite
	}
	body := map[string]any{"identity": i.Sealed, "level": level}
	for name, value := range map[string]string{
		"region": i.Region, "reference_float32": i.Reference.Text(), "probe_float32": i.Probe.Text(), "model": i.Model,
	} {
		if value != "" {
			body[name] = value
		}
	}
	if i.Kind != 0 {
		body["issue"] = i.Kind
	}
	if !i.ValidUntil.IsZero() {
		body["valid_until"] = i.ValidUntil.UTC().Format(time.RFC3339)
	}
	if !i.Rotation.IsZero() {
		body["rotation_commitment"] = base64.StdEncoding.EncodeToString(i.Rotation[:])
	}
	if len(i.Evidence) > 0 {
		body["evidence"] = i.Evidence
	}
	if !i.CapturedAt.IsZero() {
		body["captured_at"] = i.CapturedAt.UTC().Format(time.RFC3339)
	}
	addDevice(body, "device_", i.Device)
	return body
}

// addDevice adds the two members of a device's key, or none for the zero key.
func addDevice(body map[string]any, prefix string, device zhenni.PublicKey) {
	point, ok := device.P256()
	if !ok {
		if point, ok = device.Ed25519(); !ok {
			return
		}
	}
	body[prefix+"algorithm"] = device.Algorithm().String()
	body[prefix+"key"] = base64.StdEncoding.EncodeToString(point)
}

func (c *Client) change(ctx context.Context, transaction string, id zhenni.CredentialID, what string, body any) (changed Credential, err error) {
	return changed, c.ask(ctx, "POST", "/v1/credentials/"+id.String()+"/"+what, transaction, body, &changed)
}

// MoveDevice has a credential be on another device: with the answer the old one is void. The zero key is no device.
func (c *Client) MoveDevice(ctx context.Context, transaction string, id zhenni.CredentialID, from, to zhenni.PublicKey) (Credential, error) {
	body := map[string]any{}
	addDevice(body, "from_", from)
	addDevice(body, "to_", to)
	return c.change(ctx, transaction, id, "move-device", body)
}

// ReportLoss suspends a credential.
func (c *Client) ReportLoss(ctx context.Context, transaction string, id zhenni.CredentialID) (Credential, error) {
	return c.change(ctx, transaction, id, "report-loss", nil)
}

// Lock has nobody be accepted by a biometric factor or the PIN from the answer on; Unlock undoes it.
func (c *Client) Lock(ctx context.Context, transaction string, id zhenni.CredentialID, m zhenni.Means) (Credential, error) {
	return c.change(ctx, transaction, id, "lock", map[string]any{"factor": m})
}

// Unlock undoes Lock.
func (c *Client) Unlock(ctx context.Context, transaction string, id zhenni.CredentialID, m zhenni.Means) (Credential, error) {
	return c.change(ctx, transaction, id, "unlock", map[string]any{"factor": m})
}

// PINSetting is a PIN for a credential.
type PINSetting struct {
	// Engine is who the digits are sealed to, for the transaction.
	Engine identity.PublicKey
	Digits string
	// Show signs what a terminal saw, where the server holds its terminals to that: the card or the document. Nil shows nothing.
	Show func(Question) (evidence []string, err error)
}

// SetPIN has the digits be a credential's PIN.
func (c *Client) SetPIN(ctx context.Context, transaction string, id zhenni.CredentialID, set PINSetting) (changed Credential, err error) {
	sealed, err := identity.SealPIN(set.Engine, set.Digits, c.sealedFor(transaction))
	if err != nil {
		return changed, err
	}
	body, nonce := map[string]any{"pin": sealed}, ""
	if set.Show != nil {
		if c.config.Signer != nil {
			nonce = rand.Text()
		}
		q := Question{Credential: id, Capture: sha256.Sum256([]byte(sealed)), Transaction: transaction, Party: c.config.Party, Nonce: nonce}
		if body["evidence"], err = set.Show(q); err != nil {
			return changed, err
		}
	}
	return changed, c.askBy(ctx, "POST", "/v1/credentials/"+id.String()+"/pin", transaction, nonce, body, &changed)
}

// Asked is one question about a credential.
type Asked struct {
	At      time.Time `json:"time"`
	Party   string    `json:"party"`
	Service string    `json:"service"`
	Purpose string    `json:"purpose"`
	Outcome string    `json:"outcome"`
}

// HistoryPage is who asked, the newest first; Next is empty behind the oldest. Before Since and within Gaps something may be
// missing.
type HistoryPage struct {
	Entries []Asked      `json:"entries"`
	Since   time.Time    `json:"since"`
	Gaps    []HistoryGap `json:"gaps"`
	Next    string       `json:"next,omitempty"`
}

// HistoryGap is a time of which something may be missing, and why.
type HistoryGap struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Cause string    `json:"cause"`
}

// History returns a page of who asked about a credential: the newest, or the one that a page calls its next.
func (c *Client) History(ctx context.Context, id zhenni.CredentialID, next string) (page HistoryPage, err error) {
	path := "/v1/credentials/" + id.String() + "/history"
	if next != "" {
		if _, err := zhenni.ParseAskedCursor(next); err != nil {
			return page, err
		}
		path += "/" + next
	}
	return page, c.ask(ctx, "GET", path, "", nil, &page)
}

// ResultKeys returns the keys that sign the server's results. They are to be kept: a server that is asked for its keys at each result is
// believed each time.
func (c *Client) ResultKeys(ctx context.Context) (receipt.Keys, error) {
	var set json.RawMessage
	if err := c.ask(ctx, "GET", "/.well-known/jwks.json", "", nil, &set); err != nil {
		return nil, err
	}
	return receipt.ParseKeys(set)
}

// Check returns what a result says to this party of one transaction, at most maxAge ago: zhenni.ErrBadResult. It asks nobody.
func (c *Client) Check(result string, keys receipt.Keys, transaction string, maxAge time.Duration) (receipt.Claims, error) {
	return receipt.Verify(result, keys, receipt.Expectations{
		Audience: c.config.Party, Transaction: transaction, Now: c.config.Now(), MaxAge: maxAge, Real: true,
	})
}
