package topologies

import (
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/flags"
)

// publicCloud names the matrix that comes with reckon.
const publicCloud = "public-cloud"

//go:embed regions.csv
var publicCloudCSV string

// regions holds the delays between named regions.
type regions struct {
	names []string
	// delay is one way, from the row's region to the column's. It is 0 within a region unless the
	// matrix says otherwise.
	delay [][]time.Duration
}

// maxMatrix bounds a matrix file, in bytes: 300 regions fit.
const maxMatrix = 1 << 20

// farthest bounds a delay: light takes less to the moon and back.
const farthest = time.Minute

// readRegions reads a matrix as CSV: the first line names the regions, and every other line begins
// with the name of one and has the milliseconds from there to each region of the first line. The
// first cell is "rtt" (or empty) for round trips, of which one way is half, or "one-way", with
// which the two directions may differ. A cell from a region to itself may be empty. Lines that
// begin with # are comments.
func readRegions(r io.Reader) (regions, error) {
	lines := csv.NewReader(io.LimitReader(r, maxMatrix))
	lines.Comment, lines.FieldsPerRecord, lines.TrimLeadingSpace = '#', -1, true
	head, err := lines.Read()
	if errors.Is(err, io.EOF) {
		return regions{}, errors.New("empty: want a line of region names, and a line for each region")
	}
	if err != nil {
		return regions{}, csvError(err)
	}
	share := 0.5
	switch what := strings.TrimSpace(head[0]); what {
	case "", "rtt":
	case "one-way":
		share = 1
	default:
		return regions{}, fmt.Errorf("first cell %q: want rtt or one-way, whichever the milliseconds are", what)
	}
	m := regions{names: trimmed(head[1:])}
	if err := m.validNames(); err != nil {
		return regions{}, err
	}
	m.delay = make([][]time.Duration, len(m.names))
	for {
		cells, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return regions{}, csvError(err)
		}
		line, _ := lines.FieldPos(0)
		if err := m.row(trimmed(cells), share); err != nil {
			return regions{}, fmt.Errorf("line %d: %w", line, err)
		}
	}
	for i, name := range m.names {
		if m.delay[i] == nil {
			return regions{}, fmt.Errorf("not square: region %s has a column and no row", name)
		}
	}
	return m, nil
}

// csvError returns the CSV reader's error without its line numbers.
func csvError(err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return fmt.Errorf("line %d: %w", p.Line, p.Err)
	}
	return err
}

func trimmed(cells []string) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = strings.TrimSpace(c)
	}
	return out
}

func (m regions) validNames() error {
	if len(m.names) == 0 {
		return errors.New("the first line names no region")
	}
	for i, name := range m.names {
		switch {
		case name == "":
			return fmt.Errorf("the first line does not name column %d", i+2)
		case slices.Contains(m.names[:i], name):
			return fmt.Errorf("region %s has two columns", name)
		}
	}
	return nil
}

// row adds a line's cells. share is the share of each number that is one way.
func (m *regions) row(cells []string, share float64) error {
	from, err := m.index(cells[0])
	switch {
	case err != nil:
		return err
	case m.delay[from] != nil:
		return fmt.Errorf("region %s has two rows", cells[0])
	case len(cells) != len(m.names)+1:
		return fmt.Errorf("not square: %d cells for %d regions", len(cells)-1, len(m.names))
	}
	m.delay[from] = make([]time.Duration, len(m.names))
	for to, cell := range cells[1:] {
		if cell == "" && to == from {
			continue
		}
		ms, err := strconv.ParseFloat(cell, 64)
		if d := ms * share * float64(time.Millisecond); err == nil && d >= 0 && d <= float64(farthest) { // NaN is not
			m.delay[from][to] = time.Duration(d)
			continue
		}
		return fmt.Errorf("%q from %s to %s: want milliseconds, 0 to %d", cell, m.names[from], m.names[to], farthest.Milliseconds())
	}
	return nil
}

// index returns the place of the region. The error for an unknown one names the nearest and the
// known.
func (m regions) index(name string) (int, error) {
	if i := slices.Index(m.names, name); i >= 0 {
		return i, nil
	}
	return 0, flags.Suggest("region", name, m.names)
}

// text returns the matrix on one line, as Set accepts it.
func (m regions) text() string {
	var b strings.Builder
	b.WriteString("one-way," + strings.Join(m.names, ","))
	for i, name := range m.names {
		b.WriteString(";" + name)
		for _, d := range m.delay[i] {
			b.WriteString("," + strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', -1, 64))
		}
	}
	return b.String()
}

// matrixValue is the value of a flag: the word public-cloud, a file, or a matrix itself with ; for
// the ends of lines. It never prints a file's name, so that a recorded plan can be made again
// without the file.
type matrixValue struct {
	regions
	word string
}

func (v *matrixValue) Type() string { return publicCloud + "|FILE" }

func (v *matrixValue) String() string {
	if v.word != "" || v.names == nil {
		return v.word
	}
	return v.text()
}

func (v *matrixValue) Set(s string) (err error) {
	var in io.Reader
	switch {
	case s == publicCloud:
		in = strings.NewReader(publicCloudCSV)
	case strings.Contains(s, ";"):
		in = strings.NewReader(strings.ReplaceAll(s, ";", "\n"))
	default:
		f, err := os.Open(s)
		if err != nil {
			return fmt.Errorf("want %s or a CSV file of times between regions: %s", publicCloud, reason(err))
		}
		defer f.Close()
		in = f
	}
	v.word = ""
	if v.regions, err = readRegions(in); err == nil && s == publicCloud {
		v.word = s
	}
	return err
}

// reason returns why a file could not be opened, without its path, which the flag's error has.
func reason(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
