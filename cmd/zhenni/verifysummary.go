package main

import (
	"cmp"
	"fmt"
	"time"

	"zhenni/receipt"
)

// runSummary checks the summary of a group.
func (c *verifyResultCommand) runSummary(text string, keys receipt.Keys, want receipt.Expectations, out *output) error {
	if c.Proof != "" {
		return usage("--proof: the summary of a group is in no log, the results of its members are")
	}
	summary, key, err := receipt.OpenSummary(text, keys)
	if err == nil {
		want.Audience = cmp.Or(orNone(c.Audience), summary.Audience)
		err = want.CheckSummary(summary)
	}
	if err != nil {
		return notSo("%w", err)
	}
	r := summaryReport{
		OK: true, Key: key.ID(), Algorithm: key.Algorithm().String(), Issuer: summary.Issuer, Audience: summary.Audience, At: summary.At,
		Session: summary.Session.String(), Service: summary.Service, Purpose: summary.Purpose, Evaluation: summary.Evaluation,
		Outcome: summary.End.String(), Seats: summary.Seats, Quorum: summary.Quorum, Confirmed: summary.Confirmed, Yes: summary.Yes(),
	}
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

// summaryReport is what a summary says, as it is printed.
type summaryReport struct {
	OK         bool      `json:"ok"`
	Key        string    `json:"key"`
	Algorithm  string    `json:"algorithm"`
	Issuer     string    `json:"issuer"`
	Audience   string    `json:"audience"`
	At         time.Time `json:"at"`
	Session    string    `json:"session"`
	Service    string    `json:"service"`
	Purpose    string    `json:"purpose"`
	Evaluation bool      `json:"evaluation,omitempty"`
	Outcome    string    `json:"outcome"`
	Seats      int       `json:"seats"`
	Quorum     int       `json:"quorum"`
	Confirmed  int       `json:"confirmed"`
	// Yes says that so many were confirmed as had to be.
	Yes bool `json:"yes"`
}

// wanted says of how many a yes is.
func (r summaryReport) wanted() string {
	if r.Quorum == r.Seats {
		return fmt.Sprintf("all %d", r.Seats)
	}
	return fmt.Sprintf("%d of %d", r.Quorum, r.Seats)
}

// sentence says in words what was shown.
func (r summaryReport) sentence() string {
	said := fmt.Sprintf("Signed by %s, for %s", r.Issuer, r.Audience)
	if r.Evaluation {
		return said + ": a trial, which says nothing of real people."
	}
	verdict := "no"
	if r.Yes {
		verdict = "yes"
	}
	return fmt.Sprintf("%s: %s, %d were confirmed, where %s had to be.", said, verdict, r.Confirmed, r.wanted())
}

func (r summaryReport) rows() [][]string {
	return [][]string{
		{"issuer", r.Issuer},
		{"relying party", r.Audience},
		{"session", r.Session},
		{"time", r.At.Format(time.RFC3339)},
		{"service", r.Service},
		{"purpose", r.Purpose},
		{"outcome", r.Outcome},
		{"asked", fmt.Sprint(r.Seats)},
		{"wanted", r.wanted()},
		{"confirmed", fmt.Sprint(r.Confirmed)},
		{"key", r.Key + " (" + r.Algorithm + ")"},
	}
}
