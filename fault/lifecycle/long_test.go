//go:build long

package lifecycle

// rounds is how often a node is opened, and turns how many operations each client makes of it.
const rounds, turns = 40, 400

// liveRounds and liveTurns are the same of histories of subjects: more than a million operations.
const liveRounds, liveTurns = 44, 440
