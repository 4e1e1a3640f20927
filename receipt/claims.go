package receipt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"zhenni"
)

// Claims are what a result says.
type Claims struct {
	// Issuer is who says it, Audience the id of the relying party it is said to and to nobody else.
	Issuer, Audience string
	// At is when it was decided, to the second.
	At time.Time
	// Transaction is the id that the relying party asked under. It names the result together with Audience.
	Transaction string
	// Profile is the id of the threshold that decided; Unsupported says that its data do not carry its rate.
	Profile     string
	Unsupported bool
	// Service and Purpose are what it was asked for; both are empty where none was named.
	Service, Purpose string
	// Evaluation marks a trial, which says nothing of a real person.
	Evaluation bool
	// Bound is the session that the verification is a comparison of, whose transaction names it too; zero where it is of none.
	Bound zhenni.Binding
	// Outcome is Match or NoMatch, and Pending for a request in bulk.
	Outcome zhenni.Outcome

	// The rest of a Match, and of nothing else: the person's pseudonym in the sector of the audience, the level of the
	// credential, the methods by which the person was verified (RFC 8176), what is asserted, and the false match rate of
	// the transaction, 0 where none is stated.
	Subject    string
	Level      zhenni.Level
	Methods    []string
	Assertions []string
	FMR        float64

	// Items and Root are the number of items of a request in bulk and the root of the tree over them; 0 for a single
	// verification.
	Items int
	Root  [32]byte

	// LogIndex is the place of the request's leaf in the audit log, or [NotRecorded].
	LogIndex int64
}

// NotRecorded is the LogIndex of what is in no log.
const NotRecorded = -1

// Bounds of what a result holds. The longest payload fits maxPayload, and stays far below what is stored of an answer.
const (
	maxIssuer  = 200
	maxWords   = 8
	maxPayload = 2048
	latest     = 1 << 40 // seconds
)

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", zhenni.ErrBadResult, fmt.Sprintf(format, args...))
}

// check reports the first claim that is out of range or contradicts another, as [zhenni.ErrBadResult].
func (c *Claims) check() error {
	switch {
	case !validIssuer(c.Issuer):
		return bad("iss: want 1–%d visible ASCII characters, no quotation mark or backslash", maxIssuer)
	case !zhenni.ValidName(c.Audience):
		return bad("aud is not the id of a relying party")
	case !zhenni.ValidName(c.Transaction):
		return bad("txn is not a transaction id")
	case !zhenni.ValidName(c.Profile):
		return bad("profile is not the id of a profile")
	case c.Service+c.Purpose != "" && !(zhenni.ValidName(c.Service) && zhenni.ValidName(c.Purpose)):
		return bad("service and purpose are not names, or not both there")
	case c.At.Unix() < 0 || c.At.Unix() >= latest:
		return bad("iat is out of range")
	case c.LogIndex < NotRecorded:
		return bad("log_index is negative")
	case !validBinding(c.Bound, c.Transaction):
		return bad("session, payment and tries do not fit each other, or not txn")
	case c.Items < 0 || c.Items > zhenni.MaxBatchItems:
		return bad("items: want 1–%d", zhenni.MaxBatchItems)
	case c.Items > 0:
		return c.checkBatch()
	case c.Root != [32]byte{}:
		return bad("a root without items")
	case c.Outcome == zhenni.Match:
		return c.checkYes()
	case c.Outcome != zhenni.NoMatch:
		return bad("outcome: want match or no_match")
	}
	return c.checkSilent()
}

// checkBatch: a batch says how many items it has and where they are, and nothing of any of them.
func (c *Claims) checkBatch() error {
	switch {
	case c.Outcome != zhenni.Pending:
		return bad("a batch has no outcome")
	case c.Bound != zhenni.Binding{}:
		return bad("a batch is of no session")
	case c.LogIndex == NotRecorded:
		return bad("a batch without its place in the log")
	}
	return c.checkSilent()
}

// checkSilent: only a yes says anything of a person.
func (c *Claims) checkSilent() error {
	if c.Subject != "" || c.Level != 0 || len(c.Methods) > 0 || len(c.Assertions) > 0 || c.FMR != 0 {
		return bad("sub, acr, amr, assertions or fmr without a match")
	}
	return nil
}

func (c *Claims) checkYes() error {
	switch {
	case !validPseudonym(c.Subject):
		return bad("sub is not a pseudonym")
	case c.Level != zhenni.LevelLite && c.Level != zhenni.LevelFull:
		return bad("acr: want lite or full")
	case !validWords(c.Methods) || len(c.Methods) == 0:
		return bad("amr: want 1–%d words, each once", maxWords)
	case !validWords(c.Assertions):
		return bad("assertions: want at most %d words, each once", maxWords)
	case !(c.FMR >= 0 && c.FMR <= 1):
		return bad("fmr: want a rate of at most 1")
	}
	return nil
}

// validBinding reports whether b is that of a comparison under a transaction, or of none.
func validBinding(b zhenni.Binding, transaction string) bool {
	if b.Session == (zhenni.SessionID{}) {
		return b == zhenni.Binding{}
	}
	return b.Tries >= 1 && b.Tries <= zhenni.MaxTries && strings.HasPrefix(transaction, "session."+b.Session.String()+".")
}

// validIssuer reports whether s needs no escape in JSON and no quotation in a terminal.
func validIssuer(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\' {
			return false
		}
	}
	return s != "" && len(s) <= maxIssuer
}

func validWords(words []string) bool {
	for i, word := range words {
		if !zhenni.ValidName(word) || slices.Contains(words[:i], word) {
			return false
		}
	}
	return len(words) <= maxWords
}

// append writes the payload, but for what is known only once the request is recorded: appendPlace ends it. No value needs
// an escape.
func (c *Claims) append(dst []byte) []byte {
	dst = appendText(append(dst, '{'), "iss", c.Issuer)
	dst = appendText(append(dst, ','), "aud", c.Audience)
	dst = strconv.AppendInt(append(dst, `,"iat":`...), c.At.Unix(), 10)
	dst = appendText(append(dst, ','), "txn", c.Transaction)
	dst = appendText(append(dst, ','), "profile", c.Profile)
	if c.Unsupported {
		dst = append(dst, `,"profile_supported":false`...)
	}
	if c.Service != "" {
		dst = appendText(append(dst, ','), "service", c.Service)
		dst = appendText(append(dst, ','), "purpose", c.Purpose)
	}
	if c.Evaluation {
		dst = append(dst, `,"evaluation":true`...)
	}
	dst = appendBinding(dst, c.Bound)
	if c.Items > 0 {
		return strconv.AppendInt(append(dst, `,"items":`...), int64(c.Items), 10)
	}
	dst = appendText(append(dst, ','), "outcome", c.Outcome.Verdict())
	if c.Outcome != zhenni.Match {
		return dst
	}
	dst = appendText(append(dst, ','), "sub", c.Subject)
	dst = appendText(append(dst, ','), "acr", c.Level.String())
	dst = appendWords(dst, "amr", c.Methods)
	if len(c.Assertions) > 0 {
		dst = appendWords(dst, "assertions", c.Assertions)
	}
	if c.FMR > 0 {
		dst = strconv.AppendFloat(append(dst, `,"fmr":`...), c.FMR, 'g', -1, 64)
	}
	return dst
}

// appendBinding writes the session of a comparison, if it is of one.
func appendBinding(dst []byte, b zhenni.Binding) []byte {
	if b.Session == (zhenni.SessionID{}) {
		return dst
	}
	dst = appendText(append(dst, ','), "session", b.Session.String())
	if b.Payment != [32]byte{} {
		dst = appendText(append(dst, ','), "payment", urlBase64.EncodeToString(b.Payment[:]))
	}
	return strconv.AppendUint(append(dst, `,"tries":`...), uint64(b.Tries), 10)
}

// appendPlace ends a payload with where the request is recorded.
func appendPlace(dst []byte, batch bool, root [32]byte, index int64) []byte {
	if batch {
		dst = appendText(append(dst, ','), "root", urlBase64.EncodeToString(root[:]))
	}
	if index != NotRecorded {
		dst = strconv.AppendInt(append(dst, `,"log_index":`...), index, 10)
	}
	return append(dst, '}')
}

func appendText(dst []byte, name, value string) []byte {
	dst = append(append(append(dst, '"'), name...), `":"`...)
	return append(append(dst, value...), '"')
}

func appendWords(dst []byte, name string, words []string) []byte {
	dst = append(append(append(dst, ',', '"'), name...), `":[`...)
	for i, word := range words {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), word...), '"')
	}
	return append(dst, ']')
}

// payload returns the one spelling of the claims.
func (c *Claims) payload() []byte {
	return appendPlace(c.append(nil), c.Items > 0, c.Root, c.LogIndex)
}

// wire is a payload as the JSON library reads it, which is more than is taken.
type wire struct {
	Issuer      string   `json:"iss"`
	Audience    string   `json:"aud"`
	At          int64    `json:"iat"`
	Transaction string   `json:"txn"`
	Profile     string   `json:"profile"`
	Supported   *bool    `json:"profile_supported"`
	Service     string   `json:"service"`
	Purpose     string   `json:"purpose"`
	Evaluation  bool     `json:"evaluation"`
	Session     string   `json:"session"`
	Payment     string   `json:"payment"`
	Tries       uint8    `json:"tries"`
	Outcome     string   `json:"outcome"`
	Subject     string   `json:"sub"`
	Level       string   `json:"acr"`
	Methods     []string `json:"amr"`
	Assertions  []string `json:"assertions"`
	FMR         float64  `json:"fmr"`
	Items       int      `json:"items"`
	Root        string   `json:"root"`
	LogIndex    *int64   `json:"log_index"`
}

// parseClaims reads a payload. What the library passes over (members that occur twice, in another case or order, unknown
// ones, white space, escapes) does not come out again when the claims are written, and so is refused.
func parseClaims(payload []byte) (Claims, error) {
	if len(payload) > maxPayload {
		return Claims{}, bad("a payload of %d bytes, want at most %d", len(payload), maxPayload)
	}
	var w wire
	if err := json.Unmarshal(payload, &w); err != nil {
		return Claims{}, bad("the payload is not the JSON of a result")
	}
	c := Claims{
		Issuer: w.Issuer, Audience: w.Audience, At: time.Unix(w.At, 0).UTC(), Transaction: w.Transaction, Profile: w.Profile,
		Unsupported: w.Supported != nil && !*w.Supported, Service: w.Service, Purpose: w.Purpose,
		Evaluation: w.Evaluation, Bound: w.binding(), Outcome: outcomes[w.Outcome],
		Subject: w.Subject, Level: levels[w.Level], Methods: w.Methods, Assertions: w.Assertions, FMR: w.FMR,
		Items: w.Items, LogIndex: NotRecorded,
	}
	if w.LogIndex != nil {
		c.LogIndex = *w.LogIndex
	}
	if root, err := urlBase64.DecodeString(w.Root); err == nil && len(root) == len(c.Root) {
		c.Root = [32]byte(root)
	}
	if err := c.check(); err != nil {
		return Claims{}, err
	}
	if !bytes.Equal(c.payload(), payload) {
		return Claims{}, bad("the payload is not in its one form")
	}
	return c, nil
}

// binding reads the session of a comparison; what is spelled another way comes to something else.
func (w *wire) binding() zhenni.Binding {
	b := zhenni.Binding{Tries: w.Tries}
	b.Session, _ = zhenni.ParseSessionID(w.Session)
	if hash, err := urlBase64.DecodeString(w.Payment); err == nil && len(hash) == len(b.Payment) {
		b.Payment = [32]byte(hash)
	}
	return b
}

// The words of a payload; any other leaves the claim unset, which no payload is written from.
var (
	outcomes = map[string]zhenni.Outcome{"match": zhenni.Match, "no_match": zhenni.NoMatch}
	levels   = map[string]zhenni.Level{"lite": zhenni.LevelLite, "full": zhenni.LevelFull}
)
