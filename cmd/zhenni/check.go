package main

import "errors"

type checkCommand struct{}

func (checkCommand) Run() error { return errors.New("check: not built yet") }
