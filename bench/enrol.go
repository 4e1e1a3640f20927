package bench

import (
	"bytes"
	"fmt"
	"strconv"

	"zhenni"
)

const pathEnrol = "/v1/enrolments"

// Enrolled is what became of one reference: its credential, or why it was refused.
type Enrolled struct {
	ID zhenni.CredentialID
	// Refused is Pending for a reference that was enrolled.
	Refused zhenni.Outcome
}

// Enrol enrols one reference.
func (c *Client) Enrol(level zhenni.Level, reference Vectors) (zhenni.CredentialID, error) {
	c.body = append(appendReference(append(c.body[:0], '{'), level, reference), '}')
	answer, err := c.Post(pathEnrol, mediaJSON, c.body)
	if err != nil {
		return zhenni.CredentialID{}, err
	}
	parsed, err := c.parser.ParseBytes(answer)
	if err != nil {
		return zhenni.CredentialID{}, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return zhenni.ParseCredentialID(string(parsed.GetStringBytes("credential")))
}

// EnrolLines enrols all references in one NDJSON request and appends what became of each, in order, to dst. An error
// leaves open which of them were enrolled.
func (c *Client) EnrolLines(level zhenni.Level, references Vectors, dst []Enrolled) ([]Enrolled, error) {
	n := references.Len()
	c.body = c.body[:0]
	for i := range n {
		c.body = append(c.body, `{"item":`...)
		c.body = strconv.AppendInt(c.body, int64(i), 10)
		c.body = append(c.body, ',')
		c.body = append(appendReference(c.body, level, references.Slice(i, i+1)), "}\n"...)
	}
	answer, err := c.Post(pathEnrol, mediaNDJSON, c.body)
	if err != nil {
		return dst, err
	}
	for i := range n {
		line, rest, _ := bytes.Cut(answer, []byte("\n"))
		answer = rest
		enrolled, err := c.readEnrolled(line, i)
		if err != nil {
			return dst, err
		}
		dst = append(dst, enrolled)
	}
	return dst, checkCount(n+bytes.Count(answer, []byte("\n")), n)
}

func (c *Client) readEnrolled(line []byte, item int) (Enrolled, error) {
	parsed, err := c.parser.ParseBytes(line)
	if err != nil || !parsed.Exists("item") || parsed.GetInt("item") != item {
		return Enrolled{}, fmt.Errorf("%w: line %d does not answer item %d", ErrAnswer, item, item)
	}
	if string(parsed.GetStringBytes("outcome")) != "enrolled" {
		return Enrolled{Refused: outcomeOf("refused", string(parsed.GetStringBytes("reason")))}, nil
	}
	id, err := zhenni.ParseCredentialID(string(parsed.GetStringBytes("credential")))
	return Enrolled{ID: id}, err
}

func appendReference(dst []byte, level zhenni.Level, reference Vectors) []byte {
	dst = append(dst, `"level":"`...)
	dst = append(dst, level.String()...)
	dst = append(dst, '"', ',')
	return appendVector(dst, "reference", reference)
}

// Revoke revokes a credential and returns once that is durable.
func (c *Client) Revoke(id zhenni.CredentialID) error {
	_, err := c.Post("/v1/credentials/"+id.String()+"/revoke", "", nil)
	return err
}

// Model returns the id and the dimension of the model that the server has a threshold for.
func (c *Client) Model() (id string, dim int, err error) {
	answer, err := c.Get("/v1/profiles")
	if err != nil {
		return "", 0, err
	}
	parsed, err := c.parser.ParseBytes(answer)
	if err != nil || len(parsed.GetArray("profiles")) == 0 {
		return "", 0, fmt.Errorf("%w: no profile is served", ErrAnswer)
	}
	model := parsed.GetArray("profiles")[0].Get("model")
	if dim = model.GetInt("dim"); dim < 1 || dim > zhenni.MaxDim {
		return "", 0, fmt.Errorf("%w: a model of dimension %d", ErrAnswer, dim)
	}
	return string(model.GetStringBytes("id")), dim, nil
}
