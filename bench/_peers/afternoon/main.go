// Command afternoon is the service that a competent engineer writes in an afternoon, in place of zhenni: net/http,
// encoding/json and Badger, a Get and a float dot an item. It is what a peer is, and is written to be fast where that
// costs nothing: embeddings as base64 of float32 in place of JSON numbers, a database without compression or block
// cache (embeddings do not compress), one transaction a request.
//
//	POST /verify        {"id": "…32 hex…", "embedding": "base64 of little-endian float32"} → {"match": true}
//	POST /verify/batch  [the same, …] → [{"match": true}, …]
package main

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"math"
	"net"
	"net/http"
	"os/signal"
	"syscall"

	"context"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

type question struct {
	ID        string `json:"id"`
	Embedding []byte `json:"embedding"`
}

type answer struct {
	Match bool `json:"match"`
}

type service struct {
	db        *badger.DB
	threshold float32
}

func main() {
	dir := flag.String("db", "", "folder of the database")
	threshold := flag.Float64("threshold", 0, "least cosine of a match")
	flag.Parse()
	db, err := badger.Open(badger.DefaultOptions(*dir).WithLogger(nil).WithCompression(options.None).WithBlockCacheSize(0))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	s := &service{db: db, threshold: float32(*threshold)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /verify", s.verify)
	mux.HandleFunc("POST /verify/batch", s.verifyBatch)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	server := &http.Server{Handler: mux}
	context.AfterFunc(ctx, func() { server.Close() })
	fmt.Printf("listening on http://%s\n", ln.Addr())
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func (s *service) verify(w http.ResponseWriter, r *http.Request) {
	var q question
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.reply(w, func(txn *badger.Txn) (any, error) { return s.decide(txn, q) })
}

func (s *service) verifyBatch(w http.ResponseWriter, r *http.Request) {
	var questions []question
	if err := json.NewDecoder(r.Body).Decode(&questions); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.reply(w, func(txn *badger.Txn) (any, error) {
		answers := make([]answer, len(questions))
		for i, q := range questions {
			var err error
			if answers[i], err = s.decide(txn, q); err != nil {
				return nil, err
			}
		}
		return answers, nil
	})
}

// reply sends what decide returns, as JSON.
func (s *service) reply(w http.ResponseWriter, decide func(*badger.Txn) (any, error)) {
	var body any
	err := s.db.View(func(txn *badger.Txn) (err error) {
		body, err = decide(txn)
		return err
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(body)
}

func (s *service) decide(txn *badger.Txn, q question) (a answer, err error) {
	id, err := hex.DecodeString(q.ID)
	if err != nil {
		return a, err
	}
	item, err := txn.Get(id)
	if err != nil {
		return a, err
	}
	err = item.Value(func(reference []byte) error {
		if len(reference) != len(q.Embedding) {
			return fmt.Errorf("an embedding of %d bytes, want %d", len(q.Embedding), len(reference))
		}
		a.Match = dot(q.Embedding, reference) >= s.threshold
		return nil
	})
	return a, err
}

// dot is the cosine of two unit vectors of little-endian float32.
func dot(a, b []byte) (sum float32) {
	for i := 0; i+4 <= len(a) && i+4 <= len(b); i += 4 {
		x := math.Float32frombits(binary.LittleEndian.Uint32(a[i:]))
		y := math.Float32frombits(binary.LittleEndian.Uint32(b[i:]))
		sum += x * y
	}
	return sum
}
