package main

import (
	"context"
	"errors"
	"iter"
	"time"

	"zhenni"
	"zhenni/gateway"
)

// attemptFlags bound attempts at credentials, and what looks like a search for somebody who matches.
type attemptFlags struct {
	Attempts          uint16        `default:"${attempts}" env:"ZHENNI_ATTEMPTS" placeholder:"N" help:"Non-matches in a row after which a credential pauses (default ${default}). Parties of evaluation are exempt from this and all that follows."`
	AttemptsPause     time.Duration `default:"${attempts_pause}" env:"ZHENNI_ATTEMPTS_PAUSE" help:"The first pause, doubled with each non-match after it (default ${default})."`
	AttemptsLongest   time.Duration `default:"${attempts_longest}" env:"ZHENNI_ATTEMPTS_LONGEST" help:"The longest pause (default ${default})."`
	AttemptsDisable   uint16        `default:"${attempts_disable}" env:"ZHENNI_ATTEMPTS_DISABLE" placeholder:"N" help:"Non-matches in all after which a credential matches nobody until its issuer has re-proved the holder (default ${default})."`
	AttemptsEase      time.Duration `default:"${attempts_ease}" env:"ZHENNI_ATTEMPTS_EASE" help:"Time in which matches take one of them off again (default ${default})."`
	AttemptsHeld      int           `default:"0" env:"ZHENNI_ATTEMPTS_HELD" placeholder:"N" help:"Credentials with failed attempts that are known at once, about 300 bytes of memory each; 0 is 1048576."`
	PartyWindow       time.Duration `default:"${party_window}" env:"ZHENNI_PARTY_WINDOW" help:"Time looked back over at what a relying party asked (default ${default})."`
	PartyLeast        uint64        `default:"${party_least}" env:"ZHENNI_PARTY_LEAST" placeholder:"N" help:"Items in that time before the share of non-matches counts (default ${default})."`
	PartyAlarm        uint64        `default:"${party_alarm}" env:"ZHENNI_PARTY_ALARM" placeholder:"PERCENT" help:"Share of non-matches that raises an alarm (default ${default})."`
	PartyStop         uint64        `default:"${party_stop}" env:"ZHENNI_PARTY_STOP" placeholder:"PERCENT" help:"Share of non-matches that stops the party; 101 is never (default ${default})."`
	PartySharedAlarm  uint64        `default:"${party_shared_alarm}" env:"ZHENNI_PARTY_SHARED_ALARM" placeholder:"N" help:"Probes tried on more than one credential that raise an alarm (default ${default})."`
	PartySharedStop   uint64        `default:"${party_shared_stop}" env:"ZHENNI_PARTY_SHARED_STOP" placeholder:"N" help:"Probes tried on more than one credential that stop the party (default ${default})."`
	NonMatchesAMinute uint64        `name:"non-matches-a-minute" default:"${non_matches_a_minute}" env:"ZHENNI_NON_MATCHES_A_MINUTE" placeholder:"N" help:"Non-matches of all parties together in a minute, beyond which nothing is verified until it has passed; well above what honest traffic has (default ${default})."`
}

// attemptVars are the defaults, shown in the help as they are.
func attemptVars() map[string]any {
	a, p := zhenni.AttemptRules{}.WithDefaults(), zhenni.PartyRules{}.WithDefaults()
	return map[string]any{
		"attempts": a.Free, "attempts_pause": a.Pause, "attempts_longest": a.MaxPause, "attempts_disable": a.Disable, "attempts_ease": a.Ease,
		"party_window": p.Window, "party_least": p.Least, "party_alarm": p.AlarmPercent, "party_stop": p.StopPercent,
		"party_shared_alarm": p.AlarmShared, "party_shared_stop": p.StopShared, "non_matches_a_minute": p.PerMinute,
	}
}

func (f attemptFlags) attemptRules() zhenni.AttemptRules {
	return zhenni.AttemptRules{
		Free: f.Attempts, Pause: f.AttemptsPause, MaxPause: f.AttemptsLongest, Disable: f.AttemptsDisable, Ease: f.AttemptsEase,
	}
}

func (f attemptFlags) partyRules() zhenni.PartyRules {
	return zhenni.PartyRules{
		Window: f.PartyWindow, Least: f.PartyLeast, AlarmPercent: f.PartyAlarm, StopPercent: f.PartyStop,
		AlarmShared: f.PartySharedAlarm, StopShared: f.PartySharedStop, PerMinute: f.NonMatchesAMinute,
	}
}

// counted are the failed attempts of earlier runs: those that answers were recorded with, and then what was forgotten of
// them.
func (n *node) counted() (iter.Seq[zhenni.AttemptCount], error) {
	if n.ledger == nil {
		return nil, nil
	}
	reproofs, err := n.store.Reproofs()
	if err != nil {
		return nil, environment("failed attempts that were forgotten: %w", err)
	}
	return func(yield func(zhenni.AttemptCount) bool) {
		goesOn := true
		n.ledger.Attempts(func(count zhenni.AttemptCount) bool {
			goesOn = yield(count)
			return goesOn
		})
		for _, count := range reproofs {
			if !goesOn {
				return
			}
			goesOn = yield(count)
		}
	}, nil
}

type rpLift struct {
	ID string `arg:"" help:"Id of the party."`
	rpFlags
}

// lifter is a book by which a stop ends by itself, and a suspension does not.
type lifter interface {
	// lift ends the stop of a party, and returns the limits of a running server.
	lift(ctx context.Context, id string) (*gateway.LimitStats, error)
}

// Run lifts the stop of a party.
func (c *rpLift) Run(ctx context.Context, out *output) (err error) {
	b, err := c.open(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	stopper, ok := b.(lifter)
	if !ok {
		return usage("over HTTP zhenni rp resume ends a stop")
	}
	stats, err := stopper.lift(ctx, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return out.JSON(struct {
			Lifted string              `json:"lifted"`
			Limits *gateway.LimitStats `json:"limits,omitempty"`
		}{c.ID, stats})
	}
	return out.Print("%s may verify again.", c.ID)
}

func (b servedBook) lift(ctx context.Context, id string) (*gateway.LimitStats, error) {
	stats := new(gateway.LimitStats)
	return stats, b.admin.do(ctx, "POST", partyPath(id)+"/lift", struct{}{}, stats)
}

func (b storedBook) lift(ctx context.Context, id string) (*gateway.LimitStats, error) {
	_, err := applyOne(ctx, b.store, zhenni.LiftRelyingParty{ID: id})
	if errors.Is(err, zhenni.ErrNotFound) {
		return nil, notSo("%w", err)
	}
	return nil, err
}
