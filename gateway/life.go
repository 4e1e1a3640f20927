package gateway

import (
	"zhenni"
)

// suspend is POST /v1/credentials/{id}/suspend, resume undoes it.
func (s *Server) suspend(rq *request) error { return s.changeStatus(rq, zhenni.StatusSuspended) }

// resume is POST /v1/credentials/{id}/resume.
func (s *Server) resume(rq *request) error { return s.changeStatus(rq, zhenni.StatusActive) }

func (s *Server) changeStatus(rq *request, to zhenni.Status) error {
	return s.change(rq, func(id zhenni.CredentialID) zhenni.Command {
		return zhenni.ChangeStatus{ID: id, Tenant: rq.party.Tenant, To: to, At: s.config.Now()}
	})
}

// reportLoss is POST /v1/credentials/{id}/report-loss: the credential is suspended when it is answered.
func (s *Server) reportLoss(rq *request) error {
	if !rq.bodyRead {
		return refuse(kindSyntax, "this request takes no body")
	}
	return s.change(rq, func(id zhenni.CredentialID) zhenni.Command {
		return zhenni.ReportLoss{ID: id, Tenant: rq.party.Tenant, At: s.config.Now()}
	})
}

// moveDevice is POST /v1/credentials/{id}/move-device: with the answer the old device is void. Without the fields of one
// of them it is a move from no device, or to none.
func (s *Server) moveDevice(rq *request) error {
	fields := [4]field{{name: "from_algorithm"}, {name: "from_key"}, {name: "to_algorithm"}, {name: "to_key"}}
	return s.changeBy(rq, fields[:], func(id zhenni.CredentialID) (zhenni.Command, error) {
		from, err := readDevice(&fields[0], &fields[1])
		if err != nil {
			return nil, err
		}
		to, err := readDevice(&fields[2], &fields[3])
		return zhenni.MoveDevice{ID: id, Tenant: rq.party.Tenant, From: from, To: to, At: s.config.Now()}, err
	})
}

// lock is POST /v1/credentials/{id}/lock: by that factor, or the PIN, nobody is accepted from the answer on. Unlock undoes it.
func (s *Server) lock(rq *request) error { return s.lockFactor(rq, true) }

// unlock is POST /v1/credentials/{id}/unlock.
func (s *Server) unlock(rq *request) error { return s.lockFactor(rq, false) }

func (s *Server) lockFactor(rq *request, locked bool) error {
	fields := [1]field{{name: "factor"}}
	return s.changeBy(rq, fields[:], func(id zhenni.CredentialID) (zhenni.Command, error) {
		var means zhenni.Means
		err := means.UnmarshalText(fields[0].value)
		factors, held := zhenni.LockOf(means)
		if fields[0].number || err != nil || held != nil {
			return nil, refuse(kindItem, "factor is none of face, voice, fingerprint and pin")
		}
		return zhenni.LockFactors{ID: id, Tenant: rq.party.Tenant, Factors: factors, Locked: locked, At: s.config.Now()}, nil
	})
}

// renew is POST /v1/credentials/{id}/renew, an issuer's.
func (s *Server) renew(rq *request) error {
	fields := [1]field{{name: "valid_until"}}
	return s.changeBy(rq, fields[:], func(id zhenni.CredentialID) (zhenni.Command, error) {
		now := s.config.Now()
		until, err := readUntil(&fields[0], now)
		if err == nil && until.IsZero() {
			err = refuse(kindItem, "valid_until is missing")
		}
		return zhenni.Renew{ID: id, Tenant: rq.party.Tenant, ValidUntil: until, At: now}, err
	})
}

// changeBy is change of what a document says more of.
func (s *Server) changeBy(rq *request, fields []field, command func(zhenni.CredentialID) (zhenni.Command, error)) error {
	if err := s.readFields(rq, fields); err != nil {
		return err
	}
	id, err := rq.credentialID()
	if err != nil {
		return err
	}
	named, err := command(id)
	if err != nil {
		return err
	}
	if _, err := s.owned(rq, id); err != nil {
		return err
	}
	result, err := s.applyOne(named)
	if err != nil {
		return err
	}
	s.writeCredential(rq, 200, result.Credential)
	return nil
}

// appendLife writes what a credential has of a subject's: nothing that says who it is.
func appendLife(dst []byte, c zhenni.Credential) []byte {
	if !c.ValidUntil.IsZero() {
		dst = appendTime(dst, "valid_until", c.ValidUntil)
	}
	if c.Region != 0 {
		dst = append(dst, `,"region":"`...)
		dst = append(append(dst, c.Region.String()...), '"')
	}
	if !c.Device.IsZero() {
		dst = append(dst, `,"device":"`...)
		dst = append(append(dst, c.Device.ID()...), '"')
	}
	if !c.Rotation.IsZero() {
		dst = append(dst, `,"rotated":true`...)
	}
	if c.Locked != 0 {
		separator := `,"locked":[`
		for means := range c.Locked.Means().All {
			dst = appendString(append(dst, separator...), means.String())
			separator = ","
		}
		dst = append(dst, ']')
	}
	return dst
}
