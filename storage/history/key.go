package history

import "zhenni/storage/wrappedkey"

// Key is the key of the history in a folder, for [Options], wrapped by the key of a store.
var Key = wrappedkey.Kind{
	Of: "history", Context: "zhenni history 1 key", Beside: stateFile, Without: "the history begins anew",
}
