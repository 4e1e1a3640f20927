package gateway

import (
	"context"
	"strings"
	"testing"

	"zhenni"
)

// twoModels is a store with a model that is served, one that is not, and one that is retired.
type twoModels struct{ err error }

func (twoModels) Models() []zhenni.StoredModel {
	return []zhenni.StoredModel{
		{Model: zhenni.Model{ID: "test-model", Dim: testDim, Factor: zhenni.FactorFace}},
		{Model: zhenni.Model{ID: "later", Dim: testDim, Factor: zhenni.FactorFace}, Number: 1},
		{Model: zhenni.Model{ID: "test-model", Dim: testDim, Factor: zhenni.FactorFace}, Number: 2, Retired: true},
	}
}

func (m twoModels) Migration(_ context.Context, model string, tenant zhenni.TenantID) (zhenni.Migration, error) {
	return zhenni.Migration{Model: model, Tenant: tenant, Total: 3, Done: 2, Pending: 1}, m.err
}

// The operator sees of each model whether the process compares by it, and adds one while it serves. What is none, and what the store
// refuses, is said so.
func TestModelsOfARunningServer(t *testing.T) {
	f := start(t, nil)
	failing := twoModels{}
	operator, socket := startAdmin(t, func(a *Admin) { a.Model(&failing, f.server) })
	status, text := adminCall(t, socket, "GET", "/admin/models", "")
	if status != 200 || strings.Count(text, `"served":true`) != 1 || strings.Index(text, `"served":true`) > strings.Index(text, "later") ||
		strings.Count(text, `"pending":1`) != 2 || strings.Count(text, `"retired":true`) != 1 {
		t.Errorf("%d %s", status, text)
	}
	const face = `{"id":"third","dim":8,"factor":"face"}`
	if status, text := adminCall(t, socket, "POST", "/admin/models", face); status != 200 || !strings.Contains(text, "third") {
		t.Errorf("%d %s", status, text)
	}
	if put, ok := operator.applied[0].(zhenni.PutModel); !ok || put.Model.ID != "third" || put.Model.Dim != 8 {
		t.Errorf("%+v", operator.applied)
	}
	for name, c := range map[string]struct {
		body   string
		err    error
		status int
	}{
		"no document":   {"", nil, 400},
		"a threshold":   {`{"id":"third","threshold":0.1}`, nil, 400},
		"another one":   {face, zhenni.ErrExists, 409},
		"too many":      {face, zhenni.ErrBadValue, 400},
		"takes nothing": {face, zhenni.ErrUnavailable, 503},
	} {
		operator.applyErr = c.err
		if status, text := adminCall(t, socket, "POST", "/admin/models", c.body); status != c.status {
			t.Errorf("%s: %d %s, want %d", name, status, text, c.status)
		}
	}
	failing.err = zhenni.ErrUnavailable
	if status, text := adminCall(t, socket, "GET", "/admin/models", ""); status != 503 {
		t.Errorf("not counted: %d %s", status, text)
	}
}
