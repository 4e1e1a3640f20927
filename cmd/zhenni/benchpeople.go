package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"zhenni"
	"zhenni/bench/ingress"
	"zhenni/bench/population"
	"zhenni/simd"
	"zhenni/storage"
)

// peopleFlags say who is enrolled, what is asked and by how many.
type peopleFlags struct {
	Population  string `default:"plain" enum:"plain,voices,faces" help:"How alike captures are: plain is easy to tell apart, voices and faces have the scores of published embeddings (default ${default})."`
	Credentials int64  `default:"100000" placeholder:"N" help:"Synthetic people to enrol (default ${default})."`
	Dim         int    `default:"0" placeholder:"N" help:"Dimension of the model; 0 is 512 of plain, 192 of voices, 128 of faces."`
	Tenants     int    `default:"1" placeholder:"N" help:"Tenants that share the people out (default ${default})."`

	Mated   float64 `default:"0.5" placeholder:"SHARE" help:"Share of questions about the person (default ${default}); the rest are about somebody else."`
	Unknown float64 `default:"0" placeholder:"SHARE" help:"Share of questions about credentials that do not exist."`
	Revoked float64 `default:"0" placeholder:"SHARE" help:"Share of questions about revoked credentials; as many of the people, at most 10000, are revoked."`

	Zipf      float64 `default:"0" placeholder:"S" help:"Exponent of Zipf's law for whom questions are about; 0 is everybody alike."`
	Hot       float64 `default:"0" placeholder:"SHARE" help:"Share of questions about one credential of each tenant."`
	HotTenant float64 `default:"0" placeholder:"SHARE" help:"Share of requests of the first tenant; 0 is all alike."`

	Connections int `default:"8" placeholder:"N" help:"HTTP connections of the load (default ${default})."`
	Batch       int `default:"1024" placeholder:"N" help:"Verifications in one bulk request, in fours, 4–65536 (default ${default})."`
	Distinct    int `default:"131072" placeholder:"N" help:"Distinct probes held by the load (default ${default})."`
	Refresh     int `default:"1" placeholder:"N" help:"Probes of each request made anew before it is sent (default ${default}); it is work of the load."`
}

// benchFMR is the false match rate a benchmark's threshold is made for: the data of the fitted models carry no stricter one.
const benchFMR = 1e-4

// mostRevoked bounds the people revoked: each is a change of its own.
const mostRevoked = 10_000

func (f *peopleFlags) people(seed uint64) (population.Population, error) {
	p := population.Population{Seed: seed, Size: f.Credentials, Dim: f.Dim, Tenants: f.Tenants}
	natural := 512
	switch f.Population {
	case "voices":
		p.Likeness, natural = population.Voices(), 192
	case "faces":
		p.Likeness, natural = population.Faces(), 128
	}
	if p.Dim == 0 {
		p.Dim = natural
	}
	if f.Revoked > 0 {
		p.Revoked = min(max(int64(f.Revoked*float64(f.Credentials)), int64(f.Tenants)), mostRevoked)
	}
	if err := p.Validate(); err != nil {
		return p, usage("%w", err)
	}
	return p, nil
}

func (f *peopleFlags) questions(p population.Population) ingress.Questions {
	return ingress.Questions{
		Population: p, Mix: population.Mix{Mated: f.Mated, Unknown: f.Unknown, Revoked: f.Revoked},
		Skew:        population.Skew{Zipf: f.Zipf, Hot: f.Hot, HotTenant: f.HotTenant},
		Connections: f.Connections, BatchItems: f.Batch, Distinct: f.Distinct, Refresh: f.Refresh,
	}
}

// settings are the flags by name, for the result file.
func (f *peopleFlags) settings(p population.Population) map[string]string {
	return map[string]string{
		"population": f.Population, "credentials": fmt.Sprint(p.Size), "dim": fmt.Sprint(p.Dim), "tenants": fmt.Sprint(f.Tenants),
		"mix":         fmt.Sprintf("mated %g, unknown %g, revoked %g", f.Mated, f.Unknown, f.Revoked),
		"skew":        fmt.Sprintf("zipf %g, hot %g, hot tenant %g", f.Zipf, f.Hot, f.HotTenant),
		"connections": fmt.Sprint(f.Connections), "batch": fmt.Sprint(f.Batch), "distinct": fmt.Sprint(f.Distinct), "refresh": fmt.Sprint(f.Refresh),
	}
}

// benchProfile is a threshold for a population. It says of itself that no data support it.
func benchProfile(name string, p population.Population) (zhenni.Profile, error) {
	cosine, err := p.Threshold(benchFMR)
	if err != nil {
		return zhenni.Profile{}, usage("%w", err)
	}
	threshold, err := zhenni.NewThreshold(cosine)
	if err != nil {
		return zhenni.Profile{}, err
	}
	factor := zhenni.FactorFace
	if name == "voices" {
		factor = zhenni.FactorVoice
	}
	return zhenni.Profile{
		Model:     zhenni.Model{ID: fmt.Sprintf("%s-%d", name, p.Dim), Dim: p.Dim, Factor: factor},
		Synthetic: true, FMRTarget: benchFMR, Reason: "a benchmark's, of people who do not exist", Cosine: cosine, Threshold: threshold,
	}.Seal()
}

// fillPeople brings a population into an empty store, revokes who is revoked, and gives each tenant a relying party. It
// returns their keys, from tenant 1 on.
func (s *benchServer) fillPeople(ctx context.Context, out *output, store *recordedStore, model zhenni.Model, at time.Time) ([]string, error) {
	p, bring := s.people, importPeople
	if s.devices != nil {
		bring = s.issuePeople
	}
	if err := bring(ctx, out, store, model, p, at); err != nil {
		return nil, err
	}
	var changes []zhenni.Command
	for i := p.Size - p.Revoked; i < p.Size; i++ {
		changes = append(changes, zhenni.ChangeStatus{ID: p.ID(i), Tenant: p.Tenant(i), To: zhenni.StatusRevoked, At: at})
	}
	var keys []string
	for tenant := range max(p.Tenants, 1) {
		key, party, err := newParty(zhenni.RelyingParty{
			ID: fmt.Sprintf("bench-%d", tenant+1), Name: "Benchmark", Tenant: zhenni.TenantID(tenant + 1),
			Roles: zhenni.RoleVerifier, Evaluation: true, CreatedAt: at,
		})
		if err != nil {
			return nil, err
		}
		keys, changes = append(keys, key.String()), append(changes, zhenni.PutRelyingParty{Party: party})
	}
	for part := range slices.Chunk(changes, enrolPart) {
		if err := applyPart(ctx, store, part); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func importPeople(ctx context.Context, out *output, store *recordedStore, model zhenni.Model, p population.Population, at time.Time) error {
	load, err := store.NewImport(ctx, storage.ImportOptions{})
	if err != nil {
		return environment("import: %w", err)
	}
	bar := out.Progress("people", p.Size)
	defer bar.Done()
	embedding, row := make([]float32, p.Dim), make([]int8, p.Dim)
	for i := range p.Size {
		p.Reference(i, embedding)
		simd.Quantize(row, embedding, 0)
		if err := load.Add(zhenni.Enrol{ID: p.ID(i), Tenant: p.Tenant(i), Level: zhenni.LevelFull, Model: model.ID, Row: row, At: at}); err != nil {
			return errors.Join(environment("import: %w", err), load.Abort())
		}
		bar.Add(1)
	}
	if err := load.Commit(); err != nil {
		return environment("import: %w", err)
	}
	return nil
}

// issuePeople issues each a credential of a subject's, on a device: what an import has none of.
func (s *benchServer) issuePeople(ctx context.Context, out *output, store *recordedStore, model zhenni.Model, p population.Population, at time.Time) error {
	bar := out.Progress("people", p.Size)
	defer bar.Done()
	embedding, part := make([]float32, p.Dim), make([]zhenni.Command, 0, enrolPart)
	for i := range p.Size {
		p.Reference(i, embedding)
		row, id := make([]int8, p.Dim), p.ID(i)
		simd.Quantize(row, embedding, 0)
		e := zhenni.Enrol{
			ID: id, Tenant: p.Tenant(i), Level: zhenni.LevelFull, Model: model.ID, Row: row, At: at,
			Subject: sha256.Sum256(id[:]), Region: 110000, Device: s.deviceOf(id).Public,
		}
		if part = append(part, e); len(part) < enrolPart && i < p.Size-1 {
			continue
		}
		if err := applyPart(ctx, store, part); err != nil {
			return environment("issue: %w", err)
		}
		bar.Add(len(part))
		part = part[:0]
	}
	return nil
}
