package report

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/matrix"
	"github.com/reckon-bench/reckon/results/matrix/index"
)

// The elements of JUnit's XML format that CI services read.
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

// JUnit returns junit.xml. An invalid cell is a failure. A harness or unknown verdict is an error,
// because it must not pass, and CI services do not report a skipped test as a problem. A cell that
// was not run is skipped.
func JUnit(x *index.Index) ([]byte, error) {
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

// newTestCase returns the test case of a cell.
func newTestCase(c *index.Cell, dims []matrix.Dimension) testCase {
	t := testCase{
		Class: "reckon." + strings.Join([]string{c.Words.System, c.Words.Topology, c.Words.Workload}, "."),
		Name:  c.Title(dims), Time: "0",
	}
	o := c.Outcome
	if c.State != index.Finished || o == nil {
		t.Skipped = &trial{Message: "not finished: " + string(c.State)}
		return t
	}
	t.Time = plain(o.Took)
	why := &trial{Message: o.Reason, Type: string(o.Verdict), Text: evidence(c)}
	switch o.Verdict {
	case results.StatusValid:
		if c.MustFail {
			t.Output = &output{evidence(c)}
		}
	case results.StatusInvalid:
		t.Failure = why
	default:
		t.Error = why
	}
	return t
}

// evidence returns what somebody needs who sees only the test's page: the reason, the evidence,
// where the record is and how to run the cell again.
func evidence(c *index.Cell) string {
	o := c.Outcome
	lines := append([]string{o.Reason}, o.Excerpt...)
	for i, a := range o.Attempts {
		lines = append(lines, fmt.Sprintf("attempt %d took %v: %s", i+1, took(a.Took), a.Reason))
	}
	lines = append(lines, "record: "+index.CellsDir+"/"+c.Name, "rerun: reckon "+strings.Join(c.Arguments(), " "))
	return printable(strings.Join(lines, "\n"))
}

// printable removes the characters that XML cannot hold. A value that a store returned may have
// any.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r >= ' ' && r != 0xFFFE && r != 0xFFFF {
			return r
		}
		return -1
	}, s)
}
