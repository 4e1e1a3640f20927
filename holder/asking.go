package holder

import (
	"context"
	"encoding/base64"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"time"

	"zhenni"
)

// Asking is the session that a party asks for. Which fields it has is told by its kind.
type Asking struct {
	Kind             zhenni.SessionKind
	Service, Purpose string
	// Credentials are who is asked; empty is whoever opens the session. Quorum is how many of a group have to be confirmed, 0
	// for one.
	Credentials []zhenni.CredentialID
	Quorum      int
	// Longest is how long the session waits, in whole seconds; 0 is as long as its kind may.
	Longest time.Duration
	Payment *zhenni.Payment
	// Due is when a proof of life is.
	Due time.Time
}

func (a Asking) body() map[string]any {
	body := map[string]any{"kind": a.Kind, "service": a.Service, "purpose": a.Purpose}
	switch {
	case a.Kind == zhenni.SessionGroup:
		body["credentials"] = a.Credentials
	case len(a.Credentials) > 0:
		body["credential"] = a.Credentials[0]
	}
	if a.Quorum != 0 {
		body["quorum"] = a.Quorum
	}
	if a.Longest != 0 {
		body["expires_in_s"] = int64(a.Longest / time.Second)
	}
	if p := a.Payment; p != nil {
		body["payee"], body["amount"], body["currency"], body["reference"] = p.Payee, p.Amount, p.Currency, p.Reference
	}
	if !a.Due.IsZero() {
		body["due"] = a.Due.UTC().Format(time.RFC3339)
	}
	return body
}

// SessionView is a session as who asks sees it. It is the same for every credential that is not confirmed.
type SessionView struct {
	Session string             `json:"session"`
	Kind    zhenni.SessionKind `json:"kind"`
	Service string             `json:"service"`
	Purpose string             `json:"purpose"`
	// Outcome is live until the session has ended. Confirmed is of one that was completed.
	Outcome   zhenni.SessionEnd `json:"outcome"`
	Confirmed bool              `json:"confirmed"`
	// Opened is how many have opened the session, Answered how many of a group have answered, and Seats how, once it has ended.
	Opened   int                `json:"opened"`
	Answered int                `json:"answered,omitempty"`
	Seats    []zhenni.SeatState `json:"seats,omitempty"`
	// Code is read out by who asks; where CodeWanted is set they type the one that the phone shows, and CodeRight says that they did.
	Code       string    `json:"code,omitempty"`
	CodeWanted bool      `json:"code_wanted,omitempty"`
	CodeRight  bool      `json:"code_right,omitempty"`
	Deadline   time.Time `json:"deadline"`
	// Transaction is what evidence of the next capture is signed for, where who asks captures.
	Transaction string `json:"transaction,omitempty"`
	// Shared is what a person who was asked let see: [Client.Shared] shows it once, as long as SharedWaiting is set. Back is the link by
	// which who asks answers, where they are asked back.
	Shared        []string `json:"shared,omitempty"`
	SharedWaiting bool     `json:"shared_waiting,omitempty"`
	Back          string   `json:"back,omitempty"`
	// Results are the signed results of who was confirmed, and Summary that of a group; of [Client.Results] alone. Gone are the seats
	// that were confirmed and whose result is not kept any more.
	Results []string `json:"results,omitempty"`
	Gone    []int    `json:"gone,omitempty"`
	Summary string   `json:"summary,omitempty"`
	// Tag names what is shown: two views of one tag are alike.
	Tag string `json:"-"`
}

// Begun is a session that a party has begun: what its screen and the links of those asked are made of. It is a secret.
type Begun struct {
	SessionView
	// AskerToken lets a page see the session, and what it asks of it, in the party's place.
	AskerToken string `json:"asker_token"`
	// QRKey is what codes on a screen are made with, each for a second; empty where there are none.
	QRKey string `json:"qr_key,omitempty"`
	// Links are one a seat, each for [ParseInvitation]; of [Seats.AskBack] there are none.
	Links []string `json:"links"`
	// Now was the time of the server.
	Now time.Time `json:"now"`
}

// QR is what the code of a second says, without the address of a page: zhenni.ErrBadValue where the session has none.
func (b *Begun) QR(now time.Time) (string, error) {
	key, ok := zhenni.ParseSessionToken([]byte(b.QRKey))
	if !ok {
		return "", fmt.Errorf("%w: a session of kind %s has no codes", zhenni.ErrBadValue, b.Kind)
	}
	proof := zhenni.SessionQR(key, now.Unix())
	return b.Session + "." + base64.RawURLEncoding.EncodeToString(proof[:]), nil
}

// Begin begins a session under a transaction. Sent again it is answered with the session that it made.
func (c *Client) Begin(ctx context.Context, transaction string, a Asking) (b Begun, err error) {
	return b, c.ask(ctx, http.MethodPost, "/v1/sessions", transaction, a.body(), &b)
}

// sessionRequest makes a request about a session, by the party.
func (c *Client) sessionRequest(ctx context.Context, method string, id zhenni.SessionID, what string, body any, nonce string) (*http.Request, error) {
	request, text, err := c.request(ctx, method, "/v1/sessions/"+id.String()+what, body)
	if err != nil {
		return nil, err
	}
	return request, c.prove(request, text, nonce)
}

func (c *Client) askSession(ctx context.Context, method string, id zhenni.SessionID, what string, body any, header ...string) (v SessionView, err error) {
	request, err := c.sessionRequest(ctx, method, id, what, body, "")
	if err != nil {
		return v, err
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	v.Tag, err = c.read(request, &v)
	return v, err
}

// Session returns a session of the party.
func (c *Client) Session(ctx context.Context, id zhenni.SessionID) (SessionView, error) {
	return c.askSession(ctx, http.MethodGet, id, "", nil)
}

// WaitSession returns a session once it shows something else than before, or as it was after so long, of which a server takes 30 s.
func (c *Client) WaitSession(ctx context.Context, id zhenni.SessionID, before SessionView, longest time.Duration) (SessionView, error) {
	v, err := c.askSession(ctx, http.MethodGet, id, "", nil, waiting(before.Tag, longest)...)
	if err == nil && v.Session == "" {
		return before, nil
	}
	return v, err
}

// FollowSession yields a session as [Seats.Follow] does.
func (c *Client) FollowSession(ctx context.Context, id zhenni.SessionID) iter.Seq2[SessionView, error] {
	open := func() (*http.Request, error) { return c.sessionRequest(ctx, http.MethodGet, id, "/events", nil, "") }
	return func(yield func(SessionView, error) bool) {
		follow(ctx, &c.wire, open, func(v SessionView, err error) (more bool) {
			return yield(v, err) && err == nil && v.Outcome == zhenni.SessionLive
		})
	}
}

// TypeCode types the two digits that the phone shows. Wrong ones end the session.
func (c *Client) TypeCode(ctx context.Context, id zhenni.SessionID, code string) (SessionView, error) {
	return c.askSession(ctx, http.MethodPost, id, "/code", map[string]any{"code": code})
}

// Cancel takes a session back.
func (c *Client) Cancel(ctx context.Context, id zhenni.SessionID) (SessionView, error) {
	return c.askSession(ctx, http.MethodPost, id, "/cancel", nil)
}

// Capture shows a person by the terminal of who asks, at a hotel and at a kiosk, for the try that is named by its transaction; "" names
// none. Sent again after an answer that was lost, it begins no other try: where that one is decided it returns the session as it is.
// The request is signed with the nonce, which the evidence names, and is drawn anew with it each time that it is sent; "" is of a party
// that has an API key.
func (c *Client) Capture(ctx context.Context, id zhenni.SessionID, try string, a Answer, nonce string) (v SessionView, err error) {
	request, text, err := c.request(ctx, http.MethodPost, "/v1/sessions/"+id.String()+"/capture", a.body())
	if err != nil {
		return v, err
	}
	if try != "" {
		request.Header.Set("Transaction-Id", try)
	}
	if err := c.prove(request, text, nonce); err != nil {
		return v, err
	}
	v.Tag, err = c.read(request, &v)
	if try != "" && IsRefused(err, CodeSessionStep, CodeSessionEnded) {
		if seen, failed := c.Session(ctx, id); failed == nil && seen.Transaction != try {
			return seen, nil
		}
	}
	return v, err
}

// CaptureTransaction is what evidence of the capture at a terminal is signed for, where so many were tried before and did not match.
func CaptureTransaction(id zhenni.SessionID, tried int) string {
	return "session." + id.String() + ".0." + strconv.Itoa(tried)
}

// Results returns a session that has ended with the signed results of who was confirmed, and of a group the signed summary.
func (c *Client) Results(ctx context.Context, id zhenni.SessionID) (SessionView, error) {
	return c.askSession(ctx, http.MethodGet, id, "/results", nil)
}
