//go:build !long

package lifecycle

// rounds is how often a node is opened, and turns how many operations each client makes of it.
const rounds, turns = 3, 120

// liveRounds and liveTurns are the same of histories of subjects.
const liveRounds, liveTurns = 2, 180
