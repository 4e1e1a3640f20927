package storage

import (
	"context"
	"errors"
)

// Report is what [Store.Check] found.
type Report struct {
	Credentials    int64     `json:"credentials"`
	RelyingParties int64     `json:"relying_parties"`
	TenantKeys     int64     `json:"tenant_keys"`
	Slots          int       `json:"slots"`
	Bytes          int64     `json:"bytes"`
	Problems       []Problem `json:"problems"`
}

// Problem is one kind of damage.
type Problem struct {
	Class string `json:"class"`
	Count int64  `json:"count"`
	First string `json:"first"`
	Hint  string `json:"hint"`
}

// OK reports whether nothing is wrong.
func (r Report) OK() bool { return len(r.Problems) == 0 }

// Check walks everything.
func (s *Store) Check(ctx context.Context, progress func(done, total int64)) (Report, error) {
	return Report{}, errors.ErrUnsupported
}
