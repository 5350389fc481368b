package data

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/workloads/data/serve"
)

func newServe() *cobra.Command {
	var s served
	var listen string
	cmd := &cobra.Command{
		Use: "serve", Short: "Serve generations over HTTP, ranges of bytes too",
		Long: `Serve generations over HTTP, ranges of bytes too, until interrupted: generation G of the only tree is at /gen0, of several at
/host1/gen0. Nothing is kept.
` + exits,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("data serve: wants no argument, and got %q", args[0])
			}
			trees, _, err := s.trees()
			if err != nil {
				return err
			}
			h := serve.New()
			for _, t := range trees {
				for g := range t.tree.Last() + 1 {
					v, err := t.tree.At(g)
					if err != nil {
						return err
					}
					path := fmt.Sprintf("/gen%d", g)
					if len(trees) > 1 {
						path = "/" + t.name + path
					}
					h.Add(path, v)
				}
			}
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return fmt.Errorf("serve: %w", err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "serving at http://%s/\n", l.Addr())
			ctx, stop := interruptible(cmd)
			defer stop()
			return until(ctx, &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}, l)
		},
	}
	fs := cmd.Flags()
	s.bind(fs)
	fs.StringVar(&listen, "listen", "127.0.0.1:8080", "address to listen at; port 0 takes any that is free")
	return cmd
}

// until serves until the context ends, and lets what has begun come to an end.
func until(ctx context.Context, s *http.Server, l net.Listener) error {
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(closing); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
