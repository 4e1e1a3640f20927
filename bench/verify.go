package bench

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"

	"zhenni"
)

// Media types of the bulk formats.
const (
	mediaJSON   = "application/json"
	mediaNDJSON = "application/x-ndjson"
	mediaArrow  = "application/vnd.apache.arrow.stream"
)

const (
	pathSingle = "/v1/verifications"
	pathBatch  = "/v1/verification-batches"
)

// ErrAnswer is an answer that is not of its documented form.
var ErrAnswer = errors.New("bench: malformed answer")

// VerifyArrow asks all questions of the batch in one request and appends one outcome for each, in order, to dst.
func (c *Client) VerifyArrow(batch *ArrowBatch, dst []zhenni.Outcome) ([]zhenni.Outcome, error) {
	answer, err := c.Post(pathBatch, mediaArrow, batch.body)
	return c.arrowOutcomes(answer, err, batch.Len(), dst)
}

// arrowOutcomes appends the outcomes of an answer in the bulk format to dst.
func (c *Client) arrowOutcomes(answer []byte, err error, items int, dst []zhenni.Outcome) ([]zhenni.Outcome, error) {
	if err != nil {
		return dst, err
	}
	asked := len(dst) + items
	if dst, err = c.answers.outcomes(dst, answer); err != nil {
		return dst, err
	}
	return dst, checkCount(len(dst), asked)
}

func checkCount(got, asked int) error {
	if got != asked {
		return fmt.Errorf("%w: %d outcomes for %d items", ErrAnswer, got, asked)
	}
	return nil
}

// outcomeOf reads an outcome from its words. Whatever is not known is a refusal.
func outcomeOf(verdict, reason string) zhenni.Outcome {
	switch verdict {
	case zhenni.Match.Verdict():
		return zhenni.Match
	case zhenni.NoMatch.Verdict():
		return zhenni.NoMatch
	}
	for o := zhenni.RefusedUnavailable; int(o) < zhenni.OutcomeCount; o++ {
		if o.Reason() == reason {
			return o
		}
	}
	return zhenni.RefusedInternal
}

// VerifyLines asks "is probe i the person behind ids[i]?" for all i in one NDJSON request and appends one outcome for
// each, in order, to dst.
func (c *Client) VerifyLines(ids []zhenni.CredentialID, probes Vectors, dst []zhenni.Outcome) ([]zhenni.Outcome, error) {
	c.body = appendLines(c.body[:0], ids, probes)
	answer, err := c.Post(pathBatch, mediaNDJSON, c.body)
	return c.lineOutcomes(answer, err, len(ids), dst)
}

// appendLines writes one question a line.
func appendLines(dst []byte, ids []zhenni.CredentialID, probes Vectors) []byte {
	for i, id := range ids {
		dst = append(dst, `{"item":`...)
		dst = strconv.AppendInt(dst, int64(i), 10)
		dst = append(dst, ',')
		dst = append(appendQuestion(dst, id, probes.Slice(i, i+1)), "}\n"...)
	}
	return dst
}

// lineOutcomes reads the answer to so many lines.
func (c *Client) lineOutcomes(answer []byte, err error, items int, dst []zhenni.Outcome) ([]zhenni.Outcome, error) {
	if err != nil {
		return dst, err
	}
	for i := range items {
		line, rest, _ := bytes.Cut(answer, []byte("\n"))
		answer = rest
		parsed, err := c.parser.ParseBytes(line)
		if err != nil || !parsed.Exists("item") || parsed.GetInt("item") != i {
			return dst, fmt.Errorf("%w: line %d does not answer item %d", ErrAnswer, i, i)
		}
		dst = append(dst, outcomeOf(string(parsed.GetStringBytes("outcome")), string(parsed.GetStringBytes("reason"))))
	}
	return dst, checkCount(items+bytes.Count(answer, []byte("\n")), items)
}

// Verify asks about one credential and one probe. A probe or an id that is refused is an outcome, not an error.
func (c *Client) Verify(id zhenni.CredentialID, probe Vectors) (zhenni.Outcome, error) {
	c.body = append(appendQuestion(append(c.body[:0], '{'), id, probe), '}')
	return c.outcome(c.Post(pathSingle, mediaJSON, c.body))
}

// outcome reads the answer to a single verification.
func (c *Client) outcome(answer []byte, err error) (zhenni.Outcome, error) {
	var refused *Refusal
	if errors.As(err, &refused) && refused.Status/100 == 4 {
		if outcome := outcomeOf("refused", refused.Code); outcome.Reason() == refused.Code {
			return outcome, nil
		}
	}
	if err != nil {
		return zhenni.Pending, err
	}
	parsed, err := c.parser.ParseBytes(answer)
	if err != nil {
		return zhenni.Pending, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return outcomeOf(string(parsed.GetStringBytes("outcome")), string(parsed.GetStringBytes("reason"))), nil
}

// appendQuestion writes the members credential and probe.
func appendQuestion(dst []byte, id zhenni.CredentialID, probe Vectors) []byte {
	dst = append(dst, `"credential":"`...)
	dst = hex.AppendEncode(dst, id[:])
	dst = append(dst, '"', ',')
	return appendVector(dst, "probe", probe)
}

// appendVector writes one embedding as the member NAME_int8 or NAME_float32, in base64.
func appendVector(dst []byte, name string, v Vectors) []byte {
	dst = append(dst, '"')
	dst = append(dst, name...)
	if v.Int8 != nil {
		dst = append(dst, `_int8":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, arrow.Int8Traits.CastToBytes(v.Int8))
	} else {
		dst = append(dst, `_float32":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, arrow.Float32Traits.CastToBytes(v.Float32))
	}
	return append(dst, '"')
}
