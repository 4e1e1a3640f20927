// Package statuslist tells the world which credentials stand, and nothing else about them: Token Status Lists, as of
// draft-ietf-oauth-status-list-21.
//
//	the credential's record, and its holder: a zhenni.StatusIndex
//	    │ Source, Publisher.Put
//	    ▼
//	List of 2²⁰ entries, 2 bits each ──zlib, base64url──▶ JWT, signed ──▶ DIR/n.jwt
//	    ▲ Cover: what becomes of entries that nobody has
//
// Who has a credential has the URI of a list and an index in it, and shows both with it. Whoever is shown them fetches the
// list, as anybody may, and reads one entry; the issuer does not learn of whom. An entry is valid, suspended, or invalid:
// superseded, revoked, expired and erased look alike.
//
// # What a list does not tell
//
//   - Which index is whose. Indices are drawn under a key; they are in the sealed record of the credential and with its
//     holder, and in no file of this package.
//   - How many credentials there are. Every list has 2²⁰ entries, and one that was never given out is valid.
//   - How many were revoked, and when. One entry in sixteen is a decoy, given to nobody: over twenty years each is suspended
//     or not, and becomes invalid, at a time that follows from a secret key, and is published with those of people.
//   - The order of issue, but for its coarsest: a list is given out until fifteen sixteenths of it are, then the next.
//
// # How late it is
//
// A change is in the next publication, at most Config.Every after it was durable, and seen by a relying party that kept a
// list for as long as it may Config.TTL later. Whoever can put an old list before somebody can do so until it expires,
// Config.Life after it was signed. So a list is for those who can not ask; an answer of the server has no such delay.
//
// # Who calls what
//
// The store gives each credential its place and leaves the decoys' free. A [Publisher] is filled from a [Source] at the
// start, which is the truth: nothing is published before. It is told of changes after they are durable by [Publisher.Put],
// and told the time by [Publisher.Publish]. What a crash kept from it the next filling brings. What it published is served
// from its files or by way of [Publisher.Page]. [Read] is the relying party's side. The package starts no goroutine, reads
// no clock and draws no randomness.
package statuslist
