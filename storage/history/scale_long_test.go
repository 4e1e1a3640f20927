//go:build long

package history

// killRounds is how often the child is killed.
const killRounds = 100

// rapidChecks is the number of histories that are drawn, unless a flag says otherwise.
const rapidChecks = "300"

// damages is how often a bit of each file is flipped.
const damages = 100
