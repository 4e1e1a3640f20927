package zhenni

import "errors"

// Errors of reading a value. They wrap into a text that names the field and what to do.
var (
	// ErrBadValue: a field is out of its range.
	ErrBadValue = errors.New("zhenni: bad value")
	// ErrBadCredentialID: not the written form of a credential id.
	ErrBadCredentialID = errors.New("zhenni: bad credential id")
	// ErrBadBatch: the parts of a batch do not fit each other or the model.
	ErrBadBatch = errors.New("zhenni: bad batch")
	// ErrBadProbe: an embedding that is not finite, is too small, or leaves the int8 range.
	ErrBadProbe = errors.New("zhenni: bad probe")
	// ErrBadProfile: a profile that is incomplete, or whose id does not fit its content.
	ErrBadProfile = errors.New("zhenni: bad profile")
	// ErrBadKey: not the written form of an API key.
	ErrBadKey = errors.New("zhenni: bad API key")
	// ErrBadResult: not a result that one of the keys signed, or not what it is taken for.
	ErrBadResult = errors.New("zhenni: bad result")
)

// Errors of a change of state.
var (
	// ErrNotFound: no such record, or one of another tenant.
	ErrNotFound = errors.New("zhenni: not found")
	// ErrExists: the record is there already.
	ErrExists = errors.New("zhenni: exists already")
	// ErrIllegalChange: the table of status changes does not have this one.
	ErrIllegalChange = errors.New("zhenni: illegal change of status")
)

// Errors of a request that was understood but not answered. None of them is a verdict.
var (
	// ErrOverloaded: the bound on items in flight is reached; nothing was started. Retry after a pause.
	ErrOverloaded = errors.New("zhenni: overloaded")
	// ErrUnavailable: the node can not answer now (starting, draining, shard down). Retry.
	ErrUnavailable = errors.New("zhenni: unavailable")
	// ErrDeadline: the deadline passed before every item had its outcome. Retry.
	ErrDeadline = errors.New("zhenni: deadline passed")
	// ErrNoRoom: a disk is nearly full, or does not say, and nothing was written. It ends within seconds of there being
	// room. It comes with ErrUnavailable.
	ErrNoRoom = errors.New("zhenni: no room on the disk")
	// ErrHalted: a write failed and nothing is written after it, since what the disk has of it is not known. It ends with
	// a restart on a sound disk. It comes with ErrUnavailable.
	ErrHalted = errors.New("zhenni: a write to the disk failed")
)

// Errors of a transaction that was named before. Nothing is run again.
var (
	// ErrInProgress: the transaction is in hand. Retry after a pause.
	ErrInProgress = errors.New("zhenni: transaction in progress")
	// ErrReused: the transaction was answered, and this is another request.
	ErrReused = errors.New("zhenni: transaction id used for another request")
	// ErrEvicted: the transaction was answered and its answer is not kept any more.
	ErrEvicted = errors.New("zhenni: transaction evicted")
)

// Errors of stored state.
var (
	// ErrCorrupt: a record failed its seal or its shape; it is quarantined, not guessed at.
	ErrCorrupt = errors.New("zhenni: corrupt record")
	// ErrLocked: another process has the store open.
	ErrLocked = errors.New("zhenni: store is in use")
	// ErrWrongKey: the root key does not open this store.
	ErrWrongKey = errors.New("zhenni: wrong root key")
	// ErrFormat: the store was written in a format this build does not read.
	ErrFormat = errors.New("zhenni: unknown store format")
)

// ErrReplayed: a request that proves who asks came before, and its proof is good once.
var ErrReplayed = errors.New("zhenni: replayed request")

// Errors of a PIN whose attempts are used up. No PIN was looked at.
var (
	// ErrPINPaused: too many wrong ones. Retry when the pause is over.
	ErrPINPaused = errors.New("zhenni: PIN paused")
	// ErrPINBlocked: too many wrong ones since the PIN was set. A new one is set with the card.
	ErrPINBlocked = errors.New("zhenni: PIN blocked")
)
