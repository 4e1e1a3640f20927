package storage

import (
	"context"
	"errors"

	"zhenni"
)

// Import fills an empty store with credentials in ascending order of id.
type Import struct{}

// ImportOptions configure [Store.NewImport].
type ImportOptions struct{}

// NewImport starts an import.
func (s *Store) NewImport(ctx context.Context, opts ImportOptions) (*Import, error) {
	return nil, errors.ErrUnsupported
}

// Add takes one credential.
func (im *Import) Add(c zhenni.Enrol) error { return errors.ErrUnsupported }

// Commit makes the import durable.
func (im *Import) Commit() error { return errors.ErrUnsupported }

// Abort undoes the import.
func (im *Import) Abort() error { return errors.ErrUnsupported }

// recoverImport removes what a half-done import left.
func (s *Store) recoverImport() error { return nil }
