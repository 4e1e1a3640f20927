package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"

	"zhenni"
	"zhenni/identity/pin"
)

// renewPIN has a PIN that was right be kept in the way of now, where it was made with other parameters or under an earlier
// pepper. Nobody waits for it; there is one at a time, and one that has no place, or fails, is made anew at its next use.
func (s *Server) renewPIN(tenant zhenni.TenantID, kept openedPIN, digits pin.Digits) {
	if !s.config.PINs.Stale(kept.verifier) {
		return
	}
	select {
	case s.renewing <- struct{}{}:
	default:
		return
	}
	own := digits.Copy() // the request forgets its own
	go func() {
		defer func() { <-s.renewing }()
		defer own.Forget()
		switch err := s.storeRenewed(tenant, kept, own); {
		case err == nil, errors.Is(err, zhenni.ErrOverloaded):
		case errors.Is(err, zhenni.ErrIllegalChange), errors.Is(err, zhenni.ErrNotFound): // it was set, or ended, meanwhile
		default:
			s.config.Logger.Warn("a PIN was not made anew; it is at its next use", "error", err)
		}
	}()
}

func (s *Server) storeRenewed(tenant zhenni.TenantID, kept openedPIN, digits pin.Digits) error {
	renewed, err := s.makeAnew(kept, digits)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.config.VerifyTimeout)
	defer cancel()
	results, err := s.node.Apply(ctx, []zhenni.Command{zhenni.RenewPIN{
		ID: kept.binding.Credential, Tenant: tenant, From: kept.verifier.Append(nil), To: renewed.Append(nil), At: s.config.Now(),
	}})
	if err != nil {
		return err
	}
	return results[0].Err
}

func (s *Server) makeAnew(kept openedPIN, digits pin.Digits) (pin.Verifier, error) {
	var salt [pin.SaltSize]byte
	if _, err := io.ReadFull(s.config.Entropy, salt[:]); err != nil {
		return pin.Verifier{}, fmt.Errorf("%w: no salt: %w", zhenni.ErrUnavailable, err)
	}
	turn, err := s.config.PINs.Admit()
	if err != nil {
		return pin.Verifier{}, err
	}
	defer turn.End()
	return turn.Renew(digits, kept.binding, kept.verifier, salt)
}

// awaitRenewal waits for the PIN that is being made anew, if there is one.
func (s *Server) awaitRenewal(ctx context.Context) error {
	select {
	case s.renewing <- struct{}{}:
		<-s.renewing
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
