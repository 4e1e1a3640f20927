package sandbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"zhenni"
	"zhenni/holder"
)

// maxArrival bounds the answer to an arrival, in bytes.
const maxArrival = 1 << 16

// arrive has the phone of a subject come to a hotel, as by its printed code, and read out what the hotel claims the guest by. The hotel's
// device captures.
func (p *Phones) arrive(ctx context.Context, s *Subject, hotel string) (v holder.SeatView, err error) {
	phone, err := holder.OpenPhone(p.path(s, "phone"), nil)
	if err != nil {
		return v, err
	}
	defer phone.Forget()
	var token zhenni.SessionToken
	_, _ = rand.Read(token[:]) // never fails
	sum := sha256.Sum256(token[:])
	q := holder.Question{Credential: phone.Credential, Capture: sum, Transaction: "arrival." + hex.EncodeToString(sum[:16]), Party: hotel}
	evidence, err := phone.Possession(q, p.now())
	if err != nil {
		return v, err
	}
	if err := p.post(ctx, "/v1/arrivals", map[string]any{
		"party": hotel, "credential": phone.Credential, "phone": token.String(), "evidence": string(evidence),
	}, &v); err != nil {
		return v, err
	}
	switch s.conduct {
	case misreads:
		v.Code = otherThan(v.Code)
	case declines:
		id, err := zhenni.ParseSessionID(v.Session)
		if err != nil {
			return v, err
		}
		seat, err := seatOf(holder.Invitation{Session: id, Shown: token.String()}, token)
		if err != nil {
			return v, err
		}
		return p.seats.Decline(ctx, seat, false, false)
	case calledBack:
		if err := p.callBack(ctx, v); err != nil {
			return v, err
		}
		v.Outcome = zhenni.SessionCancelled
	}
	return v, nil
}

// post sends a document as a phone does, without an account.
func (p *Phones) post(ctx context.Context, path string, document, into any) error {
	text, err := json.Marshal(document)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("%w: %w", zhenni.ErrUnavailable, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxArrival))
	if err != nil {
		return fmt.Errorf("%w: %w", zhenni.ErrUnavailable, err)
	}
	if response.StatusCode/100 != 2 {
		refusal := &holder.Refusal{}
		_ = json.Unmarshal(answer, refusal) // of what is no problem document the status is left
		refusal.Status = response.StatusCode
		return refusal
	}
	return json.Unmarshal(answer, into)
}
