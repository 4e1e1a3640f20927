package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"zhenni"
	"zhenni/engine"
	"zhenni/identity"
)

// sealedImport is one run of an import. Parts of the file are read by one goroutine, opened by all processors and put into
// the store by one, in the order of the file; so memory is bounded by a few parts, whatever the size of the file.
//
// What is in the store is whole: a part is one commit, and with a reference comes its person's index. Since the id of a
// reference follows from its content, a run after one that was cut finds what is there, and needs no file of its own for it.
type sealedImport struct {
	ctx     context.Context
	out     *output
	who     *identities
	store   *recordedStore
	model   zhenni.Model
	at      time.Time
	tenant  zhenni.TenantID
	level   zhenni.Level
	replace bool
	bar     *progress

	// told, done and refusals are owned by take.
	told     *csv.Writer
	done     importedReferences
	refusals refusals
}

// sealedReference is a row of the file on its way into the store.
type sealedReference struct {
	row   int64 // in the file, from 1
	image string
	// sealed and embedding are dropped once enrol is made of them.
	sealed    string
	embedding []float32
	enrol     zhenni.Enrol
	// refused is what is wrong with the row; it says nothing of what is in it.
	refused error
}

func (im *sealedImport) run(source probeSource) error {
	if err := im.told.Write(mappingColumns); err != nil {
		return environment("--map: %w", err)
	}
	err := inOrder(im.ctx, func(pass func([]sealedReference) error) error { return im.read(source, pass) }, im.open, im.take)
	if err != nil {
		return wrapped("enrol", err)
	}
	im.told.Flush()
	return wrapped("--map", im.told.Error())
}

// read passes the rows of the file on, part by part.
func (im *sealedImport) read(source probeSource, pass func([]sealedReference) error) error {
	var part []sealedReference
	row := int64(0)
	err := source.each(im.ctx, func(image, sealed string, embedding []float32) error {
		row++
		part = append(part, sealedReference{
			row: row, image: strings.Clone(image), sealed: strings.Clone(sealed), embedding: slices.Clone(embedding),
		})
		if len(part) < enrolPart {
			return nil
		}
		full := part
		part = nil
		return pass(full)
	})
	if err == nil && len(part) > 0 {
		err = pass(part)
	}
	return err
}

// maxImageBytes bounds the name of an image.
const maxImageBytes = 512

// The faults of a row besides those of its sealed identity.
var (
	errImageID   = fmt.Errorf("%w: image_id: want 1–%d bytes of UTF-8", zhenni.ErrBadValue, maxImageBytes)
	errDimension = fmt.Errorf("%w: embedding: not of the dimension of the store's model", zhenni.ErrBadProbe)
)

// open opens the identities of a part, makes handles of them and forgets them. It may be called from several goroutines.
func (im *sealedImport) open(part []sealedReference) {
	for i := range part {
		r := &part[i]
		r.enrol, r.refused = im.enrolment(r)
		r.sealed, r.embedding = "", nil
	}
}

func (im *sealedImport) enrolment(r *sealedReference) (zhenni.Enrol, error) {
	if r.image == "" || len(r.image) > maxImageBytes || !utf8.ValidString(r.image) {
		return zhenni.Enrol{}, errImageID
	}
	if len(r.embedding) != im.model.Dim {
		return zhenni.Enrol{}, errDimension
	}
	row := make([]int8, im.model.Dim)
	if _, err := engine.Prepare(row, r.embedding); err != nil {
		return zhenni.Enrol{}, fmt.Errorf("embedding: %w", err)
	}
	if len(r.sealed) > identity.MaxSealed {
		return zhenni.Enrol{}, identity.SealedLong
	}
	who, err := im.who.Identify([]byte(r.sealed), "", r.image, im.at)
	if err != nil {
		return zhenni.Enrol{}, err
	}
	e := zhenni.Enrol{
		Tenant: im.tenant, Level: im.level, Model: im.model.ID, Row: row, At: im.at, Subject: who.Subject, NameTag: who.NameTag,
	}
	if im.replace {
		e.Issue = zhenni.IssueReenrolment
	}
	e.ID = im.who.reference(r.image, e)
	return e, nil
}
