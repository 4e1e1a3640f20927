package bench

import (
	"errors"
	"fmt"

	"zhenni"
)

// A Second is the second probe of a question, by a model of another factor than the first's.
type Second struct {
	Model string
	Probe Vectors
}

// VerifyPair asks one question by two probes, under the question's transaction; a service has to be named, for its ways say what two
// probes are worth. A probe or an id that is refused is an outcome, not an error. An answer that is still being made is
// [zhenni.ErrOverloaded]: to ask again under the same transaction is no other attempt.
func (c *Client) VerifyPair(q Question, also Second) (zhenni.Outcome, error) {
	body := append(q.appendMembers(nil), `,"also_model":`...)
	body = append(append(append(body, '"'), also.Model...), `",`...)
	body = append(appendVector(body, "also_probe", also.Probe), '}')
	outcome, err := c.outcome(c.Post(pathSingle, mediaJSON, body))
	var refused *Refusal
	if errors.As(err, &refused) && refused.Code == "transaction_in_progress" {
		return outcome, fmt.Errorf("%w: %w", zhenni.ErrOverloaded, err)
	}
	return outcome, err
}

// Models returns the models that the server has thresholds for, that of questions which name none first.
func (c *Client) Models() (models []zhenni.Model, err error) {
	answer, err := c.Get("/v1/profiles")
	if err != nil {
		return nil, err
	}
	parsed, err := c.parser.ParseBytes(answer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	for _, profile := range parsed.GetArray("profiles") {
		model := profile.Get("model")
		m := zhenni.Model{ID: string(model.GetStringBytes("id")), Dim: model.GetInt("dim")}
		if err := m.Factor.UnmarshalText(model.GetStringBytes("factor")); err != nil || m.Dim < 1 || m.Dim > zhenni.MaxDim {
			return nil, fmt.Errorf("%w: model %q of dimension %d: %w", ErrAnswer, m.ID, m.Dim, err)
		}
		models = append(models, m)
	}
	if len(models) == 0 {
		return nil, fmt.Errorf("%w: no profile is served", ErrAnswer)
	}
	return models, nil
}
