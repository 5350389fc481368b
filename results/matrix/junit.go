package matrix

import (
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/results"
)

// The elements of JUnit's XML that CI services read.
type (
	suites struct {
		XMLName xml.Name `xml:"testsuites"`
		tallies
		Suites []suite `xml:"testsuite"`
	}
	suite struct {
		tallies
		Timestamp string     `xml:"timestamp,attr"`
		Skipped   int        `xml:"skipped,attr"`
		Cases     []testCase `xml:"testcase"`
	}
	tallies struct {
		Name     string `xml:"name,attr"`
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Time     string `xml:"time,attr"`
	}
	testCase struct {
		Class   string  `xml:"classname,attr"`
		Name    string  `xml:"name,attr"`
		Time    string  `xml:"time,attr"`
		Failure *trial  `xml:"failure"`
		Error   *trial  `xml:"error"`
		Skipped *trial  `xml:"skipped"`
		Output  *output `xml:"system-out"`
	}
	trial struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",cdata"`
	}
	output struct {
		Text string `xml:",cdata"`
	}
)

// junit is junit.xml. An invalid cell is a failure. One that was no result, or not
// decided, is an error: neither may pass, and a service shows a skipped test as
// no trouble. A cell that was not run is skipped.
func junit(x *Index) ([]byte, error) {
	s := suite{Timestamp: x.Started.UTC().Format("2006-01-02T15:04:05")}
	s.Name, s.Time, s.Tests = "reckon matrix "+x.File, plain(x.Took), len(x.Cells)
	for _, c := range x.Cells {
		t := newTestCase(c, x.Dimensions)
		switch {
		case t.Failure != nil:
			s.Failures++
		case t.Error != nil:
			s.Errors++
		case t.Skipped != nil:
			s.Skipped++
		}
		s.Cases = append(s.Cases, t)
	}
	b, err := xml.MarshalIndent(suites{tallies: s.tallies, Suites: []suite{s}}, "", " ")
	return append([]byte(xml.Header), append(b, '\n')...), err
}

func newTestCase(c *Cell, dims []Dimension) testCase {
	t := testCase{
		Class: "reckon." + strings.Join([]string{c.Words.System, c.Words.Topology, c.Words.Workload}, "."),
		Name:  c.title(dims), Time: "0",
	}
	o := c.Outcome
	if c.State != Finished || o == nil {
		t.Skipped = &trial{Message: "not finished: " + string(c.State)}
		return t
	}
	t.Time = plain(o.Took)
	why := &trial{Message: o.Reason, Type: string(o.Verdict), Text: account(c)}
	switch o.Verdict {
	case results.StatusValid:
		if c.MustFail {
			t.Output = &output{account(c)}
		}
	case results.StatusInvalid:
		t.Failure = why
	default:
		t.Error = why
	}
	return t
}

// account is what a person needs who sees only this: reason, what shows it, how to run it again.
func account(c *Cell) string {
	o := c.Outcome
	lines := append([]string{o.Reason}, o.Excerpt...)
	for i, a := range o.Attempts {
		lines = append(lines, fmt.Sprintf("attempt %d took %v: %s", i+1, time.Duration(a.Took*1e9).Round(time.Second), a.Reason))
	}
	lines = append(lines, "record: "+cellsDir+"/"+c.Name, "again: reckon "+strings.Join(c.Arguments(), " "))
	return printable(strings.Join(lines, "\n"))
}

// printable leaves out what XML cannot hold: a value that a store answered may be anything.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r >= ' ' && r != 0xFFFE && r != 0xFFFF {
			return r
		}
		return -1
	}, s)
}
