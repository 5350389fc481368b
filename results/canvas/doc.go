// Package canvas is what figures are made of: one look for all of them (theme), the glyphs that
// data are drawn with, legends, labels above the data, and the output as SVG, PNG and PDF.
//
// A Figure is panels above each other whose time axes align, in the width of a paper's column or of
// a page. A Chart is a figure over several runs in the same look.
package canvas
