package storage_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"zhenni"
	"zhenni/storage"
)

func Example() {
	dir, err := os.MkdirTemp("", "zhenni")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	root, err := storage.CreateKeyFile(filepath.Join(dir, "root.key"), nil)
	if err != nil {
		log.Fatal(err)
	}
	model := zhenni.Model{ID: "example", Dim: 4, Factor: zhenni.FactorFace}
	store, err := storage.Open(storage.Options{Dir: filepath.Join(dir, "store"), Model: model, Root: root})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	id, now := zhenni.NewCredentialID([16]byte{1}), time.Unix(1_800_000_000, 0)
	results, err := store.Apply(context.Background(), []zhenni.Command{
		zhenni.Enrol{ID: id, Tenant: 1, Level: zhenni.LevelFull, Model: model.ID, Row: []int8{1, 2, 3, 4}, At: now},
		zhenni.ChangeStatus{ID: id, Tenant: 1, To: zhenni.StatusRevoked, At: now},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range results {
		fmt.Println(r.Credential.Status, r.Credential.Generation, r.Err)
	}
	reference, err := store.Reference(id, make([]int8, model.Dim))
	fmt.Println(reference.Status, reference.Row, reference.Norm, err)
	// Output:
	// active 1 <nil>
	// revoked 2 <nil>
	// revoked [1 2 3 4] 30 <nil>
}
