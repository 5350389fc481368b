package kibishii

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"go.etcd.io/etcd/client/pkg/v3/transport"

	"github.com/reckon-bench/reckon/workloads/kibishii/fleet"
)

// etcdAccess holds the flags by which etcdctl finds a cluster.
type etcdAccess struct {
	endpoints      []string
	tls            transport.TLSInfo
	user, password string
}

func (a *etcdAccess) bind(fs *pflag.FlagSet) {
	fs.StringSliceVar(&a.endpoints, "endpoints", []string{"127.0.0.1:2379"}, "etcd's endpoints, comma-separated")
	fs.StringVar(&a.tls.TrustedCAFile, "cacert", "", "verify etcd's certificates by this CA bundle")
	fs.StringVar(&a.tls.CertFile, "cert", "", "this client's certificate")
	fs.StringVar(&a.tls.KeyFile, "key", "", "this client's key")
	fs.BoolVar(&a.tls.InsecureSkipVerify, "insecure-skip-tls-verify", false, "do not verify etcd's certificates (only on a network you trust)")
	fs.StringVar(&a.user, "user", "", "etcd's user, as name or name:password")
	fs.StringVar(&a.password, "password", "", "the user's password (or ETCDCTL_PASSWORD in the environment, where others do not see it)")
}

// etcd returns the cluster that the flags describe.
func (a *etcdAccess) etcd() (fleet.Etcd, error) {
	e := fleet.Etcd{Endpoints: a.endpoints, User: a.user, Password: a.password}
	if name, password, ok := strings.Cut(a.user, ":"); ok {
		if a.password != "" {
			return e, fmt.Errorf("--user has a password, and so has --password: want one of them")
		}
		e.User, e.Password = name, password
	}
	if e.User != "" && e.Password == "" {
		if e.Password = os.Getenv("ETCDCTL_PASSWORD"); e.Password == "" {
			return e, fmt.Errorf("--user %s: want a password, by --user name:password, --password or ETCDCTL_PASSWORD", e.User)
		}
	}
	if e.User == "" && a.password != "" {
		return e, fmt.Errorf("--password without --user")
	}
	if (a.tls.CertFile == "") != (a.tls.KeyFile == "") {
		return e, fmt.Errorf("--cert and --key: want both or neither")
	}
	for _, point := range a.endpoints {
		if point == "" || strings.ContainsAny(point, " \t") {
			return e, fmt.Errorf("--endpoints %q: want host:port or URLs, comma-separated", strings.Join(a.endpoints, ","))
		}
	}
	return e, a.secure(&e)
}

// secure adds TLS if a flag or an endpoint asks for it.
func (a *etcdAccess) secure(e *fleet.Etcd) (err error) {
	wanted := a.tls.TrustedCAFile != "" || a.tls.CertFile != "" || a.tls.InsecureSkipVerify
	for _, point := range a.endpoints {
		wanted = wanted || strings.HasPrefix(point, "https://")
	}
	if !wanted {
		return nil
	}
	for _, f := range []struct{ flag, file string }{{"cacert", a.tls.TrustedCAFile}, {"cert", a.tls.CertFile}, {"key", a.tls.KeyFile}} {
		if _, err := os.Stat(f.file); f.file != "" && err != nil {
			return fmt.Errorf("--%s: %w", f.flag, err)
		}
	}
	if e.TLS, err = a.tls.ClientConfig(); err != nil {
		return fmt.Errorf("--cacert, --cert, --key: %w", err)
	}
	e.TLS.InsecureSkipVerify = a.tls.InsecureSkipVerify
	return nil
}
