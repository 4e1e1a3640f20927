//go:build !long

package storage

// killRounds is the number of times a writing process is killed.
const killRounds = 3

// rapidChecks is the number of histories that TestSameAsMap draws, unless a flag says otherwise.
const rapidChecks = "6"

// importTest is the number of credentials that TestImport imports.
const importTest = 50_000

// damageAt are the places of a file to damage, by share of the part that holds data.
var damageAt = []float64{0.7}
