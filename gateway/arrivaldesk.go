package gateway

import (
	"errors"
	"sync"
	"time"

	"zhenni"
)

// Bounds of arrivals. Whoever guesses a code finds somebody as often as there are guests to a hundred codes.
const (
	// maxWaiting bounds the live arrivals of a party.
	maxWaiting = 50
	// maxArrivals bounds the arrivals of a party in a minute, maxArrivalsOf those of a credential, wherever, maxArrivalsOfAll those
	// that are counted.
	maxArrivals      = 120
	maxArrivalsOf    = 6
	maxArrivalsOfAll = 1 << 16
	// maxWrongCodes bounds the wrong codes of a party in a minute.
	maxWrongCodes = 5
)

// desks are what is known of the desks at which guests arrive, in memory only. They may be used from several goroutines.
type desks struct {
	mu sync.Mutex
	// reserved are the codes of arrivals that are being begun; guarded by mu, as all is.
	reserved map[string]map[uint8]*place
	// arrived and wrong are counts of the minute, by party, and of arrived by credential too.
	minute  int64
	arrived map[string]int
	wrong   map[string]int
}

// roll begins another minute; one that is set back goes on. The caller has mu.
func (d *desks) roll(now time.Time) {
	if minute := now.Unix() / 60; d.arrived == nil || minute > d.minute {
		d.minute, d.arrived, d.wrong = minute, map[string]int{}, map[string]int{}
	}
}

// arrives counts an arrival, and reports whether there is room for it in the minute.
func (d *desks) arrives(party string, credential zhenni.CredentialID, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.roll(now)
	at, of := "at "+party, "of "+credential.String()
	if d.arrived[at] >= maxArrivals || d.arrived[of] >= maxArrivalsOf || len(d.arrived) >= maxArrivalsOfAll {
		return false
	}
	d.arrived[at]++
	d.arrived[of]++
	return true
}

// mayGuess reports whether a party may name another code in the minute.
func (d *desks) mayGuess(party string, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.roll(now)
	return d.wrong[party] < maxWrongCodes
}

// guessed counts a wrong code.
func (d *desks) guessed(party string, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.roll(now)
	d.wrong[party]++
}

// place is a code that is reserved while an arrival is begun.
type place struct {
	desks *desks
	party string
	code  uint8
	whose zhenni.CredentialID
	// doubtful is set once nobody waits for the session any more: its code is taken, but its guest may arrive again.
	doubtful bool
}

// reserve returns a code that no live arrival of a party has, the first one free from the one that was drawn, or nil beyond
// [maxWaiting]; taken says that one of the credential is there, or being begun.
func (d *desks) reserve(party string, credential zhenni.CredentialID, drawn uint8, live func(string) []zhenni.Session) (_ *place, taken bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var used [zhenni.SessionCodes]bool
	waiting := 0
	for _, s := range live(party) {
		used[s.Code], waiting = true, waiting+1
		taken = taken || s.Seats[0].Credential == credential
	}
	if taken {
		return nil, true
	}
	for code, p := range d.reserved[party] {
		if p.whose == credential && !p.doubtful {
			return nil, true
		}
		if !used[code] { // a doubtful one may be there
			waiting++
		}
		used[code] = true
	}
	if waiting >= maxWaiting {
		return nil, false
	}
	for used[drawn] {
		drawn = (drawn + 1) % zhenni.SessionCodes
	}
	if d.reserved == nil {
		d.reserved = map[string]map[uint8]*place{}
	}
	if d.reserved[party] == nil {
		d.reserved[party] = map[uint8]*place{}
	}
	p := &place{desks: d, party: party, code: drawn, whose: credential}
	d.reserved[party][drawn] = p
	return p, false
}

func (p *place) release() {
	p.desks.mu.Lock()
	defer p.desks.mu.Unlock()
	of := p.desks.reserved[p.party]
	if delete(of, p.code); len(of) == 0 {
		delete(p.desks.reserved, p.party)
	}
}

// doubtTime is how long a code stays reserved for a session that may have been begun after its maker gave up: as long as it may take
// until that is there to be found.
const doubtTime = time.Minute

// releaseAfter releases the code of a session that was begun, or for sure was not; otherwise it stays reserved for a while.
func (p *place) releaseAfter(err error) {
	if err == nil || errors.Is(err, zhenni.ErrOverloaded) || errors.Is(err, zhenni.ErrBadValue) {
		p.release()
		return
	}
	p.desks.mu.Lock()
	p.doubtful = true
	p.desks.mu.Unlock()
	time.AfterFunc(doubtTime, p.release)
}

// arrivalsDocument is how many guests wait: nobody's code, and nobody.
type arrivalsDocument struct {
	Waiting int `json:"waiting"`
}

// seeArrivals is GET /v1/arrivals: how many guests of the party wait, at once or when there are more or fewer.
func (s *Server) seeArrivals(rq *request) error {
	if s.config.Sessions == nil || s.config.Arrivals == nil {
		return noSessions()
	}
	watch := func() (<-chan struct{}, func(), error) { return s.config.Arrivals.WatchArrivals(rq.party.ID) }
	return s.await(rq, watch, func() (any, error) {
		var d arrivalsDocument
		for _, session := range s.config.Arrivals.Arrivals(rq.party.ID) {
			if s.waits(rq, &session) && !session.Seats[0].CodeRight {
				d.Waiting++
			}
		}
		return d, nil
	})
}

// waits reports whether the guest of a live arrival is there, for the party that asks.
func (s *Server) waits(rq *request, session *zhenni.Session) bool {
	return session.Tenant == rq.party.Tenant && session.Seats[0].State != zhenni.SeatWaiting && s.config.Now().Before(session.Deadline)
}

// claimArrival is POST /v1/arrivals/claim: the guest reads the code out, and the hotel's device has the session. A code that nobody
// shows ends no session, for it is of none; after a few of them there is a pause.
func (s *Server) claimArrival(rq *request) error {
	code, err := s.readCode(rq)
	if err != nil {
		return err
	}
	if s.config.Sessions == nil || s.config.Arrivals == nil {
		return noSessions()
	}
	now := s.config.Now()
	if !s.desks.mayGuess(rq.party.ID, now) {
		return rq.refuseFor(time.Minute, kindClaimsPaused)
	}
	for _, waiting := range s.config.Arrivals.Arrivals(rq.party.ID) {
		if waiting.Code != code || !s.waits(rq, &waiting) {
			continue
		}
		session, err := s.tell(waiting.ID, zhenni.SessionEvent{Kind: zhenni.EventCode, Code: code})
		if err != nil {
			return err
		}
		if session.End != zhenni.SessionLive {
			break
		}
		rq.writeSession(200, s.askerDocument(session))
		return nil
	}
	s.desks.guessed(rq.party.ID, now)
	return refuse(kindNoArrival, "")
}
