package main

import "errors"

type shardsCommand struct{}

func (shardsCommand) Run() error { return errors.New("shards: not built yet") }
