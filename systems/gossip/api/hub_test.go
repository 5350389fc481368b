package api

import (
	"fmt"
	"strings"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/reckon-bench/reckon/systems/gossip/core"
	"github.com/reckon-bench/reckon/systems/gossip/state"
)

func change(seq int64, key, value string) core.Change {
	return core.Change{Entry: &state.Entry{Key: key, Value: value, Mod: seq, Create: seq, Version: 1}}
}

// TestHub: whoever is behind gets what came since, in order and in parts; whoever is too far behind
// is told so, not skipped over.
func TestHub(t *testing.T) {
	h := NewHub(10)
	if _, _, known := h.Since(9, 5); known {
		t.Error("what came before the hub is not known")
	}
	_, more, known := h.Since(10, 5)
	if !known {
		t.Error("nothing was missed yet")
	}
	for seq := int64(11); seq <= 30; seq++ {
		h.Publish([]core.Change{change(seq*2, "k", "v")})
	}
	select {
	case <-more:
	default:
		t.Error("nobody said that there is more")
	}
	var got []int64
	for at := int64(10); ; {
		changes, _, known := h.Since(at, 7)
		if !known || len(changes) == 0 {
			break
		}
		for _, c := range changes {
			got = append(got, c.Entry.Mod)
			at = c.Entry.Mod
		}
	}
	if len(got) != 20 || got[0] != 22 || got[19] != 60 {
		t.Errorf("%v", got)
	}
	big := strings.Repeat("x", 1<<20)
	for seq := int64(100); seq < 200; seq++ {
		h.Publish([]core.Change{change(seq, "k", big)})
	}
	if _, _, known := h.Since(60, 5); known || h.Missed() < 100 {
		t.Errorf("100 MiB are kept; missed up to %d", h.Missed())
	}
	if changes, _, known := h.Since(h.Missed(), 1000); !known || len(changes) == 0 || changes[0].Entry.Mod != h.Missed()+1 {
		t.Error("what is kept is not told whole")
	}
}

// TestRevisions: a revision says whose it is, and so does the one after it, from which clients go
// on.
func TestRevisions(t *testing.T) {
	for _, index := range []uint8{1, 2, 77, core.MaxIndex} {
		for _, seq := range []int64{1, 2, 1 << 40} {
			r := Revision(seq, index)
			if r <= Revision(seq-1, core.MaxIndex)-1<<8 {
				t.Errorf("revision %d of %d at %d does not rise", r, seq, index)
			}
			if s, ours := ofMember(r, index); s != seq || !ours {
				t.Errorf("%d at %d: read as %d, %v", seq, index, s, ours)
			}
			if s, ours := ofMember(r+1, index); s != seq+1 || !ours {
				t.Errorf("after %d at %d: read as %d, %v", seq, index, s, ours)
			}
			if _, ours := ofMember(r, index%core.MaxIndex+1); ours {
				t.Errorf("%d of member %d was taken for another's", r, index)
			}
		}
	}
}

// TestEvents: a watch gets what is in its range and passes its filters; a deletion of what was
// never here is none.
func TestEvents(t *testing.T) {
	deleted := change(5, "b", "")
	deleted.Entry.Deleted = true
	known := deleted
	known.Prev = change(4, "b", "old").Entry
	for _, c := range []struct {
		name string
		q    *pb.WatchCreateRequest
		in   core.Change
		want string
	}{
		{"the key", &pb.WatchCreateRequest{Key: []byte("b")}, change(4, "b", "x"), "PUT b=x"},
		{"another key", &pb.WatchCreateRequest{Key: []byte("b")}, change(4, "bb", "x"), ""},
		{"range", &pb.WatchCreateRequest{Key: []byte("a"), RangeEnd: []byte("c")}, change(4, "b", "x"), "PUT b=x"},
		{"end of the range", &pb.WatchCreateRequest{Key: []byte("a"), RangeEnd: []byte("b")}, change(4, "b", "x"), ""},
		{"from", &pb.WatchCreateRequest{Key: []byte("a"), RangeEnd: []byte{0}}, change(4, "zz", "x"), "PUT zz=x"},
		{"no puts", &pb.WatchCreateRequest{Key: []byte("b"), Filters: []pb.WatchCreateRequest_FilterType{pb.WatchCreateRequest_NOPUT}}, change(4, "b", "x"), ""},
		{"deletion", &pb.WatchCreateRequest{Key: []byte("b"), PrevKv: true}, known, "DELETE b= was old"},
		{"deletion of nothing", &pb.WatchCreateRequest{Key: []byte("b")}, deleted, ""},
		{"no deletions", &pb.WatchCreateRequest{Key: []byte("b"), Filters: []pb.WatchCreateRequest_FilterType{pb.WatchCreateRequest_NODELETE}}, known, ""},
	} {
		got := ""
		for _, e := range eventsOf(c.q, []core.Change{c.in}, 1) {
			got += describe(e)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func describe(e *mvccpb.Event) string {
	s := fmt.Sprintf("%s %s=%s", e.Type, e.Kv.Key, e.Kv.Value)
	if e.PrevKv != nil {
		s += " was " + string(e.PrevKv.Value)
	}
	return s
}
