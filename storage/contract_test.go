package storage

import "zhenni/engine"

// The engine declares what it needs of a store; storage need not know the engine to satisfy it.
var _ engine.ManyStore = (*Store)(nil)
