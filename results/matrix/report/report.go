// Package report renders an index of a matrix: CSV for data tools, JUnit's XML and Markdown for CI
// services, and an HTML page of small multiples for people. It reads nothing but the index.
package report

import "github.com/reckon-bench/reckon/results/matrix/index"

// A File is a rendering of an index, and its name in the matrix's directory.
type File struct {
	Name   string
	Render func(*index.Index) ([]byte, error)
}

// Files returns all renderings.
func Files() []File {
	return []File{
		{index.CSVFile, CSV}, {index.JUnitFile, JUnit}, {index.SummaryFile, Markdown}, {index.PageFile, Page},
	}
}
