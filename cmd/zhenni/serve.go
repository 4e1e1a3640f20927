package main

import "errors"

type serveCommand struct{}

func (serveCommand) Run() error { return errors.New("serve: not built yet") }
