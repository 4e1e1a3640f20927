//go:build !long

package actors

// stormPanics is how many panics [TestStorm] injects.
const stormPanics = 3_000
