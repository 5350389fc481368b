package premise

import (
	"math"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
)

// account: the store's own account of its past was collected once, from the plan's first member, all
// of it, in the order in which it gave it. Where revisions are global, the account begins with the
// first change there was and leaves no revision out; several changes may share one, as those of a
// transaction do.
func (r *reading) account() {
	collected := r.of(history.Collected)
	_, keeps := r.p.System.(reckon.Historian)
	if !keeps || !r.settled {
		if len(collected)+len(r.h.Changes) > 0 {
			r.doubt(Account, "%d changes are on record, of a run that collects none", len(r.h.Changes))
		}
		return
	}
	first := r.p.Members[0].Name
	r.once(Account, "the account", subjects(collected), []string{first})
	var newest int64
	for i := range r.h.Changes {
		c := &r.h.Changes[i]
		newest = max(newest, c.Revision)
		if c.Member != first {
			r.broken(Account, "the change of %s at revision %d is of %s; the account is that of %s", c.Key, c.Revision, c.Member, first)
		}
		if c.Deleted && c.Value != "" || c.Version < 0 || c.Deleted && c.Version != 0 {
			r.broken(Account, "the change of %s at revision %d deletes it, and has version %d and value %q", c.Key, c.Revision, c.Version, c.Value)
		}
	}
	for _, e := range collected {
		if at := int64(e.Data["revision"]); e.Changes() != len(r.h.Changes) || at != newest {
			r.broken(Account, "%s's account has %d changes up to revision %d; on record are %d, up to %d", e.Subject, e.Changes(), at, len(r.h.Changes), newest)
		}
	}
	if r.p.Setting.Revisions == reckon.GlobalRevisions {
		r.ordered()
		r.versions()
	}
}

// ordered looks at the order of the account, which a store with global revisions gives in theirs.
func (r *reading) ordered() {
	last := int64(reckon.FirstRevision)
	type place struct {
		revision int64
		key      string
	}
	seen := map[place]bool{}
	for i := range r.h.Changes {
		c := &r.h.Changes[i]
		switch {
		case c.Revision < last:
			r.doubt(Account, "the account has revision %d after revision %d", c.Revision, last)
		case c.Revision > last+1:
			r.doubt(Account, "the account goes from revision %d to revision %d: what came between is missing", last, c.Revision)
		case c.Revision <= reckon.FirstRevision:
			r.doubt(Account, "the account has a change at revision %d, the empty store's", c.Revision)
		case seen[place{c.Revision, c.Key}]:
			r.doubt(Account, "the account changes key %s twice at revision %d", c.Key, c.Revision)
		}
		seen[place{c.Revision, c.Key}] = true
		last = max(last, c.Revision)
	}
}

// versions follows each key through the account, also those that no client of the run uses: its
// version rises by one with each change, and begins at one again when it was deleted.
func (r *reading) versions() {
	version := map[string]int64{}
	for i := range r.h.Changes {
		c := &r.h.Changes[i]
		want := version[c.Key] + 1
		if c.Deleted {
			want = 0
		}
		if c.Version != want {
			r.doubt(Account, "key %s has version %d at revision %d, after version %d", c.Key, c.Version, c.Revision, version[c.Key])
		}
		version[c.Key] = c.Version
	}
}

// hashes: each member gave one hash, all of them at one revision, which is not before the end of the
// account; hashes are numbers of 32 bits.
func (r *reading) hashes() {
	all := r.of(history.Hash)
	var want []string
	if _, ok := r.p.System.(reckon.Hasher); ok && r.settled {
		want = r.p.Setting.Nodes
	}
	r.once(Hashes, "the hash", subjects(all), want)
	var newest float64
	for _, e := range r.of(history.Collected) {
		newest = e.Data["revision"]
	}
	for _, e := range all {
		if h := e.Data["hash"]; h > math.MaxUint32 {
			r.doubt(Hashes, "%s has hash %v, which is none of 32 bits", e.Subject, h)
		}
		if at := e.Data["revision"]; at != all[0].Data["revision"] || at < newest {
			r.doubt(Hashes, "%s gave its hash at revision %v, and %s at %v; the account ends at %v", e.Subject, at, all[0].Subject, all[0].Data["revision"], newest)
		}
	}
}
