package main

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"zhenni/identity"
)

// sealCommand is seal.
type sealCommand struct {
	In  string `arg:"" type:"path" placeholder:"FILE" help:"CSV of the people: image_id,name,number, in the order of the embeddings."`
	To  string `required:"" type:"path" placeholder:"FILE" help:"Public key of the engine, the JWK that zhenni keys identity prints."`
	Out string `required:"" type:"path" placeholder:"FILE" help:"CSV to write: image_id,sealed_identity. Named sealed.csv in the folder of the embeddings, it is what zhenni enrol --sealed reads; or it is a column of a Parquet file."`
}

// Help is shown by zhenni seal --help.
func (sealCommand) Help() string {
	return `Run by the issuer, where the names are: what is written can be opened by the engine alone. A name or number that the engine would refuse is told by its row and field and left empty, so that the rows stay beside their embeddings.

Example:

    zhenni seal people.csv --to identity.jwk --out photographs/sealed.csv`
}

// person is one row of the issuer's file, and what it becomes.
type person struct {
	row                 int64 // from 1
	image, name, number string
	sealed              string
	refused             error
}

// Run seals the file.
func (c *sealCommand) Run(ctx context.Context, out *output) error {
	jwk, err := os.ReadFile(c.To)
	if err != nil {
		return environment("--to: %w", err)
	}
	to, err := identity.ParsePublicKey(jwk)
	if err != nil {
		return usage("--to %s: %w", c.To, err)
	}
	file, err := newWholeFile(c.Out, 0o600)
	if err != nil {
		return err
	}
	defer file.discard()
	s := &sealing{to: to, today: time.Now(), told: csv.NewWriter(file), out: out}
	if err := s.run(ctx, c.In); err != nil {
		return err
	}
	if err := file.keep(); err != nil {
		return err
	}
	out.Note("Sealed %d identities, refused %d. They are in %s.", s.sealed, s.refused, c.Out)
	if s.refused > 0 {
		return notSo("%d identities were refused", s.refused)
	}
	return nil
}

// sealing is one run of the command.
type sealing struct {
	to    identity.PublicKey
	today time.Time
	out   *output

	// What follows is owned by take.
	told    *csv.Writer
	sealed  int
	refused refusals
}

func (s *sealing) run(ctx context.Context, path string) error {
	if err := s.told.Write([]string{"image_id", sealedColumn}); err != nil {
		return environment("--out: %w", err)
	}
	err := inOrder(ctx, func(pass func([]person) error) error { return readPeople(path, pass) }, s.seal, s.take)
	if err != nil {
		return wrapped("seal", err)
	}
	s.told.Flush()
	return wrapped("--out", s.told.Error())
}

var peopleColumns = []string{"image_id", "name", "number"}

// readPeople passes the rows of the issuer's file on, part by part. No text of it is in an error.
func readPeople(path string, pass func([]person) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	bounded := &io.LimitedReader{R: f, N: maxLabelBytes}
	r := csv.NewReader(bounded)
	r.ReuseRecord = true
	if header, err := r.Read(); err != nil || !slices.Equal(header, peopleColumns) {
		return usage("%s: want the heading %s", path, strings.Join(peopleColumns, ","))
	}
	var part []person
	for row := int64(1); ; row++ {
		bounded.N = maxLabelBytes
		record, err := r.Read()
		if errors.Is(err, io.EOF) && bounded.N > 0 {
			break
		}
		if err != nil {
			return usage("%s: row %d: want %d fields, at most %d bytes", path, row, len(peopleColumns), maxLabelBytes)
		}
		part = append(part, person{row: row, image: record[0], name: record[1], number: record[2]})
		if len(part) == enrolPart {
			if err := pass(part); err != nil {
				return err
			}
			part = nil
		}
	}
	if len(part) == 0 {
		return nil
	}
	return pass(part)
}

// seal seals a part. It may be called from several goroutines.
func (s *sealing) seal(part []person) {
	for i := range part {
		p := &part[i]
		if p.refused = s.check(p); p.refused == nil {
			p.sealed, p.refused = identity.Seal(s.to, p.name, p.number, sealedFor(p.image))
		}
		p.name, p.number = "", ""
	}
}

// check reports what the engine would find wrong with a person.
func (s *sealing) check(p *person) error {
	if p.image == "" || len(p.image) > maxImageBytes {
		return errImageID
	}
	number, err := identity.ParseNumber([]byte(p.number), s.today)
	if err != nil {
		return err
	}
	defer number.Forget()
	name, err := identity.ParseName([]byte(p.name))
	if err != nil {
		return err
	}
	name.Forget()
	return nil
}

// take writes a part.
func (s *sealing) take(part []person) error {
	for i := range part {
		p := &part[i]
		if p.refused == nil {
			s.sealed++
		} else {
			s.refused.tell(s.out, p.row, p.refused.Error())
		}
		if err := s.told.Write([]string{p.image, p.sealed}); err != nil {
			return err
		}
	}
	return nil
}
