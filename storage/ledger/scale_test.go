//go:build !long

package ledger

// killRounds is how often the child is killed.
const killRounds = 4

// damages is how often each file is damaged.
const damages = 3

// rapidChecks is the number of histories that are drawn, unless a flag says otherwise.
const rapidChecks = "15"
