package main

import "errors"

type evaluateCommand struct{}

func (evaluateCommand) Run() error { return errors.New("evaluate: not built yet") }
