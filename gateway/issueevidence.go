package gateway

import (
	"fmt"

	"zhenni"
	"zhenni/evidence"
)

// permitIssue holds the capture of an issue to the service that the operator has the app's issues held to, as permit does that of a
// verification: the liveness there has to be evidence of, and how old it and the capture may be. The party does not choose the
// service. Its evidence is a terminal's, for issue in the place of a credential; that of a device that comes with the request would
// be anybody's.
func (s *Server) permitIssue(rq *request, i *issuance) error {
	service, err := s.issueService()
	if err != nil || service == nil {
		return err
	}
	now := s.config.Now()
	shown := zhenni.Shown{Compared: s.by(rq).profile.Model.Factor, CapturedAt: rq.terms.capturedAt}
	if _, err := s.readTokens(rq, evidence.Expected{
		Capture: i.capture, Transaction: rq.transaction, Party: rq.party.ID, Nonce: rq.nonce, MaxAge: service.EvidenceMaxAge(),
	}, nil, now, &shown); err != nil {
		return err
	}
	_, ruling := s.by(rq).policy.Weigh(service, shown, now)
	return refuseRuling(ruling)
}

// issueService is the service that issues are held to, nil for none.
func (s *Server) issueService() (*zhenni.Service, error) {
	if s.config.IssueService == "" {
		return nil, nil
	}
	service, known := s.config.Catalogue.Service(s.config.IssueService)
	if !known {
		return nil, refuse(kindInternal, "")
	}
	return service, nil
}

// checkIssueService refuses a service that is not there, or that nobody could be issued a credential under.
func (c Config) checkIssueService() error {
	if c.IssueService == "" {
		return nil
	}
	if c.Catalogue == nil {
		return fmt.Errorf("%w: issues are held to a service, and there is no catalogue", zhenni.ErrBadValue)
	}
	service, known := c.Catalogue.Service(c.IssueService)
	switch {
	case !known:
		return fmt.Errorf("%w: issues are held to service %q, which is not in the catalogue", zhenni.ErrBadValue, c.IssueService)
	case service.Possession || service.Level != zhenni.LevelLite:
		return fmt.Errorf("%w: issues are held to service %q: want one of level lite, that asks for no possession: who is issued a credential has no device yet", zhenni.ErrBadValue, c.IssueService)
	}
	return nil
}
