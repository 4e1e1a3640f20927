package main

import "errors"

type enrolCommand struct{}

func (enrolCommand) Run() error { return errors.New("enrol: not built yet") }
