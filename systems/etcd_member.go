package systems

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
)

// memberConn is the connection for queries to one member.
type memberConn struct {
	*grpc.ClientConn
	dial atomic.Pointer[reckon.Dial]
}

// statusDelay is the longest pause between two attempts to reach a member that
// is down: short, as the moment at which it answers again goes on the record, and cheap, as it is
// asked from its own host.
const statusDelay = 50 * time.Millisecond

// conn returns the member's connection, made on first use. It connects with the latest dial.
func (e *etcd) conn(m reckon.Member, dial reckon.Dial) (*memberConn, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	address := clientAddress(m)
	c, ok := e.conns[address]
	if !ok {
		c = &memberConn{}
		newest := func(ctx context.Context, network, address string) (net.Conn, error) {
			return (*c.dial.Load())(ctx, network, address)
		}
		// Plain gRPC, because etcd's client would wait for a dead member and repeat the question to
		// it.
		options := append(dialOptions(newest, statusDelay), grpc.WithTransportCredentials(insecure.NewCredentials()))
		var err error
		if c.ClientConn, err = grpc.NewClient("passthrough:///"+address, options...); err != nil {
			return nil, err
		}
		e.conns[address] = c
	}
	c.dial.Store(&dial)
	return c, nil
}

// Status queries only this member, which answers even without a leader or a quorum. A member that
// was cut off may claim to lead until it notices; the higher term is right.
func (e *etcd) Status(ctx context.Context, m reckon.Member, dial reckon.Dial) (reckon.Status, error) {
	resp, err := e.status(ctx, m, dial)
	if err != nil {
		return reckon.Status{}, err
	}
	return reckon.Status{
		Ready:  resp.Leader != 0 && len(resp.Errors) == 0, // errors are alarms, such as a full quota
		Leader: resp.Leader != 0 && resp.Leader == resp.Header.MemberId,
		Term:   resp.RaftTerm,
	}, nil
}

func (e *etcd) status(ctx context.Context, m reckon.Member, dial reckon.Dial) (*pb.StatusResponse, error) {
	c, err := e.conn(m, dial)
	if err != nil {
		return nil, fmt.Errorf("ask %s for its status: %w", m.Name, err)
	}
	resp, err := pb.NewMaintenanceClient(c).Status(ctx, &pb.StatusRequest{})
	if err != nil {
		return nil, fmt.Errorf("ask %s for its status: %w", m.Name, err)
	}
	return resp, nil
}

// Hash returns the member's HashKV, over all keys, versions and values up to the revision. It
// waits, as long as ctx allows, until the member has applied the revision. Hashes of members are
// comparable where they have compacted up to the same revision; reckon's never compact.
func (e *etcd) Hash(ctx context.Context, m reckon.Member, revision int64, dial reckon.Dial) (at int64, hash uint32, err error) {
	c, err := e.conn(m, dial)
	if err != nil {
		return 0, 0, fmt.Errorf("hash %s: %w", m.Name, err)
	}
	for {
		resp, err := pb.NewMaintenanceClient(c).HashKV(ctx, &pb.HashKVRequest{Revision: revision})
		if err == nil {
			at = resp.Header.Revision // the store's newest; etcd up to 3.5 says nothing more exact
			if revision != 0 {
				at = revision
			}
			return at, resp.Hash, nil
		}
		if !errors.Is(rpctypes.Error(err), rpctypes.ErrFutureRev) {
			return 0, 0, fmt.Errorf("hash %s at revision %d: %w", m.Name, revision, err)
		}
		select {
		case <-ctx.Done():
			return 0, 0, fmt.Errorf("hash %s: it has not applied revision %d: %w", m.Name, revision, ctx.Err())
		case <-time.After(hashRetry):
		}
	}
}

const hashRetry = 10 * time.Millisecond

const (
	// watchSpan is how many revisions one watch covers: as many as etcd sends at once
	// (watchBatchMaxRevs).
	watchSpan = 1000
	// watchesAhead is how many watches are open at once. etcd serves all that lag behind together,
	// every 100 ms, and reads the whole rest of its history each time: one watch over n revisions
	// would take n/1000 times 100 ms, and n² reads.
	watchesAhead = 32
	// watchBudget bounds what the open watches may hold in memory together, unless one alone holds
	// more: bytes.
	watchBudget = 64 << 20
	// watchStall is how long etcd may take to send the next part of its history.
	watchStall = 30 * time.Second
)

// Changes watches all keys through the member, from the first revision to the newest that it has
// applied by now. A deletion, which reckon never asks for, is an error, as is history that was
// compacted away.
func (e *etcd) Changes(ctx context.Context, m reckon.Member, dial reckon.Dial) iter.Seq2[history.Change, error] {
	return func(yield func(history.Change, error) bool) {
		if err := e.changes(ctx, m, dial, func(c history.Change) bool { return yield(c, nil) }); err != nil {
			yield(history.Change{}, fmt.Errorf("read the changes of %s: %w", m.Name, err))
		}
	}
}

func (e *etcd) changes(ctx context.Context, m reckon.Member, dial reckon.Dial, yield func(history.Change) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	status, err := e.status(ctx, m, dial)
	if err != nil {
		return err
	}
	client, err := newEtcdClient([]reckon.Member{m}, dial)
	if err != nil {
		return err
	}
	defer client.Close()

	next, newest := int64(1), status.Header.Revision
	most := watchesFor(e.watches, status.DbSize, newest)
	var open []watch
	for {
		for ; next <= newest && len(open) < most; next += watchSpan {
			open = append(open, openWatch(ctx, client, next, min(next+watchSpan-1, newest)))
		}
		if len(open) == 0 {
			return nil
		}
		if more, err := open[0].drain(ctx, m, yield); err != nil || !more {
			return err
		}
		open = open[1:]
	}
}

// watchesFor is how many watches may be open at once, of at most so many, on a store of that size
// and revision.
func watchesFor(most int, size, revision int64) int {
	each := max(size, 1) * watchSpan / max(revision, watchSpan)
	return int(max(1, min(int64(most), watchBudget/max(each, 1))))
}

// watch is a watch of all keys for revisions up to last.
type watch struct {
	last     int64
	answers  clientv3.WatchChan
	cancel   context.CancelFunc
	revision int64 // the newest that it has sent
}

func openWatch(ctx context.Context, c *clientv3.Client, first, last int64) watch {
	ctx, cancel := context.WithCancel(ctx)
	return watch{last: last, cancel: cancel, answers: c.Watch(ctx, "\x00", clientv3.WithFromKey(), clientv3.WithRev(first))}
}

// drain yields the watch's changes and closes it; more is false where the consumer wants no more.
// It ends because each revision above the first has a change.
func (w *watch) drain(ctx context.Context, m reckon.Member, yield func(history.Change) bool) (more bool, err error) {
	defer w.cancel()
	stall := time.NewTimer(watchStall)
	defer stall.Stop()
	for w.last > 1 && w.revision < w.last {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-stall.C:
			return false, fmt.Errorf("nothing after revision %d for %v", w.revision, watchStall)
		case answer, ok := <-w.answers:
			if err := answer.Err(); err != nil {
				return false, fmt.Errorf("after revision %d: %w", w.revision, err)
			}
			if !ok {
				return false, fmt.Errorf("after revision %d: the watch was closed", w.revision)
			}
			if more, err := w.pass(answer.Events, m, yield); err != nil || !more {
				return more, err
			}
			stall.Reset(watchStall)
		}
	}
	return true, nil
}

// pass yields those of the events that are the watch's own: after its last revision the next watch
// goes on.
func (w *watch) pass(events []*clientv3.Event, m reckon.Member, yield func(history.Change) bool) (more bool, err error) {
	for _, e := range events {
		kv := e.Kv
		w.revision = kv.ModRevision
		if w.revision > w.last {
			return true, nil
		}
		c := history.Change{Revision: kv.ModRevision, Version: kv.Version, Key: string(kv.Key), Value: history.Abridge(string(kv.Value)), Deleted: e.Type == clientv3.EventTypeDelete, Member: m.Name}
		if !yield(c) {
			return false, nil
		}
	}
	return true, nil
}

// measured are the metrics of etcd that matter to a reader of a run, by etcd's own
// names and in its units (seconds, bytes), and whether a histogram's buckets are wanted as well.
var measured = map[string]struct{ buckets bool }{
	"etcd_disk_wal_fsync_duration_seconds":      {buckets: true},
	"etcd_disk_backend_commit_duration_seconds": {buckets: true},
	"etcd_network_peer_round_trip_time_seconds": {},
	"etcd_network_peer_sent_failures_total":     {},
	"etcd_network_active_peers":                 {},
	"etcd_server_has_leader":                    {},
	"etcd_server_is_leader":                     {},
	"etcd_server_leader_changes_seen_total":     {},
	"etcd_server_proposals_committed_total":     {},
	"etcd_server_proposals_applied_total":       {},
	"etcd_server_proposals_pending":             {},
	"etcd_server_proposals_failed_total":        {},
	"etcd_server_heartbeat_send_failures_total": {},
	"etcd_server_slow_apply_total":              {},
	"etcd_server_slow_read_indexes_total":       {},
	"etcd_server_read_indexes_failed_total":     {},
	"etcd_server_apply_duration_seconds":        {},
	"etcd_mvcc_db_total_size_in_bytes":          {},
	"etcd_mvcc_db_total_size_in_use_in_bytes":   {},
	"process_cpu_seconds_total":                 {},
	"process_resident_memory_bytes":             {},
}

// Metrics reads the member's /metrics. A metric with labels is summed over them. Of a histogram h
// there are h_sum and h_count, and where its buckets are measured h_le_X, the number of
// observations of at most X.
func (e *etcd) Metrics(ctx context.Context, m reckon.Member, dial reckon.Dial) (map[string]float64, error) {
	families, err := scrape(ctx, clientURL(m)+"/metrics", dial)
	if err != nil {
		return nil, fmt.Errorf("read the metrics of %s: %w", m.Name, err)
	}
	sample := map[string]float64{}
	for name, want := range measured {
		for _, metric := range families[name].GetMetric() {
			add(sample, name, metric, want.buckets)
		}
	}
	return sample, nil
}

func scrape(ctx context.Context, url string, dial reckon.Dial) (map[string]*dto.MetricFamily, error) {
	// A connection for each sample: they are a second or so apart, and one that outlived its member
	// would have to be told apart.
	client := http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s: %s", url, resp.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(resp.Body)
}

func add(sample map[string]float64, name string, m *dto.Metric, buckets bool) {
	switch {
	case m.Counter != nil:
		sample[name] += m.Counter.GetValue()
	case m.Gauge != nil:
		sample[name] += m.Gauge.GetValue()
	case m.Untyped != nil:
		sample[name] += m.Untyped.GetValue()
	case m.Histogram != nil:
		sample[name+"_sum"] += m.Histogram.GetSampleSum()
		sample[name+"_count"] += float64(m.Histogram.GetSampleCount())
		for _, b := range m.Histogram.GetBucket() {
			if buckets {
				sample[name+"_le_"+strconv.FormatFloat(b.GetUpperBound(), 'g', -1, 64)] += float64(b.GetCumulativeCount())
			}
		}
	}
}
