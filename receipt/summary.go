package receipt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"zhenni"
)

// summaryType is what a summary is: no result is taken for one, and none for a result.
const summaryType = "zhenni-summary+jwt"

// Summary is what is said of a group of people who were asked in one session: how many, how many of them had to be confirmed and how
// many were, and of nobody who. Each one's own answer is a result.
type Summary struct {
	// Issuer is who says it, Audience the id of the relying party it is said to and to nobody else.
	Issuer, Audience string
	// Evaluation marks a trial, which says nothing of real people.
	Evaluation bool
	// GroupOutcome is what is said, its time to the second.
	zhenni.GroupOutcome
}

// ends are the words for how a group ends; any other leaves it live, of which there is no summary.
var ends = map[string]zhenni.SessionEnd{
	"completed": zhenni.SessionCompleted, "refused": zhenni.SessionRefused, "timeout": zhenni.SessionTimeout,
	"cancelled": zhenni.SessionCancelled, "quorum_failed": zhenni.SessionQuorumFailed,
}

// check reports the first claim that is out of range or contradicts another, as [zhenni.ErrBadResult].
func (s *Summary) check() error {
	switch {
	case !validIssuer(s.Issuer):
		return bad("iss: want 1–%d visible ASCII characters, no quotation mark or backslash", maxIssuer)
	case !zhenni.ValidName(s.Audience):
		return bad("aud is not the id of a relying party")
	case s.At.Unix() < 0 || s.At.Unix() >= latest:
		return bad("iat is out of range")
	case s.Session == zhenni.SessionID{}:
		return bad("session is not the id of one")
	case !zhenni.ValidName(s.Service) || !zhenni.ValidName(s.Purpose):
		return bad("service and purpose are not names, or not both there")
	case s.End == zhenni.SessionLive || ends[s.End.String()] != s.End:
		return bad("outcome is not how a group ends")
	case s.Seats < 1 || s.Seats > zhenni.MaxSeats || s.Quorum < 1 || s.Quorum > s.Seats || s.Confirmed < 0 || s.Confirmed > s.Seats:
		return bad("seats, quorum and confirmed do not fit each other: want 1–%d seats", zhenni.MaxSeats)
	case s.Confirmed >= s.Quorum && s.End != zhenni.SessionCompleted, s.Confirmed < s.Quorum && s.End == zhenni.SessionCompleted && s.Seats > 1:
		return bad("outcome and confirmed contradict each other")
	}
	return nil
}

// payload returns the one spelling of the summary. No value needs an escape.
func (s *Summary) payload() []byte {
	b := appendText([]byte{'{'}, "iss", s.Issuer)
	b = appendText(append(b, ','), "aud", s.Audience)
	b = strconv.AppendInt(append(b, `,"iat":`...), s.At.Unix(), 10)
	b = appendText(append(b, ','), "session", s.Session.String())
	b = appendText(append(b, ','), "service", s.Service)
	b = appendText(append(b, ','), "purpose", s.Purpose)
	if s.Evaluation {
		b = append(b, `,"evaluation":true`...)
	}
	b = appendText(append(b, ','), "outcome", s.End.String())
	return fmt.Appendf(b, `,"seats":%d,"quorum":%d,"confirmed":%d}`, s.Seats, s.Quorum, s.Confirmed)
}

// summaryWire is a payload as the JSON library reads it, which is more than is taken.
type summaryWire struct {
	Issuer     string `json:"iss"`
	Audience   string `json:"aud"`
	At         int64  `json:"iat"`
	Session    string `json:"session"`
	Service    string `json:"service"`
	Purpose    string `json:"purpose"`
	Evaluation bool   `json:"evaluation"`
	Outcome    string `json:"outcome"`
	Seats      int    `json:"seats"`
	Quorum     int    `json:"quorum"`
	Confirmed  int    `json:"confirmed"`
}

// parseSummary reads a payload in its one spelling, as parseClaims does.
func parseSummary(payload []byte) (Summary, error) {
	if len(payload) > maxPayload {
		return Summary{}, bad("a payload of %d bytes, want at most %d", len(payload), maxPayload)
	}
	var w summaryWire
	if err := json.Unmarshal(payload, &w); err != nil {
		return Summary{}, bad("the payload is not the JSON of a summary")
	}
	id, err := zhenni.ParseSessionID(w.Session)
	if err != nil {
		return Summary{}, bad("session is not the id of one")
	}
	s := Summary{Issuer: w.Issuer, Audience: w.Audience, Evaluation: w.Evaluation, GroupOutcome: zhenni.GroupOutcome{
		Session: id, Service: w.Service, Purpose: w.Purpose, End: ends[w.Outcome], Seats: w.Seats, Quorum: w.Quorum, Confirmed: w.Confirmed,
		At: time.Unix(w.At, 0).UTC(),
	}}
	if err := s.check(); err != nil {
		return Summary{}, err
	}
	if !bytes.Equal(s.payload(), payload) {
		return Summary{}, bad("the payload is not in its one form")
	}
	return s, nil
}

// Summarise returns the signed summary of a group that a relying party asked: the same bytes for as long as the key is in use, and
// [zhenni.ErrBadResult] of what is none.
func (i *Issuer) Summarise(party zhenni.RelyingParty, g zhenni.GroupOutcome) ([]byte, error) {
	s := Summary{Issuer: i.name, Audience: party.ID, Evaluation: party.Evaluation, GroupOutcome: g}
	if err := s.check(); err != nil {
		return nil, err
	}
	return seal(i.signers[0], i.signers[0].Key().summary, s.payload())
}

// IsSummary reports whether a text says of itself that it is a summary, so that whoever has one or the other knows what to open it by.
func IsSummary(text string) bool {
	header, _, _ := strings.Cut(text, ".")
	decoded, err := urlBase64.DecodeString(header)
	return err == nil && bytes.HasSuffix(decoded, []byte(`,"typ":"`+summaryType+`"}`))
}

// OpenSummary returns what a summary says and the key that signed it, to whomever it is said: whoever acts on it compares the audience,
// as [Expectations.CheckSummary] does. Errors are [zhenni.ErrBadResult].
func OpenSummary(text string, keys Keys) (Summary, Key, error) {
	payload, key, err := unseal(text, keys, func(k Key) string { return k.summary })
	if err != nil {
		return Summary{}, Key{}, err
	}
	s, err := parseSummary(payload)
	return s, key, err
}

// CheckSummary reports why a summary is not the one that is wanted, as [zhenni.ErrBadResult]. It is of no transaction and no payment.
func (want Expectations) CheckSummary(s Summary) error {
	switch {
	case want.Transaction != "" || want.Payment != nil:
		return bad("a summary is of no transaction and of no payment")
	case want.Session != zhenni.SessionID{} && s.Session != want.Session:
		return bad("it is not of session %s", want.Session)
	}
	return want.checkSaid(s.Issuer, s.Audience, s.Evaluation, s.At)
}
