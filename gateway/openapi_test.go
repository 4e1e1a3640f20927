package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zhenni"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/getkin/kin-openapi/openapi3"
)

func loadDescription(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := description()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// description is read once for all tests, none of which changes it.
var description = sync.OnceValues(func() (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(openAPI)
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(loader.Context, openapi3.IsOpenAPI31OrLater())
})

func TestDescriptionHasEveryRouteAndCode(t *testing.T) {
	doc := loadDescription(t)
	described := 0
	for _, item := range doc.Paths.Map() {
		described += len(item.Operations())
	}
	routes := append(publicRoutes(), operatorRoutes()...)
	served := map[string]bool{}
	for _, rt := range routes {
		served[rt.method+" "+rt.path] = true
	}
	if described != len(served) {
		t.Errorf("%d operations described, %d routes served", described, len(served))
	}
	for _, rt := range routes {
		item := doc.Paths.Value(rt.path)
		if item == nil || item.GetOperation(rt.method) == nil {
			t.Errorf("%s %s is not described", rt.method, rt.path)
			continue
		}
		if open := len(*item.GetOperation(rt.method).Security) == 0; open != (rt.role == 0 && !rt.tokened) {
			t.Errorf("%s %s: described as open %v", rt.method, rt.path, open)
		}
	}
	codes := doc.Components.Schemas["Problem"].Value.Properties["code"].Value.Enum
	statuses := map[string]bool{}
	for _, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			for status := range operation.Responses.Map() {
				statuses[status] = true
			}
		}
	}
	for _, k := range kinds {
		if !statuses[itoa(k.status)] {
			t.Errorf("status %d is not described", k.status)
		}
		if !slices.Contains(codes, any(k.code)) {
			t.Errorf("code %s is not described", k.code)
		}
	}
	if len(codes) != len(kinds) {
		t.Errorf("%d codes described, %d exist", len(codes), len(kinds))
	}
}

// checkDescribed holds one answer to the description.
func checkDescribed(t testing.TB, doc *openapi3.T, method, path string, a answer) {
	t.Helper()
	response := doc.Paths.Value(path).GetOperation(method).Responses.Status(a.status)
	if response == nil {
		t.Errorf("%s %s: status %d is not described: %s", method, path, a.status, a.body)
		return
	}
	if a.status == 304 {
		return // has no content
	}
	media := strings.Split(a.header.Get("Content-Type"), ";")[0]
	content := response.Value.Content[media]
	if content == nil {
		t.Errorf("%s %s: media %s of status %d is not described", method, path, media, a.status)
		return
	}
	switch media {
	case mediaNDJSON:
		for line := range bytes.Lines(a.body) {
			checkSchema(t, lineSchema(t, doc, content), line)
		}
	case mediaArrow:
		readArrow(t, a.body)
	case "text/plain", mediaOctets, mediaStatusList:
	default:
		checkSchema(t, content.Schema.Value, a.body)
	}
}

// lineSchema is the schema that the x-line extension of a media type refers to.
func lineSchema(t testing.TB, doc *openapi3.T, content *openapi3.MediaType) *openapi3.Schema {
	t.Helper()
	extension, ok := content.Schema.Value.Extensions["x-line"].(map[string]any)
	if !ok {
		t.Fatal("a media type of lines has no x-line")
	}
	return doc.Components.Schemas[strings.TrimPrefix(extension["$ref"].(string), "#/components/schemas/")].Value
}

func checkSchema(t testing.TB, schema *openapi3.Schema, document []byte) {
	t.Helper()
	if err := visit(schema, document); err != nil {
		t.Errorf("%v\n%s", err, document)
	}
}

func visit(schema *openapi3.Schema, document []byte) error {
	var value any
	if err := json.Unmarshal(document, &value); err != nil {
		return err
	}
	return schema.VisitJSON(value, openapi3.EnableJSONSchema2020())
}

// Every handler is called for every kind of answer it has, and each answer is as described.
func TestAnswersAreAsDescribed(t *testing.T) {
	doc := loadDescription(t)
	f := start(t, func(c *Config) { c.Profile = testProfile(t, testDim, false) })
	id := testID(1).String()
	f.node.records[testID(1)] = zhenni.Credential{
		ID: testID(1), Tenant: 1, Level: zhenni.LevelFull, Status: zhenni.StatusActive, Generation: 1, EnrolledAt: time.Unix(1, 0), ChangedAt: time.Unix(1, 0),
	}
	enrolment := `{"level":"full","reference_int8":"` + int8Probe(testDim, true) + `"}`
	for _, c := range []struct {
		method, path, actual, party, media, body string
		statuses                                 []int
	}{
		{"POST", "/v1/verifications", "", "verifier", mediaJSON, goodDocument(), []int{200}},
		{"POST", "/v1/verifications", "", "trial", mediaJSON, goodDocument(), []int{200}},
		{"POST", "/v1/verifications", "", "", mediaJSON, goodDocument(), []int{401}},
		{"POST", "/v1/verifications", "", "issuer", mediaJSON, goodDocument(), []int{403}},
		{"POST", "/v1/verifications", "", "verifier", "text/plain", goodDocument(), []int{415}},
		{"POST", "/v1/verifications", "", "verifier", mediaJSON, "{", []int{400}},
		{"POST", "/v1/verifications", "", "verifier", mediaJSON, `{"credential":"` + id + `"}`, []int{422}},
		{"POST", "/v1/verification-batches", "", "verifier", mediaNDJSON, goodDocument() + "\n{}\n", []int{200}},
		{"POST", "/v1/verification-batches", "", "trial", mediaNDJSON, goodDocument() + "\n", []int{200}},
		{"POST", "/v1/verification-batches", "", "verifier", mediaArrow, string(arrowBody(t, testDim, bytesOf(testDim), arrow.BinaryTypes.String, 3)), []int{200}},
		{"POST", "/v1/verification-batches", "", "verifier", mediaArrow, "x", []int{400}},
		{"POST", "/v1/verification-batches", "", "verifier", mediaNDJSON, strings.Repeat("\n", 65537), []int{413}},
		{"POST", "/v1/enrolments", "", "issuer", mediaJSON, enrolment, []int{201}},
		{"POST", "/v1/enrolments", "", "trial", mediaJSON, enrolment, []int{201}},
		{"POST", "/v1/enrolments", "", "issuer", mediaNDJSON, enrolment + "\n{}\n", []int{200}},
		{"POST", "/v1/enrolments", "", "issuer", mediaJSON, `{"level":"x"}`, []int{400}},
		{"POST", "/v1/enrolments", "", "issuer", mediaJSON, `{}`, []int{422}},
		{"GET", "/v1/credentials/{id}", "/v1/credentials/" + id, "issuer", "", "", []int{200}},
		{"GET", "/v1/credentials/{id}", "/v1/credentials/" + id, "other", "", "", []int{404}},
		{"POST", "/v1/credentials/{id}/revoke", "/v1/credentials/" + id + "/revoke", "issuer", "", "", []int{200}},
		{"POST", "/v1/credentials/{id}/erase", "/v1/credentials/" + id + "/erase", "issuer", "", "", []int{200}},
		{"GET", "/v1/profiles", "", "verifier", "", "", []int{200}},
		{"GET", "/livez", "", "", "", "", []int{200}},
		{"GET", "/readyz", "", "", "", "", []int{200}},
		{"GET", "/openapi.json", "", "", "", "", []int{200}},
	} {
		if c.actual == "" {
			c.actual = c.path
		}
		a := f.call(c.method, c.actual, c.party, c.media, []byte(c.body))
		checkDescribed(t, doc, c.method, c.path, a)
		if !slices.Contains(c.statuses, a.status) {
			t.Errorf("%s %s as %q: status %d, want %v: %s", c.method, c.path, c.party, a.status, c.statuses, a.body)
		}
		if a.header.Get("Transaction-Id") == "" {
			t.Errorf("%s %s: no transaction id", c.method, c.path)
		}
	}
	for _, err := range []error{zhenni.ErrOverloaded, zhenni.ErrUnavailable, zhenni.ErrDeadline, errors.New("x")} {
		f.node.verify = func(*zhenni.Batch, time.Time) error { return err }
		checkDescribed(t, doc, "POST", "/v1/verifications", f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument())))
	}
	f.node.verify = nil
	f.node.applyErr = zhenni.ErrUnavailable
	checkDescribed(t, doc, "POST", "/v1/enrolments", f.call("POST", "/v1/enrolments", "issuer", mediaNDJSON, []byte(enrolment+"\n")))
	f.node.ready = zhenni.ErrUnavailable
	checkDescribed(t, doc, "GET", "/readyz", f.call("GET", "/readyz", "", "", nil))
}

// The handler takes a document exactly where the description does.
func TestDocumentsAreTakenAsDescribed(t *testing.T) {
	doc := loadDescription(t)
	f := start(t, nil)
	schema := doc.Paths.Value("/v1/verifications").Post.RequestBody.Value.Content[mediaJSON].Schema.Value
	good := strings.TrimSuffix(goodDocument(), "}")
	id := testID(1).String()
	for _, document := range []string{
		good + "}", good + `,"transaction":"t-1"}`, good + `,"transaction":"T 1"}`, good + `,"transaction":7}`,
		good + `,"model":"test-model"}`, good + `,"tenant":2}`, good + `,"threshold":0.1}`, good + `,"status":"active"}`,
		good + `,"probe_float32":"` + float32Probe(testDim, 1) + `"}`, good + `,"x":null}`, good + `,"x":[]}`,
		strings.Replace(good, id, strings.ToUpper("abcdef"+id[6:]), 1) + "}", strings.Replace(good, id, id[1:], 1) + "}",
		`{"credential":"` + id + `"}`, `{}`, `[]`, `"x"`, `7`, `null`,
		`{"credential":7,"probe_int8":"` + int8Probe(testDim, true) + `"}`, `{"credential":"` + id + `","probe_int8":7}`,
	} {
		a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(document))
		if described := visit(schema, []byte(document)) == nil; described != (a.status == 200) {
			t.Errorf("%s: described %v, answered %d %s", document, described, a.status, a.body)
		}
	}
}
