//go:build long

package storage

// killRounds is the number of times a writing process is killed.
const killRounds = 200

// rapidChecks is the number of histories that TestSameAsMap draws, unless a flag says otherwise.
const rapidChecks = "100"

// importTest is the number of credentials that TestImport imports.
const importTest = 1_000_000

// damageAt are the places of a file to damage, by share of the part that holds data.
var damageAt = []float64{0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.99, 0.999}

// damageEvery thins the kinds of damage done to a file: one of so many, another for each file.
const damageEvery = 1

// olderLogAt are the places to damage of the older of two logs of the view.
var olderLogAt = []float64{0.02, 0.3, 0.9, 0.999}

// snapshotStep is the distance of the places of a snapshot to damage.
const snapshotStep = 1
