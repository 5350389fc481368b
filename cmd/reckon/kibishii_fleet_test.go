package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// loopback is an address of this process's own, so that tests of several checkouts do not meet.
func loopback() string { return fmt.Sprintf("127.%d.%d.1", 210+os.Getpid()%40, os.Getpid()/40%250) }

// selfcert DIR HOST makes DIR/cert.pem and DIR/key.pem, for a server at HOST and its clients alike.
func selfcert(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: selfcert DIR HOST")
	}
	_, err := transport.SelfCert(zap.NewNop(), ts.MkAbs(args[0]), []string{args[1] + ":0"}, 1, x509.ExtKeyUsageClientAuth)
	ts.Check(err)
}

// authenticated DIR ENDPOINT USER PASSWORD waits for the etcd and has it want that user, who may do
// everything.
func authenticated(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: authenticated DIR ENDPOINT USER PASSWORD")
	}
	cert, key := ts.MkAbs(args[0]+"/cert.pem"), ts.MkAbs(args[0]+"/key.pem")
	tls, err := transport.TLSInfo{TrustedCAFile: cert, CertFile: cert, KeyFile: key}.ClientConfig()
	ts.Check(err)
	c, err := clientv3.New(clientv3.Config{Endpoints: args[1:2], TLS: tls, Logger: zap.NewNop()})
	ts.Check(err)
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, err = c.UserAdd(ctx, args[2], args[3])
	ts.Check(err)
	_, err = c.RoleAdd(ctx, "root")
	ts.Check(err)
	_, err = c.UserGrantRole(ctx, args[2], "root")
	ts.Check(err)
	_, err = c.AuthEnable(ctx)
	ts.Check(err)
}
