package holder

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"

	"zhenni"
	"zhenni/identity"
)

// PersonAsking is what a person asks another one, and says of both.
type PersonAsking struct {
	// Party is the relying party on whose behalf persons ask each other on the server.
	Party string
	// Expected is the name that who is asked has to have, "" for any. It leaves the phone sealed to Engine.
	Expected string
	Engine   identity.PublicKey
	// Name is the person's own. Who is asked sees it masked, where it is theirs indeed; "" shows none.
	Name string
	// Longest is how long the session waits, in whole seconds of a minute to a day; 0 is a day.
	Longest time.Duration
}

// personPrefix begins the transactions under which persons ask.
const personPrefix = "person."

// AskPerson begins a session in which the holder of the phone asks another person, under a transaction of 1–57 characters. Sent again
// it is answered with the session that it made. Its only link is for the other one; its code is read out to them.
func (s *Seats) AskPerson(ctx context.Context, phone *Phone, transaction string, a PersonAsking, at time.Time) (b Begun, err error) {
	transaction = personPrefix + transaction
	if !zhenni.ValidName(transaction) {
		return b, fmt.Errorf("%w: transaction: want 1–57 of a–z, 0–9, dot, dash and underscore", zhenni.ErrBadValue)
	}
	var token zhenni.SessionToken
	_, _ = rand.Read(token[:]) // never fails
	q := Question{Credential: phone.Credential, Capture: sha256.Sum256(token[:]), Transaction: transaction, Party: a.Party}
	evidence, err := phone.Possession(q, at)
	if err != nil {
		return b, err
	}
	body := map[string]any{"credential": phone.Credential, "phone": token.String(), "evidence": string(evidence), "transaction": transaction}
	if a.Expected != "" {
		if body["expected"], err = identity.SealName(a.Engine, a.Expected, a.Party+"/"+transaction); err != nil {
			return b, err
		}
	}
	if a.Name != "" {
		body["name"] = a.Name
	}
	if a.Longest != 0 {
		body["expires_in_s"] = int64(a.Longest / time.Second)
	}
	return b, s.post(ctx, "/v1/person-sessions", "", body, &b)
}

// AskBack begins a session in which who was asked asks who asked, whose page shows the link. Sent again it is answered with the session
// that it made. The own name is as in [PersonAsking].
func (s *Seats) AskBack(ctx context.Context, seat *Seat, name string) (b Begun, err error) {
	var body any
	if name != "" {
		body = map[string]any{"name": name}
	}
	return b, s.post(ctx, seat.path()+"/ask-back", seat.token.String(), body, &b)
}

// post sends a document under what the phone shows, "" for nothing, and reads the answer.
func (s *Seats) post(ctx context.Context, path, shown string, body, into any) error {
	request, _, err := s.request(ctx, http.MethodPost, path, body)
	if err != nil {
		return err
	}
	if shown != "" {
		request.Header.Set("Session-Token", shown)
	}
	_, err = s.read(request, into)
	return err
}

// Shared is what a person who was asked let who asks see.
type Shared struct {
	// Name is masked, Selfie a JPEG; what was not shared is empty.
	Name   string `json:"name,omitempty"`
	Selfie []byte `json:"selfie,omitempty"`
}

// Shared returns what was shared in a session between persons, to a client that is its asker. It is shown once: an answer that was lost
// is [CodeSharedGone] when it is asked for again.
func (c *Client) Shared(ctx context.Context, id zhenni.SessionID) (shared Shared, err error) {
	request, err := c.sessionRequest(ctx, http.MethodGet, id, "/shared", nil, "")
	if err != nil {
		return shared, err
	}
	_, err = c.read(request, &shared)
	return shared, err
}
