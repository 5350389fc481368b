package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/workloads/data/config"
	"github.com/reckon-bench/reckon/workloads/data/disk"
)

// A source is what file systems are meant, by a file and by flags that override it.
type source struct {
	file     string
	host     string
	settings []config.Setting
}

func (s *source) bind(fs *pflag.FlagSet) {
	fs.StringVar(&s.file, "config", "", "YAML file of the file systems' parameters, which flags override")
	fs.StringVar(&s.host, "host", "", "only this of several file systems, e.g. host3")
	for _, p := range config.Parameters() {
		fs.Var(&parameter{p.Name, s}, strings.ReplaceAll(p.Name, "_", "-"), p.Usage)
	}
}

// given reports whether it was said at all which file systems are meant.
func (s *source) given() bool { return s.file != "" || len(s.settings) > 0 }

// read returns what the configuration says.
func (s *source) read() (f config.File, err error) {
	if s.file == "" {
		f, err = config.Default(s.settings)
	} else {
		text, readErr := os.ReadFile(s.file)
		if readErr != nil {
			return f, fmt.Errorf("read configuration: %w", readErr)
		}
		if f, err = config.Parse(text, s.settings); err != nil {
			err = fmt.Errorf("read configuration %s: %w", s.file, err)
		}
	}
	if err != nil || s.host == "" {
		return f, err
	}
	for _, h := range f.Hosts {
		if h.Name == s.host {
			f.Hosts = []config.Host{h}
			return f, nil
		}
	}
	return f, fmt.Errorf("--host %s: must be one of host1 to host%d", s.host, len(f.Hosts))
}

// hosts returns the file systems.
func (s *source) hosts() ([]config.Host, error) {
	f, err := s.read()
	return f.Hosts, err
}

// A parameter is a flag that overrides one of the configuration.
type parameter struct {
	name string
	s    *source
}

func (p *parameter) Type() string { return "value" }
func (p *parameter) String() string {
	return ""
}

func (p *parameter) Set(value string) error {
	p.s.settings = append(p.s.settings, config.Setting{Name: p.name, Value: value})
	return nil
}

// A place is a directory with the file system that is, or is to be, in it.
type place struct {
	config.Host
	dir string
}

// places are where the file systems go: one in dir itself, several in a directory each.
func (s *source) places(dir string) (all []place, err error) {
	hosts, err := s.hosts()
	if err != nil {
		return nil, err
	}
	for _, h := range hosts {
		p := place{h, filepath.Join(dir, h.Name)}
		if len(hosts) == 1 && s.host == "" {
			p.dir = dir
		}
		all = append(all, p)
	}
	return all, nil
}

// labelled finds the file systems that are in dir, by their labels: one in dir itself, or one in each of its host directories.
func (s *source) labelled(dir string) (all []place, labels []disk.Label, err error) {
	l, err := disk.ReadLabel(dir)
	if err == nil {
		return []place{{config.Host{Name: ".", Spec: l.Spec}, dir}}, []disk.Label{l}, nil
	}
	below, globErr := filepath.Glob(filepath.Join(dir, "host*", disk.LabelName))
	if !errors.Is(err, fs.ErrNotExist) || globErr != nil || len(below) == 0 {
		return nil, nil, err
	}
	sort.Slice(below, func(i, j int) bool { // host2 before host10
		return len(below[i]) < len(below[j]) || len(below[i]) == len(below[j]) && below[i] < below[j]
	})
	for _, path := range below {
		sub := filepath.Dir(path)
		name := filepath.Base(sub)
		if s.host != "" && s.host != name {
			continue
		}
		l, err := disk.ReadLabel(sub)
		if err != nil {
			return nil, nil, err
		}
		all, labels = append(all, place{config.Host{Name: name, Spec: l.Spec}, sub}), append(labels, l)
	}
	if len(all) == 0 {
		return nil, nil, fmt.Errorf("--host %s: %s has %d others", s.host, dir, len(below))
	}
	return all, labels, nil
}
