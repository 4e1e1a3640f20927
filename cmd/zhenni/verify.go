package main

import "errors"

type verifyCommand struct{}

func (verifyCommand) Run() error { return errors.New("verify: not built yet") }
