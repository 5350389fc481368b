package shell

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/reckon"
)

// complete returns the completions of the last word of the line. Those that finish the word end
// with a space.
func (s *shell) complete(line string) []string {
	words := strings.Fields(line)
	if len(words) == 0 || strings.HasSuffix(line, " ") {
		words = append(words, "")
	}
	last := words[len(words)-1]
	var out []string
	for _, c := range s.candidates(words[:len(words)-1], last) {
		if strings.HasPrefix(c, last) {
			if !strings.HasSuffix(c, "=") && !strings.HasSuffix(c, "/") {
				c += " "
			}
			out = append(out, c)
		}
	}
	return out
}

// candidates returns what may follow the words before.
func (s *shell) candidates(before []string, last string) []string {
	if len(before) == 0 {
		var names []string
		for _, c := range commands {
			names = append(names, c.name)
		}
		return slices.Concat(names, s.names(""))
	}
	if s.host(before[0]) != nil {
		if len(before) == 1 && !strings.Contains(last, "/") {
			return programs(last)
		}
		return slices.Concat(s.names(""), files(last))
	}
	switch before[0] {
	case "kill", "pause", "start", "resume":
		return s.nodesFor(before[0])
	case "heal":
		if len(before) < 3 {
			return s.names("")
		}
	case "cut":
		switch len(before) {
		case 1:
			return s.names("")
		case 2:
			return append(s.names(""), "--link-down")
		}
		return []string{"--one-way", "--reset"}
	case "shape":
		if len(before) < 3 {
			return s.names("")
		}
		var parts []string
		for _, p := range shapeParts() {
			parts = append(parts, p+"=")
		}
		return append(parts, "--one-way")
	case "pcap":
		if len(before) == 1 {
			return s.names("")
		}
		return append(files(last), "stop")
	}
	return nil
}

// nodesFor returns the nodes on which the command would have an effect.
func (s *shell) nodesFor(command string) (names []string) {
	state, held := reckon.Dead, command == "start" || command == "resume"
	if command == "pause" || command == "resume" {
		state = reckon.Paused
	}
	for _, n := range s.names("member") {
		if (s.holds[hold{n, state}] != nil) == held {
			names = append(names, n)
		}
	}
	return names
}

// files returns the paths that begin with the prefix; those of directories end with a slash.
func files(prefix string) (paths []string) {
	dir, name := filepath.Split(prefix)
	entries, _ := os.ReadDir(filepath.Clean("./" + dir)) // an unreadable directory has no completions
	if filepath.IsAbs(prefix) {
		entries, _ = os.ReadDir(dir)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), name) {
			continue
		}
		path := dir + e.Name()
		if e.IsDir() {
			path += "/"
		}
		paths = append(paths, path)
	}
	return paths
}

// programs returns the programs on the PATH that begin with the prefix.
func programs(prefix string) (names []string) {
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		entries, _ := os.ReadDir(dir) // as a shell would
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), prefix) && !e.IsDir() {
				names = append(names, e.Name())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
