package ledger

import "zhenni/storage/wrappedkey"

// Key is the key of the ledger in a folder, for [Options], wrapped by the key of a store.
var Key = wrappedkey.Kind{
	Of: "ledger", Context: "zhenni ledger 1 key", Beside: endFile, Without: "what was answered before can run again",
}
