package api

import (
	"context"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// maintenance tells of a member.
type maintenance struct {
	pb.UnimplementedMaintenanceServer
	s Store
}

// Status is the member's own. There is no leader and no term.
func (m *maintenance) Status(context.Context, *pb.StatusRequest) (*pb.StatusResponse, error) {
	i := m.s.Info()
	a := &pb.StatusResponse{Header: header(i), Version: version, StorageVersion: version, DbSize: i.Bytes, DbSizeInUse: i.Bytes,
		RaftIndex: uint64(i.Seq), RaftAppliedIndex: uint64(i.Seq)}
	if i.NotReady != nil {
		a.Errors = append(a.Errors, i.NotReady.Error())
	}
	return a, nil
}

// Alarm lists no alarms; a full store refuses writes, and takes them again by itself.
func (m *maintenance) Alarm(_ context.Context, q *pb.AlarmRequest) (*pb.AlarmResponse, error) {
	if q.Action != pb.AlarmRequest_GET {
		return nil, status.Error(codes.Unimplemented, "gossip: no alarms")
	}
	return &pb.AlarmResponse{Header: header(m.s.Info())}, nil
}

// HashKV is a digest of the whole state, tombstones included: members that agree have the same. The
// revision is local and so not looked at.
func (m *maintenance) HashKV(context.Context, *pb.HashKVRequest) (*pb.HashKVResponse, error) {
	hash, i, err := m.digest()
	if err != nil {
		return nil, err
	}
	return &pb.HashKVResponse{Header: header(i), Hash: hash, HashRevision: header(i).Revision}, nil
}

// Hash is the same digest.
func (m *maintenance) Hash(context.Context, *pb.HashRequest) (*pb.HashResponse, error) {
	hash, i, err := m.digest()
	if err != nil {
		return nil, err
	}
	return &pb.HashResponse{Header: header(i), Hash: hash}, nil
}

func (m *maintenance) digest() (uint32, Info, error) {
	v, err := m.s.View()
	if err != nil {
		return 0, Info{}, refusal(err)
	}
	i := m.s.Info()
	i.Seq = v.Seq
	h := v.Root.Hi ^ v.Root.Lo ^ v.Root.Count*0x9e3779b97f4a7c15
	return uint32(h) ^ uint32(h>>32), i, nil
}

// clusterServer tells of the members.
type clusterServer struct {
	pb.UnimplementedClusterServer
	s Store
}

func (c *clusterServer) members() (list []*pb.Member) {
	for _, m := range c.s.Members() {
		if m.Forgotten {
			continue
		}
		p := &pb.Member{ID: m.ID, Name: m.Name, PeerURLs: []string{"http://" + m.Addr}}
		if m.Client != "" {
			p.ClientURLs = []string{m.Client}
		}
		list = append(list, p)
	}
	return list
}

// MemberList lists the members that this one knows and has not forgotten.
func (c *clusterServer) MemberList(context.Context, *pb.MemberListRequest) (*pb.MemberListResponse, error) {
	return &pb.MemberListResponse{Header: header(c.s.Info()), Members: c.members()}, nil
}

// MemberRemove forgets a member for ever.
func (c *clusterServer) MemberRemove(ctx context.Context, q *pb.MemberRemoveRequest) (*pb.MemberRemoveResponse, error) {
	if err := c.s.Forget(ctx, q.ID); err != nil {
		return nil, refusal(err)
	}
	return &pb.MemberRemoveResponse{Header: header(c.s.Info()), Members: c.members()}, nil
}

// MemberAdd is refused: a member joins by itself.
func (c *clusterServer) MemberAdd(context.Context, *pb.MemberAddRequest) (*pb.MemberAddResponse, error) {
	return nil, status.Error(codes.Unimplemented, "gossip: members join by themselves: start one with --join, or use join at its prompt")
}
