package gateway

import (
	"context"
	"errors"
	"strconv"
	"time"

	"zhenni"
)

// A kind is one way to refuse a request: what the client is told, and what it should do about it.
type kind struct {
	status    int
	code      string
	title     string
	action    string
	retryable bool
	// close ends the connection, because where the next request starts can not be trusted.
	close bool
}

// The kinds of refusal by the guard: the connection is closed after each.
var (
	kindMalformed  = &kind{400, "malformed_request", "The request is not well-formed HTTP/1.1.", "Send well-formed HTTP/1.1 with one Host and one framing.", false, true}
	kindQuery      = &kind{400, "query_not_taken", "No route takes a query.", "Remove the query from the address.", false, true}
	kindTimeout    = &kind{408, "request_timeout", "The request did not arrive in time.", "Send the request again on a faster connection.", true, true}
	kindMethod     = &kind{405, "method_not_allowed", "The method is not one of this route.", "Use GET or POST as documented in /openapi.json.", false, true}
	kindLength     = &kind{411, "length_required", "A body needs a Content-Length.", "Send the body with Content-Length instead of chunks.", false, true}
	kindTooLarge   = &kind{413, "body_too_large", "The body is larger than this route takes.", "Send fewer items in one request.", false, true}
	kindEncoding   = &kind{415, "encoding_not_taken", "Compressed bodies are not taken.", "Send the body without Content-Encoding.", false, true}
	kindExpect     = &kind{417, "expectation_failed", "The only expectation met is 100-continue, of a request with a body.", "Send the request without Expect.", false, true}
	kindMisdirect  = &kind{421, "misdirected_request", "The host is not the one of the TLS handshake.", "Use one name in the address and in the handshake.", false, true}
	kindHeadLarge  = &kind{431, "head_too_large", "The head exceeds 64 fields or 4 KiB.", "Send fewer or shorter header fields.", false, true}
	kindConnection = &kind{503, "too_many_connections", "Too many connections are open.", "Retry after the time in Retry-After.", true, true}
)

// The kinds of refusal of a request that was read.
var (
	kindSyntax         = &kind{400, "bad_request", "The request has a part that can not be read.", "Correct the part named in detail.", false, false}
	kindItem           = &kind{400, "bad_item", "The document is not of this route's form.", "Correct the field named in detail.", false, false}
	kindID             = &kind{400, "bad_credential", "The credential id is not of its written form.", "Send 32 lower-case hexadecimal digits.", false, false}
	kindModel          = &kind{400, "model_mismatch", "The model named is not the one served.", "Use the model that GET /v1/profiles names.", false, false}
	kindKey            = &kind{401, "unauthorized", "Nothing valid proves who asks.", "Send Authorization: Bearer with a valid API key, sign the request with a key of the party, or connect with its client certificate.", false, false}
	kindRole           = &kind{403, "forbidden", "Who asks does not have the role this route asks for.", "Ask as a party with that role.", false, false}
	kindSessionKeyRoot = &kind{403, "session_key_not_given", "A session key is given for a signature by a public key, or a client certificate.", "Sign the request with a public key of the party.", false, false}
	kindNotFound       = &kind{404, "not_found", "There is nothing here.", "Check the address.", false, false}
	kindNoCredential   = &kind{404, "credential_not_found", "There is no such credential.", "Check the credential id.", false, false}
	kindConflict       = &kind{409, "illegal_change", "The credential can not change to that status.", "Read the credential; a final status does not change.", false, false}
	kindInProgress     = &kind{409, "transaction_in_progress", "The transaction is in hand.", "Retry after the time in Retry-After; the answer will be the one now being made.", true, false}
	kindReused         = &kind{409, "transaction_reused", "The transaction was answered, and this is another request.", "Use a new transaction id for a new request.", false, false}
	kindEvicted        = &kind{410, "transaction_evicted", "The transaction was answered and its answer is not kept any more.", "Use a new transaction id to ask again; this one is never run again.", false, false}
	kindMedia          = &kind{415, "media_not_taken", "The content type is not one this route takes.", "Use a content type listed in /openapi.json.", false, false}
	kindProbe          = &kind{422, "bad_probe", "The embedding is not a finite, non-zero vector of the model's dimension.", "Capture again; do not resend this vector.", false, false}
	kindKeyReused      = &kind{422, "idempotency_key_reused", "The idempotency key was answered, and this is another request.", "Use a new key for a new request.", false, false}
	kindQuota          = &kind{429, "quota_exceeded", "The items are more than what is left of the quota; none was decided.", "Retry after the time in Retry-After, with no more items than RateLimit allows.", true, false}
	kindIdentity       = &kind{422, "bad_identity", "The sealed identity is not one.", "Correct what detail names, and seal it again.", false, false}
	kindPIN            = &kind{422, "bad_pin", "The sealed PIN is not one, or too easy to guess.", "Correct what detail names, and seal it again.", false, false}
	kindStopped        = &kind{429, "party_stopped", "Too many of your verifications find no match, or try one face on several people.", "Find out why; retry after that, once the operator lifts the stop.", false, false}
	kindCapped         = &kind{429, "non_matches_capped", "Verifications of all parties find too many non-matches; nothing is verified for up to a minute.", "Retry after the time in Retry-After.", true, false}
	kindInternal       = &kind{500, "internal", "The request made the service fail.", "Report the transaction id to the operator.", false, true}
	kindOverloaded     = &kind{503, "overloaded", "The service is at its limit; nothing was started.", "Retry after the time in Retry-After.", true, false}
	kindNoRoom         = &kind{503, "disk_full", "A disk of the service is nearly full; nothing was decided or changed.", "Retry after the time in Retry-After; the operator has to make room, after which the service goes on by itself.", true, false}
	kindHalted         = &kind{503, "halted", "A write to a disk of the service failed; nothing is decided or changed after it.", "Retry after the time in Retry-After; the operator has to restart the service on a sound disk.", true, false}
	kindUnavailable    = &kind{503, "unavailable", "The service can not answer now.", "Retry after the time in Retry-After.", true, false}
	kindDeadline       = &kind{503, "deadline", "The answer was not reached in time; there is no verdict.", "Retry after the time in Retry-After.", true, false}
)

// The kinds of refusal of a signed request, as far as they tell a stranger nothing.
var (
	kindSignatureForm = &kind{401, "signature_not_taken", "The signature is not of the form that is taken.", "Sign as documented in /openapi.json; detail names what differs.", false, false}
	kindSessionKey    = &kind{401, "session_key_unknown", "The session key has ended, or is not of this server, or did not sign this.", "Ask for another session key, signing with a public key, and sign again.", false, false}
	kindSignatureTime = &kind{401, "signature_out_of_time", "The signature is not of this minute.", "Set the clock, and sign the request again.", false, false}
	kindDigest        = &kind{401, "digest_mismatch", "The body is not the one that was signed.", "Send the body whose digest is in Content-Digest.", false, false}
	kindReplay        = &kind{401, "signature_replayed", "The request came before: its nonce was used.", "Sign again with a new nonce; name the transaction to get the answer of then.", false, false}
)

// kinds lists every kind for the test that holds /openapi.json to them.
var kinds = []*kind{
	kindPersonLimit, kindBarred, kindSharedGone, kindNoArrival, kindClaimsPaused, kindArrivals, kindServed, kindRotationKey,
	kindNoSession, kindSessionEnded, kindSessionTaken, kindSessionStep, kindHolder, kindService, kindPurpose, kindModality, kindRate, kindEvidence,
	kindNotProved, kindProofPast, kindShare, kindCaptureReused, kindSealingReused, kindNoParty, kindTaken, kindPartyChanged, kindSuspended, kindSigned,
	kindOperator, kindPossession,
	kindNoWebhook, kindWebhookHost,
	kindMalformed, kindQuery, kindTimeout, kindMethod, kindLength, kindTooLarge, kindEncoding, kindExpect, kindMisdirect,
	kindHeadLarge, kindConnection, kindSyntax, kindItem, kindID, kindModel, kindKey, kindRole, kindNotFound,
	kindNoCredential, kindConflict, kindInProgress, kindReused, kindEvicted, kindMedia, kindProbe, kindIdentity, kindPIN, kindStopped, kindCapped, kindSignatureForm, kindSignatureTime, kindSessionKey, kindSessionKeyRoot, kindDigest, kindReplay, kindKeyReused, kindQuota, kindInternal, kindOverloaded, kindNoRoom, kindHalted, kindUnavailable, kindDeadline,
}

// A refusal is the error a handler returns. Its detail is public: it names fields and limits, never values.
type refusal struct {
	kind   *kind
	detail string
}

func (r *refusal) Error() string { return r.kind.code + ": " + r.detail }

func refuse(k *kind, detail string) error { return &refusal{kind: k, detail: detail} }

// refusalOf finds how the client is told of err. Whatever is not known is an internal failure.
func refusalOf(err error) *refusal {
	var known *refusal
	if errors.As(err, &known) {
		return known
	}
	for _, translation := range []struct {
		err  error
		kind *kind
	}{
		{zhenni.ErrOverloaded, kindOverloaded},
		{zhenni.ErrNoRoom, kindNoRoom},
		{zhenni.ErrHalted, kindHalted},
		{zhenni.ErrUnavailable, kindUnavailable},
		{zhenni.ErrDeadline, kindDeadline},
		{context.DeadlineExceeded, kindDeadline},
		{zhenni.ErrInProgress, kindInProgress},
		{zhenni.ErrReused, kindReused},
		{zhenni.ErrEvicted, kindEvicted},
		{zhenni.ErrNotFound, kindNoCredential},
		{zhenni.ErrIllegalChange, kindConflict},
		{zhenni.ErrBadCredentialID, kindID},
		{zhenni.ErrBadProbe, kindProbe},
	} {
		if errors.Is(err, translation.err) {
			return &refusal{kind: translation.kind}
		}
	}
	return &refusal{kind: kindInternal}
}

// appendProblem writes the RFC 9457 document.
func (r *refusal) appendProblem(dst []byte, transaction string) []byte {
	k := r.kind
	dst = append(dst, `{"type":"urn:zhenni:problem:`...)
	dst = append(dst, k.code...)
	dst = append(dst, `","title":"`...)
	dst = append(dst, k.title...)
	dst = append(dst, `","status":`...)
	dst = strconv.AppendInt(dst, int64(k.status), 10)
	dst = append(dst, `,"detail":`...)
	detail := r.detail
	if detail == "" {
		detail = k.title
	}
	dst = appendString(dst, detail)
	dst = append(dst, `,"code":"`...)
	dst = append(dst, k.code...)
	dst = append(dst, `","action":"`...)
	dst = append(dst, k.action...)
	dst = append(dst, `","retryable":`...)
	dst = strconv.AppendBool(dst, k.retryable)
	dst = append(dst, `,"txn":"`...)
	dst = append(dst, transaction...)
	return append(dst, `"}`...)
}

// retrySeconds is the value of Retry-After: whole seconds, at least one.
func retrySeconds(d time.Duration) string {
	return strconv.FormatInt(max(1, int64((d+time.Second-1)/time.Second)), 10)
}
