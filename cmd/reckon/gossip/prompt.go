package gossip

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/systems/gossip"
)

// patience is how long a command of the prompt may take.
const patience = 5 * time.Second

// prompt does commands on a cluster.
type prompt struct {
	endpoints []string
	kv        *clientv3.Client
	out       io.Writer
}

func newPrompt(endpoints []string, out io.Writer) (*prompt, error) {
	for _, e := range endpoints {
		if e == "" || strings.ContainsAny(e, " /") {
			return nil, fmt.Errorf("--endpoints %q: want HOST:PORT, comma-separated", e)
		}
	}
	kv, err := clientv3.New(clientv3.Config{Endpoints: endpoints, Logger: zap.NewNop(), DialTimeout: patience})
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &prompt{endpoints, kv, out}, nil
}

func (p *prompt) close() { _ = p.kv.Close() }

// command is one word of the prompt.
type command struct {
	name, args, doc string
	least, most     int // arguments
	do              func(p *prompt, ctx context.Context, args []string) error
}

var commands []command

func init() { // not in its declaration, as help lists it
	commands = []command{
		{"put", "KEY VALUE", "give a key a value", 2, 2, (*prompt).put},
		{"get", "KEY", "print a key's value", 1, 1, (*prompt).get},
		{"del", "KEY", "delete a key", 1, 1, (*prompt).del},
		{"join", "PEERADDRESS", "have the member join the cluster of the one with that peer address", 1, 1, (*prompt).join},
		{"leave", "", "have the member leave its cluster", 0, 0, (*prompt).leave},
		{"forget", "NAME", "remove another member for ever: a dead one stops the collection of deletions", 1, 1, (*prompt).forget},
		{"show", "", "print the member's state, and whom it knows and suspects", 0, 0, (*prompt).show},
		{"help", "", "print this", 0, 0, (*prompt).help},
		{"exit", "", "end", 0, 0, nil},
	}
}

// run does the commands of a reader, a line each, until it ends or says exit. It reports whether
// all of them succeeded.
func (p *prompt) run(in io.Reader, interactive bool) (ok bool) {
	ok = true
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 4<<20)
	for {
		if interactive {
			fmt.Fprint(p.out, "gossip> ")
		}
		if !lines.Scan() {
			return ok && lines.Err() == nil
		}
		words, err := split(lines.Text())
		if err == nil && len(words) > 0 {
			if words[0] == "exit" {
				return ok
			}
			err = p.do(words)
		}
		if err != nil {
			fmt.Fprintln(p.out, "error:", err)
			ok = false
		}
	}
}

// split takes a line apart at spaces. A word in double quotes, as Go writes them, may hold any
// bytes.
func split(line string) (words []string, err error) {
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimLeft(line, " \t") {
		if line[0] != '"' {
			word, rest, _ := strings.Cut(line, " ")
			words, line = append(words, word), rest
			continue
		}
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			return nil, fmt.Errorf("%s: the quote has no end, or holds an escape that Go does not know", line)
		}
		word, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", quoted, err)
		}
		words, line = append(words, word), line[len(quoted):]
	}
	return words, nil
}

func (p *prompt) do(words []string) error {
	var known []string
	for _, c := range commands {
		known = append(known, c.name)
		if c.name != words[0] {
			continue
		}
		if n := len(words) - 1; n < c.least || n > c.most {
			return fmt.Errorf("want %s %s, and got %d words after it; a word with spaces goes in double quotes", c.name, c.args, n)
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return c.do(p, ctx, words[1:])
	}
	return flags.Suggest("command", words[0], known)
}

func (p *prompt) put(ctx context.Context, args []string) error {
	if _, err := p.kv.Put(ctx, args[0], args[1]); err != nil {
		return fmt.Errorf("put %q: %w", args[0], err)
	}
	fmt.Fprintln(p.out, "ok")
	return nil
}

func (p *prompt) get(ctx context.Context, args []string) error {
	r, err := p.kv.Get(ctx, args[0])
	if err != nil {
		return fmt.Errorf("get %q: %w", args[0], err)
	}
	if len(r.Kvs) == 0 {
		fmt.Fprintln(p.out, "(none)")
		return nil
	}
	fmt.Fprintf(p.out, "%s\n", r.Kvs[0].Value)
	return nil
}

func (p *prompt) del(ctx context.Context, args []string) error {
	r, err := p.kv.Delete(ctx, args[0])
	if err != nil {
		return fmt.Errorf("del %q: %w", args[0], err)
	}
	fmt.Fprintf(p.out, "ok, %d deleted\n", r.Deleted)
	return nil
}

// call asks the first endpoint for what etcd's API has no place for.
func (p *prompt) call(ctx context.Context, method, path string, values url.Values) ([]byte, error) {
	u := url.URL{Scheme: "http", Host: p.endpoints[0], Path: path, RawQuery: values.Encode()}
	q, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, err
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = errors.New(strings.TrimSpace(string(b)))
	}
	return b, err
}

// join waits until the member serves again, which it does once it has all that the other has.
func (p *prompt) join(ctx context.Context, args []string) error {
	if _, err := p.call(ctx, http.MethodPost, "/gossip/join", url.Values{"peer": {args[0]}}); err != nil {
		return fmt.Errorf("join %s: %w", args[0], err)
	}
	for {
		_, err := p.call(ctx, http.MethodGet, "/health", nil)
		if err == nil {
			fmt.Fprintln(p.out, "ok")
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("join %s: not yet: %w", args[0], err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (p *prompt) leave(ctx context.Context, _ []string) error {
	if _, err := p.call(ctx, http.MethodPost, "/gossip/leave", nil); err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	fmt.Fprintln(p.out, "ok")
	return nil
}

func (p *prompt) forget(ctx context.Context, args []string) error {
	if _, err := p.call(ctx, http.MethodPost, "/gossip/forget", url.Values{"name": {args[0]}}); err != nil {
		return err
	}
	fmt.Fprintln(p.out, "ok")
	return nil
}

func (p *prompt) show(ctx context.Context, _ []string) error {
	b, err := p.call(ctx, http.MethodGet, "/gossip/show", nil)
	if err != nil {
		return fmt.Errorf("show: %w", err)
	}
	var s gossip.Status
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("show: %w", err)
	}
	ready := "serves"
	if !s.Ready {
		ready = "does not serve: " + s.Why
	}
	fmt.Fprintf(p.out, "%s of cluster %s %s\n%d keys, %d deletions not collected yet, digest %s\n", s.Name, s.Cluster, ready, s.Keys, s.Tombstones, s.Digest)
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MEMBER\tPEERS AT\tCLIENTS AT\tSTATE\tHEARD OF")
	for _, m := range s.Members {
		state, heard := m.State, ""
		if m.State == "suspected" {
			state += fmt.Sprintf(" for %.1f s", m.Suspected)
		}
		if m.HeardAgo > 0 {
			heard = fmt.Sprintf("%.1f s ago", m.HeardAgo)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", m.Name, m.Peer, strings.TrimPrefix(m.Client, "http://"), state, heard)
	}
	return w.Flush()
}

func (p *prompt) help(context.Context, []string) error {
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	for _, c := range commands {
		fmt.Fprintf(w, "%s\t%s\n", strings.TrimSpace(c.name+" "+c.args), c.doc)
	}
	fmt.Fprintln(w, "\ta key or value with spaces goes in double quotes, with Go's escapes")
	return w.Flush()
}
