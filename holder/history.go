package holder

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"zhenni"
)

// A holder reads who asked about the own credential without an account: the device of the credential signs for it, for a minute.

// holderAudience is the party that such evidence is for, and holderPrefix begins its transactions, each followed by a nonce.
const (
	holderAudience = "holder"
	holderPrefix   = "inbox."
)

// reading is what proves, for a minute, that the phone may read of its credential.
func (p *Phone) reading(at time.Time) (nonce, token string, err error) {
	nonce = strings.ToLower(rand.Text())
	signed, err := p.Possession(Question{
		Credential: p.Credential, Capture: sha256.Sum256([]byte(nonce)), Transaction: holderPrefix + nonce, Party: holderAudience,
	}, at)
	return nonce, string(signed), err
}

// ReadingLink is what stands behind /me# in the address of the page that shows who asked. It is good for a minute, and for reading alone.
func (p *Phone) ReadingLink(at time.Time) (string, error) {
	nonce, token, err := p.reading(at)
	if err != nil {
		return "", err
	}
	return p.Credential.String() + "." + nonce + "." + token, nil
}

// History returns a page of who asked about the credential of the phone: the newest, or the one that a page calls its next.
func (s *Seats) History(ctx context.Context, phone *Phone, next string, at time.Time) (page HistoryPage, err error) {
	nonce, token, err := phone.reading(at)
	if err != nil {
		return page, err
	}
	body := map[string]any{"credential": phone.Credential, "nonce": nonce, "evidence": token}
	if next != "" {
		if _, err := zhenni.ParseAskedCursor(next); err != nil {
			return page, fmt.Errorf("next of a page: %w", err)
		}
		body["cursor"] = next
	}
	return page, s.post(ctx, "/v1/holder/history", "", body, &page)
}
