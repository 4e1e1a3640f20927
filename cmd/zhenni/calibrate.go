package main

import "errors"

type calibrateCommand struct{}

func (calibrateCommand) Run() error { return errors.New("calibrate: not built yet") }
