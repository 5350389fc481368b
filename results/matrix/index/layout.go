package index

// The names in a matrix's directory.
const (
	MatrixFile  = "matrix.yaml" // the text of the matrix file
	IndexFile   = "index.json"
	CSVFile     = "matrix.csv"
	JUnitFile   = "junit.xml"
	SummaryFile = "summary.md"
	PageFile    = "index.html"
	CellsDir    = "cells" // the run of each cell, in a directory of its own
	LogsDir     = "logs"  // what each run printed
	AsideDir    = "aside" // runs that do not count: interrupted, or tried again
)
