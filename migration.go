package zhenni

import (
	"fmt"
	"time"
)

// MaxModels is the most models that a store holds templates of at once, and that a node serves beside each other.
const MaxModels = 8

// StoredModel is one of the models of a store. The number of a model is given once: templates of an id that was retired and
// added again are of another number, and nothing opens the ones as the others.
type StoredModel struct {
	Model
	// Number counts the models of the store, from 0, the one that it was made for.
	Number uint8 `json:"number"`
	// Retired says that its templates are opened no more.
	Retired bool `json:"retired,omitempty"`
}

// PutModel adds a model to those of which the store holds templates. One that is there is [ErrExists], unless all of it is
// the same: a retry is no error. More than [MaxModels] that are not retired is [ErrBadValue].
type PutModel struct{ Model Model }

// RetireModel ends a model: none of its templates is opened any more, of whatever credential ([ErrNotFound]). The last of
// the models is kept: [ErrIllegalChange]. That no live credential has nothing else is for the caller to see.
type RetireModel struct{ ID string }

// PutTemplate gives a credential of Tenant a template of a further model, beside those that it has, as of
// [Credential.TakesTemplate] ([ErrNotFound], [ErrIllegalChange]). A template is never replaced but with its credential: another
// one of a model that the credential has is [ErrExists], the same one is answered with the credential, so that a retry is no
// error.
type PutTemplate struct {
	ID     CredentialID
	Tenant TenantID
	// Model is the id of the model that made Row.
	Model string
	// Row is as of [Enrol].
	Row []int8
	// Rotation is of the key that Row was rotated by, zero where it was not: that of the credential ([ErrIllegalChange]), for what is
	// captured later is rotated by one key for whatever model.
	Rotation RotationCommitment
	// Proved, where it is not 0, is the generation of the credential that the holder was proved by: the credential has to be active and of
	// that one still ([ErrIllegalChange]), so that one that was reported lost or moved meanwhile takes nothing.
	Proved Generation
	At     time.Time
}

func (PutModel) command()    {}
func (RetireModel) command() {}
func (PutTemplate) command() {}

// TakesTemplate reports why a credential takes no template of a further model at the given time: it is not live, or it is
// overdue ([ErrIllegalChange]). The credential itself does not change, and so neither does its generation: that grows where
// what was known of a credential is void, and a further template voids nothing.
func (c Credential) TakesTemplate(at time.Time) error {
	if !c.Live() || c.Overdue(at) {
		return fmt.Errorf("%w: a template for a credential that is %s or overdue", ErrIllegalChange, c.Status)
	}
	return nil
}

// StillProved reports why a proof of the holder by the credential of a generation is good no more ([ErrIllegalChange]). No proof, 0, is
// always.
func (c Credential) StillProved(by Generation) error {
	if by != 0 && (c.Status != StatusActive || c.Generation != by) {
		return fmt.Errorf("%w: the credential was changed after its holder was proved", ErrIllegalChange)
	}
	return nil
}

// RotatedBy reports why a template is not of a credential: it was rotated by another key than those that the credential has, by none, or
// by one where they are not ([ErrIllegalChange]).
func (c Credential) RotatedBy(r RotationCommitment) error {
	if c.Rotation != r {
		return fmt.Errorf("%w: the templates of a credential are rotated by one key, or none is", ErrIllegalChange)
	}
	return nil
}

// Migration is how far the live credentials of a tenant, of all for tenant 0, have templates of a model.
type Migration struct {
	Model  string   `json:"model"`
	Tenant TenantID `json:"tenant,omitempty"`
	// Total is the number of live credentials, Done that of those with a template of the model, Pending that of the others.
	Total   int64 `json:"total"`
	Done    int64 `json:"done"`
	Pending int64 `json:"pending"`
	// Only is the number of credentials whose one template is of the model: what retiring it would leave without any.
	Only int64 `json:"only"`
}
