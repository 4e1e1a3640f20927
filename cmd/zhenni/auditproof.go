package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"zhenni"
	"zhenni/storage/audit"
)

// provenEvent is what a checked proof shows.
type provenEvent struct {
	OK         bool                `json:"ok"`
	Origin     string              `json:"origin"`
	Size       int64               `json:"size"`
	Index      int64               `json:"index"`
	Kind       string              `json:"kind"`
	At         time.Time           `json:"at"`
	Item       *int                `json:"item,omitempty"`
	Credential zhenni.CredentialID `json:"credential"`
	Outcome    string              `json:"outcome"`
	// Context is the digest of tenant, party, transaction and profile, and Facts those themselves where the proof has them.
	Context string       `json:"context"`
	Facts   *audit.Facts `json:"facts,omitempty"`
}

// verifyProof checks one proof by keys alone.
func (c *auditVerify) verifyProof(keys audit.Keys, out *output) error {
	_, event, err := checkProof(c.Proof, keys)
	if err != nil {
		return err
	}
	return c.printProof(event, out)
}

// checkProof reads the proof in a file and checks it by keys alone.
func checkProof(path string, keys audit.Keys) (leaf audit.Leaf, event provenEvent, err error) {
	text, err := readSmall(path)
	if err != nil {
		return leaf, event, environment("--proof: %w", err)
	}
	var e audit.Evidence
	if err := json.Unmarshal(text, &e); err != nil {
		return leaf, event, notSo("--proof %s: not the JSON of a proof: %w", path, err)
	}
	origin, signers := keys.Origin, []note.Verifier{keys.Log}
	if origin == "" {
		origin = keys.Log.Name()
	}
	if keys.Witness != nil {
		signers = append(signers, keys.Witness)
	}
	leaf, opening, tree, err := e.Check(origin, signers...)
	if err != nil {
		return leaf, event, notSo("--proof %s: %w", path, err)
	}
	return leaf, eventOf(e, leaf, opening, origin, tree.N), nil
}

var kindNames = map[audit.Kind]string{
	audit.KindVerification: "verification", audit.KindChange: "change of state", audit.KindBatch: "item of a batch",
}

func eventOf(e audit.Evidence, leaf audit.Leaf, o audit.Opening, origin string, size int64) provenEvent {
	p := provenEvent{
		OK: true, Origin: origin, Size: size, Index: e.Index, Kind: kindNames[leaf.Kind], At: leaf.At,
		Credential: o.Credential, Context: hex.EncodeToString(o.Context[:]), Facts: e.Context,
	}
	if e.Item != nil {
		p.Item = &e.Item.Item
	}
	if leaf.Kind == audit.KindChange {
		p.Outcome = zhenni.Status(o.Code).String()
		return p
	}
	outcome := zhenni.Outcome(o.Code)
	if outcome == zhenni.Pending { // of what was settled like one, as the setting of a PIN
		p.Outcome = "none: nobody was compared"
		return p
	}
	p.Outcome = outcome.Verdict()
	if reason := outcome.Reason(); reason != "" {
		p.Outcome += ": " + reason
	}
	return p
}

func (c *auditVerify) printProof(p provenEvent, out *output) error {
	if c.JSON {
		return out.JSON(p)
	}
	rows := [][]string{
		{"log", p.Origin},
		{"entry", fmt.Sprintf("%d of %d", p.Index, p.Size)},
		{"event", p.Kind},
		{"time", p.At.Format(time.RFC3339Nano)},
	}
	if p.Item != nil {
		rows = append(rows, []string{"item", fmt.Sprint(*p.Item)})
	}
	rows = append(rows, []string{"credential", p.Credential.String()}, []string{"outcome", p.Outcome})
	if f := p.Facts; f != nil {
		rows = append(rows, [][]string{
			{"relying party", f.Party}, {"tenant", fmt.Sprint(f.Tenant)}, {"transaction", f.Transaction}, {"profile", f.Profile},
		}...)
	}
	if err := out.Table(rows); err != nil {
		return err
	}
	return out.Print("It is in the log.")
}
