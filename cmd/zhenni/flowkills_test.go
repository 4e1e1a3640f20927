//go:build !long

package main

// flowKills is how often the server is killed: once in each flow.
const flowKills = 12
