// Package identity is what becomes of a person's name and ID number between the sealed request and the subject handle.
//
//	sealed text ──Opener.Open──▶ Person ──Deriver──▶ Handle, NameTag
//	 (JWE, of one             Name, Number,          32 and 16 bytes,
//	  transaction)            normalised             all that is kept
//
// A client seals name, ID number and the transaction they are for to the engine's public key. [Opener] opens them,
// [ParseName] and [ParseNumber] bring them into their one form, and [Deriver] makes of the number the handle under which
// the person is known, and of the name a tag by which a wrong name is noticed. One person is one handle, however the
// name is written; name and number are then forgotten.
//
// A PIN is sealed like an identity, under a typ of its own, and opened by [Opener.OpenPIN]; what becomes of it is for the
// package pin. A rotation key is sealed likewise, for one session, and opened by [Opener.OpenRotation].
//
// # What is forgotten when
//
//   - The sealed text is ciphertext; whoever holds it can not open it. It belongs to one transaction.
//   - The opened text is overwritten before [Opener.Open] returns, also where it refuses.
//   - Name and number live in a [Person] until [Person.Forget], which whoever opened it calls, best by a defer, once
//     handle and tag are made. They lie in one place however often the values are copied, and are overwritten there. A
//     forgotten number makes no handle.
//   - The root of the handles is not kept by a [Deriver], which holds two keys derived from it until [Deriver.Destroy].
//   - The engine's sealing keys live as long as the [Opener]; a key that is dropped opens nothing any more.
//
// Go promises no more than that: the stack, the state of HMAC, AES and NFC, and what go-jose has in hand on the way (the
// key of the content, the header) are left to be used again by the memory's next owner. Core dumps and swap are kept off
// by whoever runs the process.
//
// # What is shown
//
// Nothing here is logged. The types that hold something of a person or a key print as one fixed word, through fmt,
// encoding/json and slog alike; the bytes of a handle or a tag come out by a method that says so. What is wrong with an
// identity is a [Fault], one of a fixed table of texts, so that no error can hold what was in the field.
//
// The package starts no goroutine, reads no clock, and draws keys from the reader it is given. Only [Seal], which is for
// clients, draws from the system's own source.
package identity
