// Package history knows who asked about a credential, for its holder.
package history
