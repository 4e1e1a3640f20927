//go:build long

package audit

// tamperings is how many TestTamperings tries.
const tamperings = 1000
