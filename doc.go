// Package zhenni holds the nouns and the pure rules of the engine: credentials and their legal changes, models,
// templates, profiles and the accept rule, batches, outcomes, relying parties, the services they ask for
// and the evidence each takes, false match rates of several factors, and the commands that change state.
//
// It imports the standard library only, does no I/O, starts no goroutine and reads no clock: times and random values
// are passed in. Words follow ISO/IEC 2382-37 and ISO/IEC 19795: a probe is compared with the reference of the one
// credential it claims; nothing here, or above it, compares a probe with anyone else.
package zhenni
