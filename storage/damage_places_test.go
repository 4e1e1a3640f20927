//go:build !long

package storage

// damageAt are the places of a file to damage, by share of the part that holds data.
var damageAt = []float64{0.7}
