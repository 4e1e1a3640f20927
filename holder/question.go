package holder

import (
	"time"

	"zhenni"
	"zhenni/evidence"
)

// Question is what evidence is signed for: one capture, for one verification.
type Question struct {
	Credential zhenni.CredentialID
	// Capture is [Probe.Digest]; without a probe the SHA-256 of the sealed PIN as it is written, or of no bytes.
	Capture [32]byte
	// Transaction and Party are of the relying party that asks.
	Transaction, Party string
	// Nonce is that of the signature of its request; empty where the request is not signed.
	Nonce string
}

// claims are those of evidence about the question.
func (q Question) claims(kind evidence.Kind, at time.Time) evidence.Claims {
	return evidence.Claims{
		Kind: kind, Subject: q.Credential, Capture: q.Capture, Transaction: q.Transaction, Party: q.Party, Nonce: q.Nonce,
		IssuedAt: at.Unix(),
	}
}
