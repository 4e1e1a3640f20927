//go:build long

package main

// flowKills is how often the server is killed.
const flowKills = 50
