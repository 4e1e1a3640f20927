package gateway

import "testing"

func TestSmoke(t *testing.T) {
	f := start(t, nil)
	doc := `{"credential":"` + testID(1).String() + `","probe_int8":"` + int8Probe(testDim, true) + `"}`
	for _, a := range []answer{
		f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(doc)),
		f.call("POST", "/v1/verification-batches", "trial", mediaNDJSON, []byte(doc+"\n"+`{"item":"a"}`+"\n")),
		f.call("POST", "/v1/enrolments", "issuer", mediaJSON, []byte(`{"level":"full","reference_int8":"`+int8Probe(testDim, true)+`"}`)),
		f.call("POST", "/v1/enrolments", "issuer", mediaNDJSON, []byte(`{"level":"full","reference_float32":"`+float32Probe(testDim, 2)+`"}`+"\n")),
		f.call("GET", "/v1/profiles", "issuer", "", nil),
		f.call("GET", "/metrics", "", "", nil),
		f.call("GET", "/nope", "", "", nil),
		f.call("GET", "/v1/enrolments", "", "", nil),
	} {
		t.Logf("%d %v\n%s", a.status, a.header, a.body)
	}
}
