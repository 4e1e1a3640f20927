package gateway

import "testing"

// The head is refused by the guard itself, before any other reader of it has a say.
//
// FAULTS: P2 P3
func TestHeadIsRefusedBeforeAnybodyReadsIt(t *testing.T) {
	head := func(fields string) []byte { return []byte("POST /v1/x HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n") }
	if h, r := checkHead(head("Content-Length: 4\r\n")); r != nil || h.contentLength != 4 {
		t.Errorf("a good head: %+v, %v", h, r)
	}
	for i, name := range singleNames {
		twice := name + ": 4\r\n" + name + ": 4\r\n"
		if _, r := checkHead(head(twice)); r == nil || r.kind != kindMalformed {
			t.Errorf("field %d, %s, twice: %v", i, name, r)
		}
	}
	for _, length := range []string{"+4", "-4", "4, 4", "04", " ", "4 4", "0x4", "1e3", "9999999999999999999"} {
		if _, r := checkHead(head("Content-Length: " + length + "\r\n")); r == nil || r.kind != kindMalformed {
			t.Errorf("Content-Length %q: %v", length, r)
		}
	}
}
