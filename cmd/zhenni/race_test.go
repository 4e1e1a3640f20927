//go:build race

package main

// raced thins out what is long under the race detector.
const raced = true
