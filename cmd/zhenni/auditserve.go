package main

import (
	"encoding/json"
	"fmt"

	"zhenni"
	"zhenni/storage/audit"
	"zhenni/storage/ledger"
)

// servedLog is an audit log as the gateway shows it.
type servedLog struct {
	*auditLog
	// proofs finds what opens a leaf; without it nothing is proven.
	proofs prover
	// profiles are the ids of the thresholds in force, alone and two together.
	profiles []string
}

// prover keeps the openings of verifications; [*ledger.Ledger] is one.
type prover interface {
	Proof(party, transaction string, item int) (ledger.Proof, error)
}

// Witnessed implements gateway.AuditLog.
func (l servedLog) Witnessed(cosigned []byte) error {
	if !l.hasWitness {
		return fmt.Errorf("%w: the log has no witness", zhenni.ErrNotFound)
	}
	return l.auditLog.Witnessed(cosigned)
}

// Proof implements gateway.AuditLog.
func (l servedLog) Proof(party zhenni.RelyingParty, transaction string, item int) ([]byte, error) {
	if l.proofs == nil {
		return nil, fmt.Errorf("%w: no openings are kept", zhenni.ErrNotFound)
	}
	proof, err := l.proofs.Proof(party.ID, transaction, item)
	if err != nil {
		return nil, err
	}
	evidence, err := l.Evidence(proof.Index, proof.Leaf, proof.Opening, proof.Item)
	if err != nil {
		return nil, err
	}
	// A party that changed its tenant since, or a threshold that did, leaves the facts for the party to know.
	for _, profile := range l.profiles {
		facts := audit.Facts{Tenant: party.Tenant, Party: party.ID, Transaction: transaction, Profile: profile}
		if facts.Context() == proof.Opening.Context {
			evidence.Context = &facts
		}
	}
	return json.Marshal(evidence)
}
