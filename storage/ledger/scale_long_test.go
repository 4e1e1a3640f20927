//go:build long

package ledger

// killRounds is how often the child is killed.
const killRounds = 200

// damages is how often each file is damaged.
const damages = 300

// rapidChecks is the number of histories that are drawn, unless a flag says otherwise.
const rapidChecks = "300"
