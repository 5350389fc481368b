package systems

import (
	"strings"

	"github.com/moby/sys/reexec"
	"go.etcd.io/etcd/etcdctl/v3/ctlv3"

	"github.com/reckon-bench/reckon/reckon"
)

// etcdctlRole is the name under which reckon's binary is etcdctl: what people type.
const etcdctlRole = "etcdctl"

func init() { reexec.Register(etcdctlRole, ctlv3.MustStart) }

// Tools has etcdctl find all members.
func (e *etcd) Tools(members []reckon.Member) reckon.Tools {
	var urls []string
	for _, m := range members {
		urls = append(urls, clientURL(m))
	}
	return reckon.Tools{Env: []string{"ETCDCTL_ENDPOINTS=" + strings.Join(urls, ",")}, Names: []string{etcdctlRole}}
}
