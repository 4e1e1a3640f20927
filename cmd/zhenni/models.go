package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/engine"
	"zhenni/gateway"
	"zhenni/storage"
)

// modelsCommand is models.
type modelsCommand struct {
	List    modelsList    `cmd:"" default:"withargs" help:"Show the models of a store, and how many live credentials have templates of each."`
	Add     modelsAdd     `cmd:"" help:"Have a store hold templates of a further model, while it is served or stopped."`
	Pending modelsPending `cmd:"" help:"List the live credentials of a stopped store without a template of a model: whom to enrol anew."`
	Retire  modelsRetire  `cmd:"" help:"End a model of a stopped store, and drop its templates."`
}

// modelsFlags say whose models are meant. A running server is asked over its socket; the store of a stopped one is opened.
type modelsFlags struct {
	storeFlags
	adminFlags
}

// running returns the server that answers on the socket, nil for none.
func (f modelsFlags) running() *adminClient {
	if admin := f.client(f.Store); admin.answers() {
		return admin
	}
	return nil
}

type modelsList struct {
	modelsFlags
	JSON bool `help:"Print one JSON object."`
}

// modelList is what models list says.
type modelList struct {
	Models []gateway.ModelRecord `json:"models"`
}

// Run lists the models.
func (c *modelsList) Run(ctx context.Context, out *output) error {
	admin := c.running()
	list, err := c.list(ctx, admin, out)
	if err != nil {
		return err
	}
	if c.JSON {
		return out.JSON(list)
	}
	rows := [][]string{{"model", "factor", "dimension", "live credentials", "with a template", "without", "with no other", "served"}}
	for _, m := range list.Models {
		row := []string{m.ID, m.Factor.String(), strconv.Itoa(m.Dim), "retired", "", "", "", ""}
		if p := m.Migration; p != nil {
			row = append(row[:3], fmt.Sprint(p.Total), fmt.Sprint(p.Done), fmt.Sprint(p.Pending), fmt.Sprint(p.Only), servedText(admin != nil, m.Served))
		}
		rows = append(rows, row)
	}
	return out.Table(rows)
}

// servedText says whether a running server compares by a model.
func servedText(running, served bool) string {
	switch {
	case !running:
		return "stopped"
	case served:
		return "yes"
	}
	return "no"
}

// list asks the server, or reads the store where there is none.
func (c *modelsList) list(ctx context.Context, admin *adminClient, out *output) (list modelList, err error) {
	if admin != nil {
		admin.http.Timeout = 0 // it walks the store once for each model: whoever asks ends it
		return list, admin.do(ctx, "GET", "/admin/models", nil, &list)
	}
	store, err := c.open(true, out)
	if err != nil {
		return list, err
	}
	list.Models, err = gateway.ModelRecords(ctx, store)
	if err := errors.Join(err, store.Close()); err != nil {
		return list, environment("%w", err)
	}
	return list, nil
}

type modelsAdd struct {
	modelsFlags
	Profile string `required:"" type:"path" placeholder:"FILE" help:"Profile of the model, as zhenni calibrate writes it."`
}

// Help is shown by zhenni models add --help.
func (modelsAdd) Help() string {
	return `Credentials get templates of the model one by one, at POST /v1/credentials/{id}/templates of a server that has its profile too. A model is told by its id alone: another extractor, or another version of one, has another id. Templates of two models are never compared.

A running server goes on as it was, and compares by the model once it is started again with its profile: that is all that the change stops.

Example:

    zhenni models add --store zhenni-data --profile new.json
    zhenni serve --profile old.json --profile new.json`
}

// Run adds the model.
func (c *modelsAdd) Run(ctx context.Context, out *output) error {
	profile, err := readProfile(c.Profile)
	if err != nil {
		return err
	}
	if !profile.Supported {
		out.Note("Its data do not support a false match rate of %g (%s): serve takes the profile with --allow-unsupported alone.", profile.FMRTarget, profile.Reason)
	}
	if admin := c.running(); admin != nil {
		err = admin.do(ctx, "POST", "/admin/models", profile.Model, new(struct{}))
	} else {
		err = c.change(ctx, zhenni.PutModel{Model: profile.Model}, out)
	}
	if err != nil {
		return err
	}
	return out.Print("The store holds templates of model %s. A server compares by it once it is started with its profile.", profile.Model.ID)
}

// change makes one change of a stopped store.
func (f storeFlags) change(ctx context.Context, command zhenni.Command, out *output) error {
	store, err := f.open(false, out)
	if err != nil {
		return err
	}
	results, err := store.Apply(ctx, []zhenni.Command{command})
	if err == nil {
		err = results[0].Err
	}
	refused := errors.Is(err, zhenni.ErrExists) || errors.Is(err, zhenni.ErrNotFound) || errors.Is(err, zhenni.ErrIllegalChange) || errors.Is(err, zhenni.ErrBadValue)
	err = errors.Join(err, store.Close())
	switch {
	case refused:
		return notSo("%w", err)
	case err != nil:
		return environment("%w", err)
	}
	return nil
}

type modelsPending struct {
	Model string `arg:"" help:"Id of the model."`
	storeFlags
	Tenant zhenni.TenantID `placeholder:"N" help:"Only credentials of this tenant."`
}

// Run lists the credentials, an id a line.
func (c *modelsPending) Run(_ context.Context, out *output) error {
	store, err := c.open(true, out)
	if err != nil {
		return err
	}
	err = c.list(store, out)
	if unknown := errors.Is(err, zhenni.ErrNotFound); unknown {
		return errors.Join(notSo("%w", err), store.Close())
	}
	if err := errors.Join(err, store.Close()); err != nil {
		return environment("%w", err)
	}
	return nil
}

func (c *modelsPending) list(store *recordedStore, out *output) error {
	const page = 1000
	behind := zhenni.CredentialID{}
	for more := true; more; {
		var ids []zhenni.CredentialID
		var err error
		if ids, behind, more, err = store.Pending(c.Model, c.Tenant, behind, page); err != nil {
			return err
		}
		for _, id := range ids {
			if err := out.Print("%s", id); err != nil {
				return err
			}
		}
	}
	return nil
}

type modelsRetire struct {
	Model string `arg:"" help:"Id of the model."`
	storeFlags
	Abandon bool `help:"Retire it although live credentials have templates of no other model: nothing matches them until they have."`
}

// Help is shown by zhenni models retire --help.
func (modelsRetire) Help() string {
	return `From then on no template of the model is opened. Then each is overwritten; interrupted, it is called again with the same id and goes on. What snapshots, backups and blocks of removed files keep of them ends with those: it is the erasure of a credential that destroys keys.

Example:

    zhenni models retire old-1 --store zhenni-data`
}

// Run retires the model, unless somebody has nothing else.
func (c *modelsRetire) Run(ctx context.Context, out *output) error {
	store, err := c.open(false, out)
	if err != nil {
		return err
	}
	dropped, err := c.retire(ctx, store, out)
	closed := store.Close()
	switch {
	case errors.Is(err, zhenni.ErrNotFound), errors.Is(err, zhenni.ErrIllegalChange):
		return errors.Join(notSo("%w", err), closed)
	case err != nil || closed != nil:
		return environment("%w", errors.Join(err, closed))
	}
	return out.Print("Model %s is retired; %d templates were dropped.", c.Model, dropped)
}

func (c *modelsRetire) retire(ctx context.Context, store *recordedStore, out *output) (dropped int64, err error) {
	number, retired, found := numberOf(store.Models(), c.Model)
	if !found {
		return 0, fmt.Errorf("%w: model %s", zhenni.ErrNotFound, c.Model)
	}
	if !retired {
		progress, err := store.Migration(ctx, c.Model, 0)
		if err != nil {
			return 0, err
		}
		if progress.Only > 0 && !c.Abandon {
			return 0, fmt.Errorf("%w: %d live credentials have a template of no other model: enrol them anew, or add --abandon", zhenni.ErrIllegalChange, progress.Only)
		}
		results, err := store.Apply(ctx, []zhenni.Command{zhenni.RetireModel{ID: c.Model}})
		if err == nil {
			err = results[0].Err
		}
		if err != nil {
			return 0, err
		}
	}
	bar := out.Progress("templates", store.Count())
	defer bar.Done()
	err = store.DropTemplates(ctx, number, func(done int64) {
		dropped = done
		bar.Set(done)
	})
	return dropped, err
}

// numberOf finds a model that is not retired, else the last of that id.
func numberOf(models []zhenni.StoredModel, id string) (number uint8, retired, found bool) {
	for _, m := range models {
		if m.ID == id && (!m.Retired || !found || retired) {
			number, retired, found = m.Number, m.Retired, true
		}
	}
	return number, retired, found
}

// profiles reads the thresholds to serve with, that of requests which name no model first.
func (c *serveCommand) profiles() ([]zhenni.Profile, error) {
	if len(c.Profile) == 0 {
		return nil, usage("--profile: no threshold given: zhenni calibrate makes one from labelled embeddings")
	}
	var all []zhenni.Profile
	for _, path := range c.Profile {
		profile, err := readProfile(path)
		switch {
		case err != nil:
			return nil, err
		case !profile.Supported && !c.AllowUnsupported:
			return nil, notSo("--profile %s: its data do not support a false match rate of %g (%s): calibrate for %g, or add --allow-unsupported",
				path, profile.FMRTarget, profile.Reason, profile.SupportedFMR)
		}
		all = append(all, profile)
	}
	return all, nil
}

// compare makes what the node compares by: for each profile an arena, of the budget by what a row of its model takes, and the
// templates of the model.
func (n *node) compare(cfg *nodeConfig, store *recordedStore) error {
	profiles := append([]zhenni.Profile{cfg.gateway.Profile}, cfg.gateway.Beside...)
	total := int64(0)
	for _, p := range profiles {
		total += rowShare(p.Model.Dim)
	}
	for i, p := range profiles {
		templates, err := templatesOf(store.Store, p.Model)
		if err != nil {
			return err
		}
		arena, err := engine.NewArena(p.Model.Dim, int64(cfg.arena)*rowShare(p.Model.Dim)/total)
		if err != nil {
			return usage("--arena: %w", err)
		}
		n.arenas = append(n.arenas, arena)
		if i == 0 {
			cfg.actors.Templates = templates
			continue
		}
		cfg.actors.Beside = append(cfg.actors.Beside, actors.Comparison{Model: p.Model, Rule: p.Threshold, Arena: arena, Templates: templates})
	}
	return nil
}

// migrationPause is how long after a count of the templates of every model, or of the PINs, the next begins, at the least.
const migrationPause = time.Minute

// rowShare is what a row takes of an arena, but for rounding.
func rowShare(dim int) int64 { return int64(dim) + 80 }

// templatesOf returns the store's templates of a model, all of which has to be the same.
func templatesOf(store *storage.Store, model zhenni.Model) (*storage.Templates, error) {
	templates, err := store.Templates(model.ID)
	if err != nil {
		return nil, usage("--profile: %w: zhenni models add has a store hold templates of a further model", err)
	}
	if held := templates.Model(); held != model {
		return nil, usage("--profile: %w: the store holds templates of model %s of dimension %d, %s; the profile's are of dimension %d, %s",
			zhenni.ErrBadValue, held.ID, held.Dim, held.Factor, model.Dim, model.Factor)
	}
	return templates, nil
}
