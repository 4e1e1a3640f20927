//go:build !long

package storage

// killRounds is the number of times a writing process is killed.
const killRounds = 3

// rapidChecks is the number of histories that TestSameAsMap draws, unless a flag says otherwise.
const rapidChecks = "3"

// importTest is the number of credentials that TestImport imports.
const importTest = 20_000

// damageAt are the places of a file to damage, by share of the part that holds data.
var damageAt = []float64{0.7}

// damageEvery thins the kinds of damage done to a file: one of so many, another for each file.
const damageEvery = 2

// olderLogAt are the places to damage of the older of two logs of the view.
var olderLogAt = []float64{0.3}

// fillAndWait belongs to a long test.
func fillAndWait(string, uint64) {}

// snapshotStep is the distance of the places of a snapshot to damage.
const snapshotStep = 11
