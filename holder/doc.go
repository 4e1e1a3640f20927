// Package holder is what a phone or a terminal does: it keeps keys, rotates embeddings, seals what only the engine may
// read, signs evidence and requests, and checks results. It is what an SDK for a device is written after.
//
//	Phone      the key of a device, and the rotation key K of the credential on it
//	Terminal   the key of a counter's or hotel's own device
//	Probe      an embedding as it travels, and its digest, which evidence is about
//	Client     asks a server's API on behalf of a relying party: an app's, or a terminal's; asks in sessions, as a person too
//	Seats      asks a server as a phone, without an account: takes part in sessions, arrives at hotels, asks other persons
//	Seat       the place of a phone in a session, and the token that it is known by
//
// The package stands beside the server and not in it: it imports the nouns of the root, what both sides have to agree on to
// the bit (engine/rotation, gateway/httpsig, evidence, identity, receipt) and storage/disk, and nothing in which a server
// decides; and nothing of a server imports it, but the command line. How an embedding is made is in the package capture
// below, which nothing here imports, so that whoever brings embeddings links no engine of networks.
//
// # What is kept where
//
// The keys of a device lie in one file of mode 0600, replaced whole, so that a crash leaves the old ones or the new ones; with
// a passphrase it is sealed (AES-256-GCM under Argon2id). K leaves the device in one
// way: sealed to the engine for one session. An embedding of a credential whose template is rotated leaves it rotated. A name,
// an ID number and a PIN are sealed for one transaction of one party and are kept nowhere.
//
// On a real phone the key of the device is in its secure element; here it is in memory, which Go does not promise to
// overwrite. What a phone without attestation signs of liveness is its word, also of an injected video: the policy of a
// service says whether that is enough.
//
// # In a session
//
// A phone is let in by an [Invitation], draws the token of its [Seat], keeps it, and only then sends it. Everything that is asked of
// a session may be sent again after an answer that was lost: a session is begun once a transaction, a seat is taken by one token, an answer
// is for one try and is decided once. [Again] says when, and what became of it is read where the server says that the session has gone
// on. A stream goes on over any number of connections ([Seats.Follow]).
//
// Nothing here starts a goroutine, reads a clock but the one it is given, or opens a connection but through the
// http.RoundTripper that its caller gives. It waits in one place: before a stream that was lost is opened again.
package holder
