package gateway

import (
	"context"
	"net/http"

	"zhenni"
)

// ModelStore tells which models a store holds templates of. Its methods may be called from several goroutines.
type ModelStore interface {
	// Models returns them by number, those that are retired too.
	Models() []zhenni.StoredModel
	// Migration counts the templates of one, for which it walks all credentials; it ends with ctx: [zhenni.ErrNotFound].
	Migration(ctx context.Context, model string, tenant zhenni.TenantID) (zhenni.Migration, error)
}

// ModelRecord is a model of a store as its operator sees it.
type ModelRecord struct {
	zhenni.StoredModel
	// Migration is nil of a model that is retired.
	Migration *zhenni.Migration `json:"migration,omitempty"`
	// Served says that the running process compares by it: it was started with a profile of it.
	Served bool `json:"served,omitempty"`
}

// Model adds the routes GET and POST /admin/models: what the store holds templates of, and a further one. Server is what they are served
// by. It is for before Serve.
func (a *Admin) Model(store ModelStore, server *Server) {
	a.lasting("GET /admin/models", func(ctx context.Context, _ *http.Request) (any, error) {
		models, err := ModelRecords(ctx, store)
		for i := range models {
			models[i].Served = !models[i].Retired && server.serves(models[i].ID)
		}
		return map[string]any{"models": models}, err
	})
	a.mux.Handle("POST /admin/models", a.route(a.addModel))
}

// ModelRecords counts the templates of each model that is not retired. It ends with ctx.
func ModelRecords(ctx context.Context, store ModelStore) ([]ModelRecord, error) {
	var all []ModelRecord
	for _, m := range store.Models() {
		record := ModelRecord{StoredModel: m}
		if !m.Retired {
			counted, err := store.Migration(ctx, m.ID, 0)
			if err != nil {
				return nil, err
			}
			record.Migration = &counted
		}
		all = append(all, record)
	}
	return all, nil
}

// addModel has the store hold templates of a further model. What the process compares by stays as it was started: a threshold comes from
// a profile, which it reads at its start.
func (a *Admin) addModel(r *http.Request) (any, error) {
	var model zhenni.Model
	if err := readAdmin(r.Body, &model); err != nil {
		return nil, err
	}
	results, err := a.operator.Apply(r.Context(), []zhenni.Command{zhenni.PutModel{Model: model}})
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		return nil, err
	}
	a.log.Info("the store holds templates of a further model", "model", model.ID)
	return struct {
		Model zhenni.Model `json:"model"`
	}{model}, nil
}

// serves reports whether requests may name a model.
func (s *Server) serves(model string) bool {
	for i := range s.served {
		if s.served[i].profile.Model.ID == model {
			return true
		}
	}
	return false
}
