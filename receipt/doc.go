// Package receipt makes results that hold up later: a JSON Web Token in compact form (RFC 7515, RFC 7519) that says what
// was answered, to whom, and where it is recorded. Whoever has the public key checks it, offline, for as long as he likes.
//
//	result    = header . payload . signature                 each in base64url without padding
//	header    = {"alg":"EdDSA","kid":"…","typ":"zhenni-result+jwt"}
//	payload   = {"iss":"…","aud":"…","iat":1700000000,"txn":"…","profile":"…",
//	             "outcome":"match","sub":"…","acr":"full","amr":["face"],"log_index":17}
//
// Where they apply, profile_supported, service, purpose and evaluation follow the profile, behind them session, payment and tries, and
// assertions and fmr the amr.
//
// Of a comparison in a session, session is its id, which txn names too; payment is the SHA-256 of what is paid ([zhenni.Payment]):
// whoever was paid something else has no result for it; and tries is how many comparisons the person has had with this one.
//
// A yes names the person by a pseudonym of its own for each sector ([Pseudonyms]), and says on what evidence it rests. A
// no says nothing of the person, and a refusal is not signed: it is no verdict. A request in bulk has one result, with
// the root of the tree of its items and their count in place of an outcome; an item is shown by its proof of inclusion.
// No result holds a score.
//
// # One form
//
// A header is a constant of its key and compared as text: what a message says of an algorithm is never obeyed. A payload
// has one spelling, with its members in one order, no white space and no escapes; a text that is spelled another way is
// no result, so no member occurs twice and none goes unseen. Signatures by P-256 are those with the lower s. One result
// therefore has one text.
//
// All algorithms sign without chance: an answer that is given again is signed again, with the same bytes. Ed25519 is so by
// itself (RFC 8032). P-256 and SM2 take the nonce from key and message (RFC 6979), SM2 with HMAC over SM3.
//
// # Summaries
//
// Of a group that was asked in one session there is a [Summary] beside the results of its members ([Issuer.Summarise]): by the same key,
// with another typ. It is bound to the session, and says how many were asked, wanted and confirmed, and of nobody who:
//
//	header    = {"alg":"EdDSA","kid":"…","typ":"zhenni-summary+jwt"}
//	payload   = {"iss":"…","aud":"…","iat":1700000000,"session":"…","service":"…","purpose":"…",
//	             "outcome":"completed","seats":3,"quorum":2,"confirmed":2}
//
// It is in no log: the session that it is of is kept, and makes it again.
//
// # ID tokens
//
// For clients of OpenID Connect a yes can be said once more as an ID token ([Issuer.IDToken]): by the same key, with another typ, so
// that neither is taken for the other, and made of nothing but a result that the issuer signed.
//
// The package starts no goroutine, reads no clock and draws nothing at random but new keys.
package receipt
