package gateway

import (
	"encoding/json"
	"fmt"

	"zhenni"
)

// served is one model that is served, with its threshold: what is asked by it, and what is answered.
type served struct {
	profile zhenni.Profile
	// member is `,"profile":"…"`, with the mark of an unsupported target where it applies.
	member  []byte
	streams map[streamShape]*streamTemplate
	// policy has the rate of this model alone among those of what is compared, or of both where there are two.
	policy zhenni.Policy
	// also is the profile of the second probe of a verification by two, nil for one; with are these, by the model of the second.
	also *zhenni.Profile
	with map[string]*served
}

func profileMember(p zhenni.Profile) []byte {
	member := append([]byte(`,"profile":`), appendString(nil, p.ID)...)
	if !p.Supported {
		member = append(member, `,"profile_supported":false`...)
	}
	return member
}

// profilesOf are the profiles that are served, that of requests which name no model first.
func (c Config) profilesOf() []zhenni.Profile {
	return append([]zhenni.Profile{c.Profile}, c.Beside...)
}

// checkProfiles refuses a profile that is not whole, and two of one model.
func (c Config) checkProfiles() error {
	seen := map[string]bool{}
	for _, p := range c.profilesOf() {
		if err := p.Validate(); err != nil {
			return err
		}
		if seen[p.Model.ID] {
			return fmt.Errorf("%w: model %s has two profiles", zhenni.ErrBadValue, p.Model.ID)
		}
		seen[p.Model.ID] = true
	}
	if len(seen) > zhenni.MaxModels {
		return fmt.Errorf("%w: %d profiles, want at most %d", zhenni.ErrBadValue, len(seen), zhenni.MaxModels)
	}
	return nil
}

// serveModels makes what each model is answered with.
func (s *Server) serveModels() error {
	profiles := s.config.profilesOf()
	for _, p := range profiles {
		v := served{profile: p, policy: newPolicy(s.config, p), member: profileMember(p)}
		var err error
		if v.streams, err = makeTemplates(p); err != nil {
			return err
		}
		s.served = append(s.served, v)
	}
	s.servePairs()
	var err error
	s.profileList, err = json.Marshal(struct {
		Profiles []zhenni.Profile `json:"profiles"`
	}{profiles})
	return err
}

// by is what a request is served by: the model that it names, else the first.
func (s *Server) by(rq *request) *served {
	if rq.served == nil {
		return &s.served[0]
	}
	return rq.served
}

// dim is the dimension of a request's embeddings.
func (s *Server) dim(rq *request) int { return s.by(rq).profile.Model.Dim }

// nameModel takes the model that a request names, in a field of its head and in its document. One that is not served, and
// two that differ, are refused.
func (s *Server) nameModel(rq *request, id []byte) error {
	if rq.served != nil && rq.served.profile.Model.ID == string(id) {
		return nil
	}
	for i := range s.served {
		if v := &s.served[i]; v.profile.Model.ID == string(id) && rq.served == nil {
			rq.served = v
			return nil
		}
	}
	return refuse(kindModel, "the model named is another")
}

// isFirst reports whether a model is the one of requests that name none.
func (s *Server) isFirst(model []byte) bool { return string(model) == s.served[0].profile.Model.ID }
