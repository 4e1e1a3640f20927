// Package httpsig signs HTTP requests and checks such signatures: HTTP Message Signatures (RFC 9421) over digests
// (RFC 9530), in the one profile by which relying parties ask. It knows no HTTP library, reads no clock, starts no
// goroutine and does no I/O: a [Request] is the parts of a request, wherever they come from, and times are passed in.
//
// # The profile
//
// A request has one signature. Its fields are at most 2 KiB each and in the canonical form of RFC 9651, so that what is
// signed is what was sent:
//
//	Content-Digest:  sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:
//	Signature-Input: sig=("@method" "@authority" "@path" "@query" "content-digest");created=1700000000;nonce="…";keyid="…"
//	Signature:       sig=:…:
//
// It covers:
//
//	@method @authority @path @query   always
//	content-digest                    where there is a body, or the field
//	fields of the caller's list       if the signer chose to; [Claim.Covers] tells
//
// each once, at most 16 of them, in any order, without parameters (sf, bs, key, req and tr are refused). It says of itself,
// in any order and each at most once:
//
//	created   required: Unix seconds, at most 60 s ago and at most 5 s ahead
//	nonce     required: 16–64 characters of the base64url alphabet
//	keyid     required: the id of a [Key]; of a public key its thumbprint (RFC 7638)
//	expires   optional: Unix seconds, after created, and not passed
//	alg       optional: the key's algorithm; it is compared, never obeyed
//	tag       optional: "zhenni"
//
// Nothing else is taken. Content-Digest has sha-256, sha-512, blake3 or several of them, and every digest in it is that of the
// body; any other algorithm is refused even beside a good one, because whoever checks the other one only would be deceived.
// The key blake3, with the 32 bytes of BLAKE3 without a key, is not registered for RFC 9530: it is this profile's own.
//
// A value that goes into a signature is at most 2 KiB of visible ASCII and, in a field, spaces. A host is taken in lower case
// and without its scheme's port, an empty path is "/", and a request without query has the query "?" (RFC 9421 §2.2).
//
// # The order of the checks
//
// [Claim.Parse] does what costs little: sizes, syntax, key id, time, the nonce's form, coverage. The caller then finds the
// key. [Claim.Verify] compares a digest of the body that is at hand, does the operation with the key, and only then hashes
// a body: of strangers it costs at most one operation a request, whatever they send. Where the body comes later than the
// head, [Claim.VerifyHead] does what can be done before it is read, and [Claim.VerifyBody] the rest.
//
// A signature proves that its key's holder asked; it does not prove that this is the first time. The caller remembers the
// nonce of each request that was verified until [Claim.Until], and refuses a second one. What identifies a request is its
// key id and nonce, never the bytes of its signature: for P-256 there are two for the same request.
package httpsig
