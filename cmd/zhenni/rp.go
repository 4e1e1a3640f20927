package main

import "errors"

type rpCommand struct{}

func (rpCommand) Run() error { return errors.New("rp: not built yet") }
