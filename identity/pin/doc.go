// Package pin is what becomes of the 8-digit PIN of a credential: read, judged when it is chosen, made a verifier, and
// compared with one.
//
//	text ──Parse──▶ Digits ──Weak──▶ Turn.Make ──▶ Verifier, 75 bytes, all that is kept
//	                   └───────────▶ Turn.Check ◀── Verifier, or none
//
// # The verifier
//
//	tag      = Argon2id(PIN: 8 ASCII digits, salt), 32 bytes (RFC 9106, version 0x13; no secret, no associated data)
//	key      = HMAC-SHA256(pepper, field("zhenni PIN verifier") ‖ field(pepper version) ‖ field(salt))
//	sealed   = AES-256-GCM(key, nonce of zeros, tag, associated data: header ‖ credential id ‖ generation)
//	header   = format u8 = 1 | memory in KiB u32 | passes u8 | lanes u8 | pepper version u32 | salt, 16 bytes
//	verifier = header | sealed, 48 bytes
//	field(x) = length of x in two bytes ‖ x
//
// Integers are big-endian. The salt is random and never used for another PIN, so that a key seals one tag only and the nonce
// has nothing to add. A verifier that is moved to another credential, kept beyond its generation, or given cheaper
// parameters, does not open.
//
// There are 10⁸ PINs: whoever has a tag and its salt finds the PIN, at 30 ms a try, in five weeks of one processor. What
// protects a stolen store is the pepper, which is kept apart from it and from its backups; what protects a PIN at the door
// is its counter, [zhenni.PINAttempts].
//
// # Who calls what
//
// Whoever checks a PIN takes a turn by [Checker.Admit]; sees by [Turn.Opens] that what is kept could be compared; has the attempt
// counted, durably, by a [zhenni.CountPIN]; reads the verifier, or finds none; asks [Turn.Check]; and has a right one clear the count, by another CountPIN. Where there is no
// credential or no PIN there is nothing to count, and Check takes its time all the same. [zhenni.SetPIN] stores what
// [Turn.Make] made.
//
// # Exchanging a pepper
//
// The pepper seals what Argon2id made, and is not mixed into what goes into it, so that it can be exchanged without anybody's
// PIN. A new one becomes the current one of [Peppers] and the old one stays beside it; [Peppers.Rewrap] opens every stored
// verifier under the old and seals it under the new; when none names the old one any more, it is destroyed. Backups from
// before the exchange open under the old pepper only. Parameters of Argon2id can not be raised without the PIN:
// [Checker.Stale] says at a right PIN that a new verifier is due, of either kind, and [Turn.Renew] makes it. By
// [zhenni.BindPepper] a state knows its peppers again.
//
// # What is forgotten, what is shown
//
// Digits lie in one place however often they are copied, until [Digits.Forget]. Tags and keys are overwritten when they are
// done with. Go promises no more than that: the stack, the memory of Argon2id and the states of BLAKE2b, HMAC and AES are
// left to be used again. Core dumps and swap are kept off by whoever runs the process.
//
// Digits, peppers and verifiers print as one fixed word. What is wrong with a PIN is a [Fault], whose text is one of a fixed
// table.
//
// The package reads no clock and no source of randomness but what it is given. It starts no goroutine; Argon2id starts one
// for each lane and waits for it.
package pin
