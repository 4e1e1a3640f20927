package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"zhenni"
	sdk "zhenni/holder"
)

// patienceFlag says how long a party asks again. What parties ask of a session does nothing twice.
type patienceFlag struct {
	Patience time.Duration `default:"10s" env:"ZHENNI_PATIENCE" help:"How long to ask again while the server can not be reached, or can not answer now (default ${default})."`
}

// The pauses between two attempts.
const (
	shortPause = 50 * time.Millisecond
	longPause  = time.Second
)

// insist asks until there is an answer that no further attempt betters, or patience ends. Where an answer was lost and the session
// has gone on by what it was about, the session as it is stands for it.
func (f patienceFlag) insist(ctx context.Context, ask, see func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, f.Patience+holderTimeout)
	defer cancel()
	started := time.Now()
	for pause, again := shortPause, false; ; pause, again = min(2*pause, longPause), true {
		err := ask(ctx)
		if again && see != nil && sdk.IsRefused(err, sdk.CodeSessionEnded, sdk.CodeSessionStep) {
			ask, see = see, nil
			continue
		}
		if !sdk.Again(err) || time.Since(started) > f.Patience {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		}
	}
}

// keepSecret writes a document for its owner alone. An older one is replaced whole.
func keepSecret(flag, path string, document any) error {
	text, err := json.Marshal(document)
	if err != nil {
		return err
	}
	file, err := newWholeFile(path, 0o600)
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	defer file.discard()
	if _, err := file.Write(append(text, '\n')); err != nil {
		return environment("%s: %w", flag, err)
	}
	if err := file.keep(); err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return nil
}

// readKept reads what keepSecret wrote.
func readKept(flag, path string, document any) error {
	text, err := readSmall(path)
	if err != nil {
		return environment("%s: %w", flag, err)
	}
	if err := json.Unmarshal(text, document); err != nil {
		return usage("%s %s: %w", flag, path, err)
	}
	return nil
}

// readStrictly reads a small document that another party wrote: one JSON value of that form, and nothing else.
func readStrictly(flag, path string, document any) error {
	text, err := readSmall(path)
	if err != nil {
		return environment("%s: %w", flag, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(document); err != nil {
		return usage("%s %s: %w", flag, path, err)
	}
	if len(bytes.TrimSpace(text[decoder.InputOffset():])) > 0 {
		return usage("%s %s: %w: something follows the document", flag, path, zhenni.ErrBadValue)
	}
	return nil
}
