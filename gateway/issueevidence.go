package gateway

import (
	"fmt"
	"time"

	"zhenni"
	"zhenni/evidence"
)

// permitIssue holds an issue to the service that the operator has such issues held to, as permit does a verification: what has to be
// shown of card, document, device and liveness, and how old it and the capture may be. The party does not choose the service. Its
// evidence is a terminal's, for issue in the place of a credential. That of a device is only of possession, by the key that comes
// with the request: it shows that whoever the credential is issued to has that key, was there and agreed to this capture.
func (s *Server) permitIssue(rq *request, i *issuance) error {
	service, err := s.issueService(rq, i)
	if err != nil || service == nil {
		return err
	}
	now := s.config.Now()
	shown := zhenni.Shown{CapturedAt: rq.terms.capturedAt}
	if i.probe != nil {
		shown.Compared = s.by(rq).profile.Model.Factor
	}
	byDevice, err := s.readTokens(rq, evidence.Expected{
		Capture: i.capture, Transaction: rq.transaction, Party: rq.party.ID, Nonce: rq.nonce, MaxAge: service.EvidenceMaxAge(),
	}, nil, now, &shown)
	if err != nil {
		return err
	}
	for _, token := range byDevice {
		if token.Verify(i.command.Device) != nil {
			return refuse(kindEvidence, "evidence of possession is not signed by device_key")
		}
	}
	return weighTemplate(s.by(rq).policy, service, shown, now)
}

// weighTemplate rules on what is shown for a template. It is a capture whatever way of the service is met, and is compared with for
// years: a living person is asked for where the way compares nothing too.
func weighTemplate(policy zhenni.Policy, service *zhenni.Service, shown zhenni.Shown, now time.Time) error {
	if ruling := service.Live(shown, now); ruling != zhenni.Admitted {
		return refuseRuling(ruling)
	}
	_, ruling := policy.Weigh(service, shown, now)
	return refuseRuling(ruling)
}

// issueService is the service that an issue is held to, nil for none: whatever a terminal brings that is held to one to that, a face
// that the app has proved to the other.
func (s *Server) issueService(rq *request, i *issuance) (*zhenni.Service, error) {
	if s.heldTerminal(rq) || i.probe != nil && i.byApp() {
		return s.heldService(rq)
	}
	return nil, nil
}

// heldService is the service that who asks is held to, nil for none.
func (s *Server) heldService(rq *request) (*zhenni.Service, error) {
	if s.heldTerminal(rq) {
		return s.heldTo(s.config.TerminalIssueService)
	}
	return s.heldTo(s.config.IssueService)
}

// heldTerminal reports whether who asks is a terminal that has to prove what it brings. One with other roles too is a terminal.
func (s *Server) heldTerminal(rq *request) bool {
	return s.config.TerminalIssueService != "" && rq.party.Roles.Has(zhenni.RoleTerminal)
}

// heldTo is the service of an id that the configuration names, nil for none.
func (s *Server) heldTo(id string) (*zhenni.Service, error) {
	if id == "" {
		return nil, nil
	}
	service, known := s.config.Catalogue.Service(id)
	if !known {
		return nil, refuse(kindInternal, "")
	}
	return service, nil
}

// shownAtIssue is all that can be shown where a credential is issued. It has no PIN yet.
var shownAtIssue = zhenni.NewMeansSet(
	zhenni.MeansFace, zhenni.MeansVoice, zhenni.MeansFingerprint, zhenni.MeansPossession, zhenni.MeansCard, zhenni.MeansDocument)

// checkIssueServices refuses services that are not there, or that nobody could be issued a credential under.
func (c Config) checkIssueServices() error {
	for _, held := range []struct {
		what, id string
		level    zhenni.Level
	}{{"issues", c.IssueService, zhenni.LevelLite}, {"issues of terminals", c.TerminalIssueService, zhenni.LevelFull}} {
		if held.id == "" {
			continue
		}
		if c.Catalogue == nil {
			return fmt.Errorf("%w: %s are held to a service, and there is no catalogue", zhenni.ErrBadValue, held.what)
		}
		service, known := c.Catalogue.Service(held.id)
		if !known {
			return fmt.Errorf("%w: %s are held to service %q, which is not in the catalogue", zhenni.ErrBadValue, held.what, held.id)
		}
		_, compared := service.Factors.Met(shownAtIssue)
		_, other := service.WithoutFace.Met(shownAtIssue)
		if service.Level != held.level || !compared && !other {
			return fmt.Errorf("%w: %s are held to service %q: want one of level %s with a way that asks for no PIN: who is issued a credential has none yet",
				zhenni.ErrBadValue, held.what, held.id, held.level)
		}
	}
	return nil
}
