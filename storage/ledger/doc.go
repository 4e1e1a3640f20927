// Package ledger gives every admitted request exactly one outcome, recorded before it is answered.
package ledger
