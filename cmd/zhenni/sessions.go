package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/gateway/webhook"
	"zhenni/storage/audit"
	"zhenni/storage/sessions"
)

// sessionsPlace says where the sessions are.
type sessionsPlace struct {
	SessionsDir string `type:"path" env:"ZHENNI_SESSIONS_DIR" placeholder:"DIR" help:"Folder of the sessions. Default: sessions in the store's folder."`
}

// dir is the folder of the sessions beside a store.
func (p sessionsPlace) dir(store string) string {
	if p.SessionsDir != "" {
		return p.SessionsDir
	}
	return filepath.Join(store, "sessions")
}

// sessionsFlags say whether there are sessions, and how many.
type sessionsFlags struct {
	sessionsPlace
	Sessions      string `enum:"keep,make,none" default:"keep" env:"ZHENNI_SESSIONS" help:"Sessions between who asks and those who are asked, at a counter or elsewhere: make a place for them where there is none; keep one that is there; or none, which leaves it alone (default ${default}). With --verify-only there are none."`
	PersonParty   string `env:"ZHENNI_PERSON_PARTY" placeholder:"ID" help:"With sessions: the relying party, a verifier that was granted person.check, on whose behalf persons ask each other. Default: none does."`
	PersonReports int    `default:"0" env:"ZHENNI_PERSON_REPORTS" placeholder:"N" help:"By how many persons somebody has to be reported within 30 days to ask nobody any more, until an operator lifts that, 1–32; 0 is 5."`
	HolderApp     string `default:"zhenni-holder:" env:"ZHENNI_HOLDER_APP" placeholder:"ADDRESS" help:"The holder's app, which the pages hand over to: the scheme of an app, or an address that ends in #, as https://app.example/open#, or of zhenni holder app, http://127.0.0.1:8765/# (default ${default})."`
	SessionsLive  int    `default:"0" env:"ZHENNI_SESSIONS_LIVE" placeholder:"N" help:"Most sessions that are live at once, of all; a party has at most a quarter. 0 is 100000."`
}

// sessionsConfig says where sessions are; without a folder there are none.
type sessionsConfig struct {
	dir    string
	create bool
	live   int
	// webhooks says where parties may be told of them.
	webhooks webhook.ClientConfig
	// persons is the party on whose behalf persons ask each other, bar by how many reports one may ask no more.
	persons string
	bar     int
	// app is the address of the holder's app.
	app string
	// changed is told of every change, nil for nobody.
	changed func(before, after zhenni.Session)
}

func (f sessionsFlags) config(store string) sessionsConfig {
	if f.Sessions == "none" {
		return sessionsConfig{}
	}
	return sessionsConfig{dir: f.dir(store), create: f.Sessions == "make", live: f.SessionsLive, persons: f.PersonParty, bar: f.PersonReports, app: f.HolderApp}
}

// openedSessions are sessions being hosted, with the lock of their folder.
type openedSessions struct {
	*actors.Sessions
	store   *sessions.Store
	courier *webhook.Courier
	lock    io.Closer
}

// ID and Of are the store's.
func (o *openedSessions) ID(party, transaction string) zhenni.SessionID {
	return o.store.ID(party, transaction)
}

// Of implements gateway.Sessions.
func (o *openedSessions) Of(credential zhenni.CredentialID) []zhenni.Session {
	return o.store.Of(credential)
}

// Arrivals implements gateway.Arrivals.
func (o *openedSessions) Arrivals(party string) []zhenni.Session { return o.store.Arrivals(party) }

// wanted reports whether there are to be sessions.
func (c sessionsConfig) wanted() bool {
	_, missing := os.Stat(c.dir)
	return c.dir != "" && (c.create || !errors.Is(missing, os.ErrNotExist))
}

// recordKept is how long answers are kept for the sake of sessions, 0 where there are none.
func (c sessionsConfig) recordKept() time.Duration {
	if !c.wanted() {
		return 0
	}
	return zhenni.SessionRecordKept
}

// openSessions opens the sessions beside a store, with a key that the store's root wraps, and takes up those that are live. It is
// nil where there are to be none.
func openSessions(c sessionsConfig, store *recordedStore, log *slog.Logger) (_ *openedSessions, err error) {
	if !c.wanted() {
		if c.persons != "" {
			return nil, usage("--person-party: persons ask each other in sessions, and there are none")
		}
		return nil, nil
	}
	o := &openedSessions{}
	if o.lock, err = audit.LockFolder(c.dir); err != nil {
		return nil, environment("--sessions-dir: %s: %w", c.dir, err)
	}
	key, err := sessions.Key.Open(c.dir, store.root, nil)
	if err == nil {
		o.store, err = sessions.Open(sessions.Options{Dir: c.dir, Key: key, Live: c.live, Bar: c.bar, Logger: log})
	}
	if err != nil {
		return nil, errors.Join(environment("--sessions-dir: %s: %w", c.dir, err), o.lock.Close())
	}
	if o.courier, err = openCourier(c.webhooks, o.store, store, log); err == nil {
		o.Sessions, err = actors.StartSessions(actors.SessionConfig{Logger: log, Changed: func(before, after zhenni.Session) {
			o.courier.Changed(before, after)
			if c.changed != nil {
				c.changed(before, after)
			}
		}}, o.store)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sessions: %w", err), o.store.Close(), o.lock.Close())
	}
	o.courier.Start()
	return o, nil
}

// Close lets the sessions rest, and gives their folder back.
func (o *openedSessions) Close(ctx context.Context) error {
	if err := o.Sessions.Close(ctx); err != nil {
		return err // an actor that still runs may write
	}
	if err := o.courier.Close(ctx); err != nil {
		return err // as above
	}
	return errors.Join(o.store.Close(), o.lock.Close())
}
