package main

// benchCompare is bench compare.
type benchCompare struct{}

// Run implements the command.
func (c *benchCompare) Run(out *output) error { return nil }
