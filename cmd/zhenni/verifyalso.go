package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"iter"
	"net/http"

	"zhenni"
	"zhenni/bench"
)

// alsoFlags name a second probe of every person, of another factor, and what the two are for.
type alsoFlags struct {
	Also      string `type:"path" placeholder:"PATH" help:"A second probe of every person, by a model of another factor: probes in a form of PATH, in the same order, each claiming the same person. It takes --also-model, --service and --purpose. One verification is asked by both; it is one attempt."`
	AlsoModel string `placeholder:"ID" help:"With --also: model of the second probes, one that the server serves."`
	Service   string `placeholder:"ID" help:"With --also: service that is asked for, whose ways say what two factors are worth."`
	Purpose   string `placeholder:"CODE" help:"With --also: purpose, one of the service's."`
}

// check refuses flags that do not go together.
func (f alsoFlags) check() error {
	if f.Also == "" {
		if f != (alsoFlags{}) {
			return usage("--also-model, --service and --purpose are for second probes: add --also")
		}
		return nil
	}
	for _, flag := range [...]struct{ name, value string }{{"--also-model", f.AlsoModel}, {"--service", f.Service}, {"--purpose", f.Purpose}} {
		if flag.value == "" {
			return usage("--also takes %s", flag.name)
		}
		if !zhenni.ValidName(flag.value) {
			return usage("%s: %q: want 1–64 of a–z 0–9 - _ .", flag.name, flag.value)
		}
	}
	return nil
}

// openPairs reads the second probes beside the first, from begin to end before anything is asked: no attempt is spent on files that
// do not belong together.
func (f alsoFlags) openPairs(ctx context.Context, first probeSource) (questionSource, error) {
	second, err := openProbes(ctx, f.Also)
	if err != nil {
		return questionSource{}, err
	}
	pairs := questionSource{first.total, func(ctx context.Context, visit func(claimed) error) error {
		return sideBySide(ctx, first, second, visit)
	}}
	return pairs, pairs.each(ctx, func(claimed) error { return context.Cause(ctx) })
}

// choose returns which of the server's models made the second probes.
func (f alsoFlags) choose(models []zhenni.Model) (zhenni.Model, error) {
	for _, m := range models {
		switch {
		case m.ID != f.AlsoModel:
		case m.Factor == models[0].Factor:
			return m, usage("--also-model: %s is of the factor %s, as the model of the first probes, %s: two of one factor are two attempts", m.ID, m.Factor, models[0].ID)
		default:
			return m, nil
		}
	}
	return zhenni.Model{}, usage("--also-model: the server does not serve %s", f.AlsoModel)
}

// sideBySide visits the probes of two sources in pairs, and refuses sources of which one is longer or claims another person.
func sideBySide(ctx context.Context, first, second probeSource, visit func(claimed) error) error {
	next, stop := iter.Pull2(second.all(ctx))
	defer stop()
	n := 0
	err := first.each(ctx, func(item, claim string, embedding []float32) error {
		n++
		also, err, more := next()
		switch {
		case err != nil:
			return err
		case !more:
			return usage("--also: it has %d probes, and there are more beside it", n-1)
		case also.claim != claim:
			return usage("--also: probe %d, %q, claims %q, and the one beside it, %q, claims %q: both files have the same persons in the same order",
				n, also.item, also.claim, item, claim)
		}
		return visit(claimed{item: item, claim: claim, probe: embedding, also: also.probe})
	})
	if err != nil {
		return err
	}
	if _, err, more := next(); err != nil {
		return err
	} else if more {
		return usage("--also: it has more than the %d probes beside it", n)
	}
	return nil
}

// all is the probes one by one; each is valid until the next. An error ends them.
func (s probeSource) all(ctx context.Context) iter.Seq2[claimed, error] {
	return func(yield func(claimed, error) bool) {
		stopped := errors.New("stopped")
		err := s.each(ctx, func(item, claim string, embedding []float32) error {
			if !yield(claimed{item: item, claim: claim, probe: embedding}, nil) {
				return stopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, stopped) {
			yield(claimed{}, err)
		}
	}
}

// answerPair asks the one question of the part, again under the same transaction where it could not be answered for now.
func (v *verification) answerPair(ctx context.Context, id zhenni.CredentialID) (outcome zhenni.Outcome, err error) {
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return outcome, err
	}
	q := bench.Question{
		ID: id, Probe: bench.Vectors{Dim: v.dim, Float32: v.probes},
		Transaction: "verify." + hex.EncodeToString(random[:]), Service: v.pair.Service, Purpose: v.pair.Purpose,
	}
	also := bench.Second{Model: v.pair.AlsoModel, Probe: bench.Vectors{Dim: v.alsoDim, Float32: v.also}}
	err = patiently(ctx, func() error {
		if outcome, err = v.client.VerifyPair(q, also); errors.Is(err, zhenni.ErrDeadline) || err == nil && outcome.Retryable() {
			return errors.Join(zhenni.ErrOverloaded, err)
		}
		return err
	})
	if err == nil {
		return outcome, nil
	}
	var refused *bench.Refusal
	if errors.As(err, &refused) {
		switch refused.Status {
		case http.StatusBadRequest, http.StatusUnprocessableEntity:
			return outcome, usage("verify %s: %w", v.part[0].item, err)
		case http.StatusForbidden, http.StatusConflict:
			return outcome, notSo("verify %s: %w", v.part[0].item, err)
		}
	}
	return outcome, environment("verify: %w", err)
}
