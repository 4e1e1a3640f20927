package zhenni

// Backup is what one backup added and what the folder holds since.
type Backup struct {
	// Base says that the folder was filled anew: the first backup, or one after the log was cut past the last.
	Base bool `json:"new_base"`
	// Entries and Bytes were added by this backup; Files and TotalBytes are the whole of it.
	Entries    uint64 `json:"entries"`
	Bytes      int64  `json:"bytes"`
	Files      int    `json:"files"`
	TotalBytes int64  `json:"total_bytes"`
	// Commit is the last commit in it, Credentials the number of credentials as of then.
	Commit      uint64 `json:"commit"`
	Credentials int64  `json:"credentials"`
	// KeysBytes is the size of the copy of the key file, 0 where none was made.
	KeysBytes int64 `json:"keys_bytes,omitempty"`
}
