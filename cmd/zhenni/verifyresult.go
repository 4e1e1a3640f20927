package main

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"zhenni"
	"zhenni/receipt"
	"zhenni/storage/audit"
)

// verifyResultCommand is verify-result.
type verifyResultCommand struct {
	Result   string  `arg:"" help:"The result itself, or the summary of a group, a file that holds it or the answer it came in, or - for standard input."`
	JWKS     string  `name:"jwks" type:"path" xor:"keys" required:"" placeholder:"FILE" help:"Public keys of the service, as its /.well-known/jwks.json has them. A key that you kept is worth more than one that you fetch."`
	Key      string  `type:"path" xor:"keys" required:"" placeholder:"FILE" help:"One public key, a JSON Web Key."`
	Audience *string `placeholder:"ID" help:"The relying party that the result must speak to: yourself. A result for another says nothing to you."`
	Issuer   *string `placeholder:"NAME" help:"The service that must have made it."`
	Session  *string `placeholder:"ID" help:"The session that the result must be of."`
	boundPayment
	Proof  string `type:"path" placeholder:"FILE" help:"Proof that the request, or one item of the batch, is in the audit log at the place that the result names, as GET /v1/verifications/<transaction>/proof or …/proof/<item> answers it. It takes --log-key."`
	LogKey string `type:"path" placeholder:"FILE" help:"Public key of the audit log, as zhenni audit key prints it."`
	Origin string `placeholder:"TEXT" help:"First line of the log's checkpoints. Default: the name of its key."`
	JSON   bool   `help:"Print one JSON object."`
}

// Help is shown by zhenni verify-result --help.
func (verifyResultCommand) Help() string {
	return `Needs no network and no server: the result, the public key, and for an item of a batch its proof. Exit code 1 says that the result is not what it claims to be, or not for the audience.

Examples:

    zhenni verify-result --jwks jwks.json --audience bank answer.json
    zhenni verify-result --jwks jwks.json --audience bank --proof proof.json --log-key log.pub "$RESULT"
    zhenni verify-result --jwks jwks.json --audience office --session 0123456789abcdef0123456789abcdef results.json
    zhenni verify-result --jwks jwks.json --audience water --payment payee=水务局,amount=1230,currency=CNY,reference=2026-11 answer.json`
}

// Run checks one result.
func (c *verifyResultCommand) Run(out *output) error {
	if (c.Proof == "") != (c.LogKey == "") {
		return usage("--proof and --log-key go together: a proof is checked by the key of the log")
	}
	if err := c.checkNames(); err != nil {
		return err
	}
	keys, err := c.keys()
	if err != nil {
		return err
	}
	text, err := c.read(os.Stdin)
	if err != nil {
		return err
	}
	want := receipt.Expectations{Issuer: orNone(c.Issuer), Now: time.Now()}
	if err := c.bound(&want); err != nil {
		return err
	}
	if receipt.IsSummary(text) {
		return c.runSummary(text, keys, want, out)
	}
	claims, key, err := receipt.Open(text, keys)
	if err == nil {
		want.Audience = cmp.Or(orNone(c.Audience), claims.Audience)
		err = want.Check(claims)
	}
	if err != nil {
		return notSo("%w", err)
	}
	r := reportOf(claims, key)
	if c.Proof != "" {
		if r.Proof, err = c.prove(claims); err != nil {
			return err
		}
	}
	return c.print(r, out)
}

// checkNames refuses what is named and empty, as a variable of a script is that nobody has set: nothing would be checked by it.
func (c *verifyResultCommand) checkNames() error {
	for flag, value := range map[string]*string{"--audience": c.Audience, "--issuer": c.Issuer} {
		if value != nil && *value == "" {
			return usage("%s is empty: name it, or leave the flag out", flag)
		}
	}
	return nil
}

// orNone is the value of a flag, "" where it was not given.
func orNone(flag *string) string {
	if flag == nil {
		return ""
	}
	return *flag
}

// bound reads which session and payment the result must be of.
func (c *verifyResultCommand) bound(want *receipt.Expectations) (err error) {
	if c.Session != nil {
		if want.Session, err = zhenni.ParseSessionID(*c.Session); err != nil {
			return usage("--session: %w", err)
		}
	}
	want.Payment, err = c.payment()
	return err
}

func (c *verifyResultCommand) keys() (receipt.Keys, error) {
	if c.Key != "" {
		return readResultKeys("--key", c.Key)
	}
	return readResultKeys("--jwks", c.JWKS)
}

// read finds the text of the result.
func (c *verifyResultCommand) read(stdin io.Reader) (string, error) {
	text := []byte(c.Result)
	var err error
	switch {
	case c.Result == "-":
		text, err = io.ReadAll(io.LimitReader(stdin, maxKeyFile))
	case strings.Count(c.Result, ".") != 2 || strings.ContainsAny(c.Result, "/ "):
		text, err = readSmall(c.Result)
	}
	if err != nil {
		return "", environment("the result: %w", err)
	}
	found := strings.TrimSpace(string(text))
	if !strings.HasPrefix(found, "{") {
		return found, nil
	}
	var answer struct {
		Result  string `json:"result"`
		Summary string `json:"summary"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Result+answer.Summary == "" {
		return "", notSo("%s: an answer without a result", c.Result)
	}
	return cmp.Or(answer.Result, answer.Summary), nil
}

// prove holds the proof against the log's key and the result against the proof.
func (c *verifyResultCommand) prove(claims receipt.Claims) (*provenEvent, error) {
	line, err := readLine(c.LogKey)
	if err != nil {
		return nil, usage("--log-key: %w", err)
	}
	verifier, err := note.NewVerifier(line)
	if err != nil {
		return nil, usage("--log-key: %w", err)
	}
	leaf, event, err := checkProof(c.Proof, audit.Keys{Origin: c.Origin, Log: verifier})
	if err != nil {
		return nil, err
	}
	if err := fits(claims, leaf, event); err != nil {
		return nil, notSo("--proof %s: %w", c.Proof, err)
	}
	return &event, nil
}

// fits reports why an event that is in the log is not the one of a result.
func fits(c receipt.Claims, leaf audit.Leaf, e provenEvent) error {
	switch {
	case c.LogIndex == receipt.NotRecorded:
		return errors.New("the result is of a request that was not recorded")
	case e.Index != c.LogIndex:
		return fmt.Errorf("the proof is of entry %d, the result of entry %d", e.Index, c.LogIndex)
	case (leaf.Kind == audit.KindBatch) != (c.Items > 0) || leaf.Kind == audit.KindChange:
		return fmt.Errorf("the entry is that of another kind of event: %s", e.Kind)
	case c.Items > 0 && (leaf.Hash != c.Root || leaf.Number != uint64(c.Items)):
		return errors.New("the entry is that of another batch")
	case c.Items == 0 && e.Outcome != c.Outcome.Verdict():
		return fmt.Errorf("the log has %s, the result says %s", e.Outcome, c.Outcome.Verdict())
	case leaf.At.Unix() != c.At.Unix():
		return errors.New("the entry is from another time")
	}
	if f := e.Facts; f != nil && (f.Party != c.Audience || f.Transaction != c.Transaction || f.Profile != c.Profile) {
		return fmt.Errorf("the entry is of transaction %s of %s", f.Transaction, f.Party)
	}
	return nil
}

// resultReport is what a result says, as it is printed.
type resultReport struct {
	OK          bool         `json:"ok"`
	Key         string       `json:"key"`
	Algorithm   string       `json:"algorithm"`
	Issuer      string       `json:"issuer"`
	Audience    string       `json:"audience"`
	At          time.Time    `json:"at"`
	Transaction string       `json:"transaction"`
	Profile     string       `json:"profile"`
	Unsupported bool         `json:"profile_unsupported,omitempty"`
	Service     string       `json:"service,omitempty"`
	Purpose     string       `json:"purpose,omitempty"`
	Evaluation  bool         `json:"evaluation,omitempty"`
	Session     string       `json:"session,omitempty"`
	Payment     string       `json:"payment,omitempty"`
	Tries       uint8        `json:"tries,omitempty"`
	Outcome     string       `json:"outcome,omitempty"`
	Subject     string       `json:"subject,omitempty"`
	Level       string       `json:"level,omitempty"`
	Methods     []string     `json:"methods,omitempty"`
	Assertions  []string     `json:"assertions,omitempty"`
	FMR         float64      `json:"fmr,omitempty"`
	Items       int          `json:"items,omitempty"`
	Root        string       `json:"root,omitempty"`
	LogIndex    *int64       `json:"log_index,omitempty"`
	Proof       *provenEvent `json:"proof,omitempty"`
}

func reportOf(c receipt.Claims, key receipt.Key) resultReport {
	r := resultReport{
		OK: true, Key: key.ID(), Algorithm: key.Algorithm().String(), Issuer: c.Issuer, Audience: c.Audience, At: c.At,
		Transaction: c.Transaction, Profile: c.Profile, Unsupported: c.Unsupported, Service: c.Service, Purpose: c.Purpose, Evaluation: c.Evaluation,
		Subject: c.Subject, Methods: c.Methods, Assertions: c.Assertions, FMR: c.FMR, Items: c.Items,
	}
	if c.Bound.Session != (zhenni.SessionID{}) {
		r.Session, r.Tries = c.Bound.Session.String(), c.Bound.Tries
	}
	if c.Bound.Payment != [32]byte{} {
		r.Payment = base64.RawURLEncoding.EncodeToString(c.Bound.Payment[:])
	}
	if c.Items > 0 {
		r.Root = hex.EncodeToString(c.Root[:])
	} else {
		r.Outcome = c.Outcome.Verdict()
	}
	if c.Outcome == zhenni.Match {
		r.Level = c.Level.String()
	}
	if c.LogIndex != receipt.NotRecorded {
		r.LogIndex = &c.LogIndex
	}
	return r
}

func (c *verifyResultCommand) print(r resultReport, out *output) error {
	if c.JSON {
		return out.JSON(r)
	}
	if err := out.Table(r.rows()); err != nil {
		return err
	}
	if err := out.Print("%s", r.sentence()); err != nil {
		return err
	}
	if c.Audience == nil {
		out.Note("It speaks to %s and to nobody else: --audience checks that this is you.", r.Audience)
	}
	return nil
}

// sentence says in words what was shown.
func (r resultReport) sentence() string {
	said := fmt.Sprintf("Signed by %s, for %s", r.Issuer, r.Audience)
	switch {
	case r.Evaluation:
		said += ": a trial, which says nothing of a real person"
	case r.Items > 0:
		said += fmt.Sprintf(": a batch of %d items", r.Items)
	case r.Outcome == zhenni.Match.Verdict():
		said += ": yes, this is the person"
	default:
		said += ": no, this was not shown to be the person"
	}
	if r.Proof == nil {
		return said + "."
	}
	if r.Items > 0 {
		said += fmt.Sprintf("; item %d was answered %s", *r.Proof.Item, r.Proof.Outcome)
	}
	return said + "; and it is in the log."
}

// rows are the claims in words, those that there are.
func (r resultReport) rows() [][]string {
	rows := [][]string{
		{"issuer", r.Issuer},
		{"relying party", r.Audience},
		{"transaction", r.Transaction},
		{"time", r.At.Format(time.RFC3339)},
	}
	for _, row := range [][]string{
		{"service", r.Service},
		{"purpose", r.Purpose},
		{"session", r.Session},
		{"payment", r.Payment},
		{"outcome", r.Outcome},
		{"person", r.Subject},
		{"level", r.Level},
		{"verified by", strings.Join(r.Methods, ", ")},
		{"asserted", strings.Join(r.Assertions, ", ")},
		{"root", r.Root},
	} {
		if row[1] != "" {
			rows = append(rows, row)
		}
	}
	if r.FMR > 0 {
		rows = append(rows, []string{"false match rate", fmt.Sprint(r.FMR)})
	}
	if r.Tries > 0 {
		rows = append(rows, []string{"comparison", fmt.Sprintf("number %d of the person in the session", r.Tries)})
	}
	if r.Items > 0 {
		rows = append(rows, []string{"items", fmt.Sprint(r.Items)})
	}
	rows = append(rows, []string{"profile", r.profile()}, []string{"log entry", r.entry()})
	if r.Proof != nil {
		rows = append(rows, []string{"log", fmt.Sprintf("%s, %d entries", r.Proof.Origin, r.Proof.Size)}, []string{"credential", r.Proof.Credential.String()})
	}
	return append(rows, []string{"key", r.Key + " (" + r.Algorithm + ")"})
}

func (r resultReport) profile() string {
	if r.Unsupported {
		return r.Profile + ", whose data do not support its rate"
	}
	return r.Profile
}

func (r resultReport) entry() string {
	if r.LogIndex == nil {
		return "none: it was not recorded"
	}
	return fmt.Sprint(*r.LogIndex)
}
