package systems

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
)

// TestEveryErrorIsDecided has a row for each error that etcd can answer, and reads etcd's source to
// be sure of it: an error that is new in some version fails here until someone has read what it
// means.
func TestEveryErrorIsDecided(t *testing.T) {
	const unknown, failed = history.Unknown, history.Failed
	rows := map[string]struct {
		err  error
		want history.Outcome // of a write that was sent
	}{
		"ErrGRPCRequestTooManyRequests":  {rpctypes.ErrGRPCRequestTooManyRequests, failed},
		"ErrGRPCRequestTooLarge":         {rpctypes.ErrGRPCRequestTooLarge, failed},
		"ErrGRPCInvalidAuthToken":        {rpctypes.ErrGRPCInvalidAuthToken, failed},
		"ErrGRPCEmptyKey":                {rpctypes.ErrGRPCEmptyKey, failed},
		"ErrGRPCNotCapable":              {rpctypes.ErrGRPCNotCapable, failed},
		"ErrGRPCNotSupportedForLearner":  {rpctypes.ErrGRPCNotSupportedForLearner, failed},
		"ErrGRPCInvalidClientAPIVersion": {rpctypes.ErrGRPCInvalidClientAPIVersion, failed},
		"ErrGRPCNoLeader":                {rpctypes.ErrGRPCNoLeader, failed},
		"ErrGRPCPermissionDenied":        {rpctypes.ErrGRPCPermissionDenied, failed},
		"ErrGRPCAuthOldRevision":         {rpctypes.ErrGRPCAuthOldRevision, failed},
		"ErrGRPCUserEmpty":               {rpctypes.ErrGRPCUserEmpty, failed},

		// On its way when the wait for it ended.
		"ErrGRPCTimeout":                    {rpctypes.ErrGRPCTimeout, unknown},
		"ErrGRPCTimeoutDueToLeaderFail":     {rpctypes.ErrGRPCTimeoutDueToLeaderFail, unknown},
		"ErrGRPCTimeoutDueToConnectionLost": {rpctypes.ErrGRPCTimeoutDueToConnectionLost, unknown},
		"ErrGRPCTimeoutWaitAppliedIndex":    {rpctypes.ErrGRPCTimeoutWaitAppliedIndex, unknown},
		"ErrGRPCLeaderChanged":              {rpctypes.ErrGRPCLeaderChanged, unknown},
		"ErrGRPCStopped":                    {rpctypes.ErrGRPCStopped, unknown},
		"ErrGRPCCanceled":                   {rpctypes.ErrGRPCCanceled, unknown},
		"ErrGRPCDeadlineExceeded":           {rpctypes.ErrGRPCDeadlineExceeded, unknown},
		// Applied all the same, perhaps.
		"ErrGRPCNoSpace": {rpctypes.ErrGRPCNoSpace, unknown},
		"ErrGRPCCorrupt": {rpctypes.ErrGRPCCorrupt, unknown},
	}
	for _, name := range []string{ // those that no put of ours can meet: nobody has to trust them
		"ErrGRPCKeyNotFound", "ErrGRPCValueProvided", "ErrGRPCLeaseProvided", "ErrGRPCTooManyOps", "ErrGRPCDuplicateKey", "ErrGRPCInvalidSortOption",
		"ErrGRPCCompacted", "ErrGRPCFutureRev", "ErrGRPCLeaseNotFound", "ErrGRPCLeaseExist", "ErrGRPCLeaseTTLTooLarge", "ErrGRPCWatchCanceled",
		"ErrGRPCMemberExist", "ErrGRPCPeerURLExist", "ErrGRPCMemberNotEnoughStarted", "ErrGRPCMemberBadURLs", "ErrGRPCMemberNotFound", "ErrGRPCMemberNotLearner",
		"ErrGRPCLearnerNotReady", "ErrGRPCTooManyLearners", "ErrGRPCClusterIDMismatch", "ErrGRPCClusterIdMismatch",
		"ErrGRPCRootUserNotExist", "ErrGRPCRootRoleNotExist", "ErrGRPCUserAlreadyExist", "ErrGRPCUserNotFound", "ErrGRPCRoleAlreadyExist", "ErrGRPCRoleNotFound",
		"ErrGRPCRoleEmpty", "ErrGRPCAuthFailed", "ErrGRPCPermissionNotGiven", "ErrGRPCRoleNotGranted", "ErrGRPCPermissionNotGranted", "ErrGRPCAuthNotEnabled",
		"ErrGRPCInvalidAuthMgmt", "ErrGRPCNotLeader", "ErrGRPCUnhealthy", "ErrGRPCBadLeaderTransferee",
		"ErrGRPCWrongDowngradeVersionFormat", "ErrGRPCInvalidDowngradeTargetVersion", "ErrGRPCClusterVersionUnavailable", "ErrGRPCDowngradeInProcess", "ErrGRPCNoInflightDowngrade",
	} {
		rows[name] = struct {
			err  error
			want history.Outcome
		}{}
	}
	for _, name := range rpctypesErrors(t) {
		row, ok := rows[name]
		if !ok {
			t.Errorf("%s has no row: decide whether it means that a put had no effect", name)
		}
		delete(rows, name)
		if row.err == nil {
			continue
		}
		for how, err := range map[string]error{"as gRPC answers it": row.err, "as etcd's client makes of it": rpctypes.Error(row.err)} {
			if got := outcome(history.Write, true, err); got != row.want {
				t.Errorf("a write that met %s %s is %v, want %v", name, how, got, row.want)
			}
			if got := outcome(history.Read, true, err); got != history.Failed {
				t.Errorf("a read that met %s %s is %v, want failed", name, how, got)
			}
		}
	}
	for name := range rows {
		t.Errorf("%s has a row, and etcd has it no more", name)
	}
}

// rpctypesErrors are the names of all errors in etcd's rpctypes, from its source.
func rpctypesErrors(t *testing.T) (names []string) {
	t.Helper()
	p, err := build.Import("go.etcd.io/etcd/api/v3/v3rpc/rpctypes", ".", build.FindOnly)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, "error.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "ErrGRPC") {
			names = append(names, v.Names[0].Name)
		}
		return true
	})
	if len(names) < 50 {
		t.Fatalf("found only %d errors in %s", len(names), p.Dir)
	}
	return names
}

func TestOtherErrors(t *testing.T) {
	for _, row := range []struct {
		name string
		sent bool
		err  error
		want history.Outcome // of a write
	}{
		{"no error", true, nil, history.OK},
		{"the time is up, and it was sent", true, context.DeadlineExceeded, history.Unknown},
		{"the time is up, and it never was", false, context.DeadlineExceeded, history.Failed},
		{"cancelled, and it was sent", true, context.Canceled, history.Unknown},
		{"the connection broke under it", true, status.Error(codes.Unavailable, "error reading from server: EOF"), history.Unknown},
		{"raft had no leader to send it to", true, status.Error(codes.Unknown, "raft proposal dropped"), history.Failed},
		{"raft is stopping", true, status.Error(codes.Unknown, "raft: stopped"), history.Unknown},
		{"too long for the server", true, status.Error(codes.ResourceExhausted, "grpc: received message larger than max (2000001 vs. 2000000)"), history.Failed},
		{"too long for the client", true, status.Error(codes.ResourceExhausted, "trying to send message larger than max (2097200 vs. 2097152)"), history.Failed},
		{"full for some other reason", true, status.Error(codes.ResourceExhausted, "stream quota"), history.Unknown},
		{"an error from anywhere", true, errors.New("?"), history.Unknown},
	} {
		if got := outcome(history.Write, row.sent, row.err); got != row.want {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
		if got := outcome(history.Read, row.sent, row.err); row.err != nil && got != history.Failed {
			t.Errorf("%s: a read is %v, want failed", row.name, got)
		}
	}
}

func TestEnvironmentThatEtcdWouldRead(t *testing.T) {
	for _, row := range []struct {
		variable string
		refused  bool
	}{
		{"PATH=/bin", false},
		{"ETCDCTL_API=3", false},
		{"ETCD_UNSUPPORTED_ARCH=riscv64", false},
		{"ETCD_NAME=x", true},
		{"ETCD_SNAPSHOT_COUNT=5", true},
	} {
		if err := needsEnviron([]string{"HOME=/", row.variable}); (err != nil) != row.refused {
			t.Errorf("%s: %v", row.variable, err)
		}
	}
}

// TestTooFarToConnect: where an attempt to connect would always run out of time, there is no run. A
// load driver that uses the member beside it alone connects to no other, but workers do.
func TestTooFarToConnect(t *testing.T) {
	const refused = "a round trip from c1 to n2 takes 1.1s: clients give an attempt to connect 2s, which is enough for up to 900ms"
	for _, c := range []struct {
		trip           time.Duration
		pinned, crewed bool
		beside, want   string
	}{
		{longestTrip, false, false, "n1", ""},
		{1100 * time.Millisecond, false, false, "n1", refused},
		{1100 * time.Millisecond, true, false, "n1", ""},
		{1100 * time.Millisecond, true, false, "n2", refused},
		{1100 * time.Millisecond, true, true, "n1", refused},
	} {
		there := link.Path{From: "c1", To: "n2"}
		s := reckon.Setting{Nodes: []string{"n1", "n2"}, Clients: []string{"c1"}, Links: link.Matrix{
			there: {Delay: c.trip / 2}, there.Back(): {Delay: c.trip / 2}, {From: "n1", To: "n2"}: {Delay: time.Minute},
		}, Pinned: c.pinned, HasWorkers: c.crewed, Nearest: map[string]string{"c1": c.beside}}
		got := ""
		if err := word(t, "etcd").(reckon.Validator).Validate(s); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// TestPreVoteDiffers asks the processes themselves: what they log that they run with.
func TestPreVoteDiffers(t *testing.T) {
	t.Parallel()
	for i, name := range []string{"etcd", "etcd-no-pre-vote"} {
		c := start(t, word(t, name), byte(20+i), 1)
		log, err := os.ReadFile(c.log(c.members[0]))
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf(`"pre-vote":%v`, name == "etcd"); !strings.Contains(string(log), want) {
			t.Errorf("%s: no %s in its log", name, want)
		}
		c.killAll()
	}
}

// TestLeaderDies walks through what a run with the fault leader asks of etcd.
func TestLeaderDies(t *testing.T) {
	t.Parallel()
	c := start(t, word(t, "etcd"), 30, 3)
	client := c.dial(c.members...)
	for i := range 20 {
		c.write(client, "k", fmt.Sprint("before ", i))
	}

	old, _ := c.leads()
	was, _ := c.status(old)
	c.kill(old)
	if s, err := c.status(old); err == nil {
		t.Errorf("%s was killed, and says %+v", old.Name, s)
	}
	c.eventually("another member leads a higher term", func() error {
		l, err := c.leads()
		if s, _ := c.status(l); err == nil && (l.Name == old.Name || s.Term <= was.Term) {
			err = fmt.Errorf("%s leads term %d", l.Name, s.Term)
		}
		return err
	})
	for i := range 20 {
		if op := c.write(client, "k", fmt.Sprint("during ", i)); op.Member == old.Name {
			t.Errorf("the dead member answered: %v", op)
		}
	}

	c.run(old)
	c.ready(c.members...)
	c.eventually("the client uses the restarted member again", func() error {
		if op := c.write(client, "k", "after"); op.Member != old.Name {
			return fmt.Errorf("%s answered", op.Member)
		}
		return nil
	})
	last := c.write(client, "k", "last")
	c.agree(last.Revision)
	c.tellsItsPast(last.Revision)
	c.measures()
}

// agree asks for the members' hashes at the revision.
func (c *cluster) agree(revision int64) {
	c.t.Helper()
	hasher := c.system.(reckon.Hasher)
	seen := map[uint32]string{}
	for _, m := range c.members {
		at, hash, err := hasher.Hash(c.ctx(), m, revision, direct)
		if err != nil || at != revision {
			c.t.Errorf("hash of %s at revision %d: at %d, %v", m.Name, revision, at, err)
		}
		seen[hash] += m.Name
		if at, newest, err := hasher.Hash(c.ctx(), m, 0, direct); err != nil || at != revision || newest != hash {
			c.t.Errorf("newest hash of %s: %d at %d, %v; want %d at %d", m.Name, newest, at, err, hash, revision)
		}
	}
	if len(seen) != 1 {
		c.t.Errorf("the members disagree: %v", seen)
	}
}

// tellsItsPast checks that every member tells one change for each revision up to the last.
func (c *cluster) tellsItsPast(last int64) {
	c.t.Helper()
	for _, m := range c.members {
		want := int64(2)
		for change, err := range c.system.(reckon.Historian).Changes(c.ctx(), m, direct) {
			if err != nil {
				c.t.Fatal(err)
			}
			if change.Revision != want || change.Version != want-1 || change.Key != "k" || change.Member != m.Name {
				c.t.Fatalf("%s tells %+v, want revision %d", m.Name, change, want)
			}
			want++
		}
		if want != last+1 {
			c.t.Errorf("%s ends before revision %d, want %d", m.Name, want, last+1)
		}
	}
}

// later are metrics that a member does not have from the start: peers are first probed after half a
// minute.
var later = map[string]bool{"etcd_network_peer_round_trip_time_seconds": true, "etcd_network_peer_sent_failures_total": true}

// measures checks that the metrics that are asked for exist, and make sense.
func (c *cluster) measures() {
	c.t.Helper()
	leaders := 0.0
	for _, m := range c.members {
		sample, err := c.system.(reckon.MetricsReader).Metrics(c.ctx(), m, direct)
		if err != nil {
			c.t.Fatal(err)
		}
		for name := range measured {
			_, plain := sample[name]
			_, histogram := sample[name+"_count"]
			if !plain && !histogram && !later[name] {
				c.t.Errorf("%s has no %s", m.Name, name)
			}
		}
		leaders += sample["etcd_server_is_leader"]
		fsyncs := sample["etcd_disk_wal_fsync_duration_seconds_count"]
		if inf := sample["etcd_disk_wal_fsync_duration_seconds_le_+Inf"]; fsyncs == 0 || inf != fsyncs {
			c.t.Errorf("%s: %v fsyncs, %v of them of any duration", m.Name, fsyncs, inf)
		}
	}
	if leaders != 1 {
		c.t.Errorf("%v members lead", leaders)
	}
}

// TestPatience asks for what is not there yet, or not any more.
func TestPatience(t *testing.T) {
	t.Parallel()
	c := start(t, word(t, "etcd"), 40, 1)
	m := c.members[0]
	ctx, cancel := context.WithTimeout(t.Context(), 3*hashRetry)
	defer cancel()
	if _, _, err := c.system.(reckon.Hasher).Hash(ctx, m, 100, direct); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the hash at a revision to come: %v", err)
	}
	for change, err := range c.system.(reckon.Historian).Changes(c.ctx(), m, direct) {
		t.Errorf("an empty store tells %v, %v", change, err)
	}

	client := c.dial(m).(*etcdClient)
	for i := range 3 {
		c.write(client, "k", fmt.Sprint(i))
	}
	for range c.system.(reckon.Historian).Changes(c.ctx(), m, direct) {
		break // the iterator bears being left
	}
	if _, err := client.kv.Delete(c.ctx(), "k"); err != nil {
		t.Fatal(err)
	}
	var last history.Change
	for last = range c.system.(reckon.Historian).Changes(c.ctx(), m, direct) {
	}
	if !last.Deleted || last.Revision != 5 || last.Key != "k" {
		t.Errorf("the last change is %+v, want the deletion of k at revision 5", last)
	}
	if _, err := client.kv.Compact(c.ctx(), 3); err != nil {
		t.Fatal(err)
	}
	c.refusesItsPast("compacted")
}

func (c *cluster) refusesItsPast(why string) {
	c.t.Helper()
	var last error
	for _, last = range c.system.(reckon.Historian).Changes(c.ctx(), c.members[0], direct) {
	}
	if last == nil || !strings.Contains(last.Error(), why) {
		c.t.Errorf("changes: %v, want an error with %q", last, why)
	}
}

// TestWatchesFor: what the watches of a history hold in memory together is bounded, however large
// the values are.
func TestWatchesFor(t *testing.T) {
	for _, c := range []struct {
		size, revision int64
		want           int
	}{
		{0, 0, 32}, {20 << 10, 1, 32}, // nothing is written yet
		{300 * 100_000, 100_000, 32}, // small values
		{16 << 20 * 50, 50_000, 4},
		{8 << 30, 8192, 1}, // values of 1 MiB: no watch can be less than what etcd sends at once
		{512 << 20, 512, 1},
	} {
		if got := watchesFor(watchesAhead, c.size, c.revision); got != c.want {
			t.Errorf("%d bytes at revision %d: %d watches, want %d", c.size, c.revision, got, c.want)
		}
	}
}

// TestLongHistory reads more revisions than the watches that are open at once cover.
func TestLongHistory(t *testing.T) {
	t.Parallel()
	s := word(t, "etcd", "--etcd-flag=unsafe-no-fsync=true").(*etcd)
	s.watches = 2
	c := start(t, s, 50, 1)
	c.tellsItsPast(c.fill(3*watchSpan + watchSpan/2))
}

// BenchmarkChanges reads a history of a run at some thousand writes a second.
func BenchmarkChanges(b *testing.B) {
	c := start(b, word(b, "etcd", "--etcd-flag=unsafe-no-fsync=true"), 51, 1)
	last := c.fill(40 * watchSpan)
	for b.Loop() {
		c.tellsItsPast(last)
	}
	b.ReportMetric(float64(last)*float64(b.N)/b.Elapsed().Seconds(), "changes/s")
}
