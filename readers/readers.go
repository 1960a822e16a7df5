// Package readers yields the rows of a CSV, XLSX or JSONL file with their true positions, loudly.
//
// Open finds out what the file is (format, charset, delimiter, sheet, header
// row) and returns a Table; Table.Rows streams the rows below the header. Each
// Row knows its line and, for every cell, its Place in the file. A damaged,
// truncated, oversized or ambiguous file is an *Error with its place: a Table
// never yields fewer rows than the file has, and never a shifted cell.
//
// Below the Table a source holds the bytes (a file, or a spool of standard
// input), a decoder turns them into UTF-8, and one scanner a format cuts them
// into rows: csvScanner, jsonScanner, and sheetScanner on top of xmlScanner.
// Table.Blocks gives the same rows in blocks, for several goroutines.
package readers

import "strings"

// Format is a kind of input file.
type Format string

// The formats that Open reads.
const (
	CSV   Format = "csv"
	XLSX  Format = "xlsx"
	JSONL Format = "jsonl"
)

// Kind says what a cell was in its file, where the file knows more than text.
type Kind uint8

// The kinds of a cell.
const (
	Text       Kind = iota // text as it stands; every CSV cell
	Blank                  // nothing, or a formula whose cached value is the empty string
	Number                 // Text is the raw decimal, as stored: 45000, 0.15, 1E-3
	Percent                // a number shown as a percentage: Text is "15%"
	Bool                   // Text is "TRUE" or "FALSE"
	Date                   // a number shown as a date: Text is 2025-03-04, or 2025-03-04T10:30:00
	ErrorValue             // an Excel error value: Text is "#N/A", "#REF!" …
	NoValue                // a formula without a cached value; Text is empty
	List                   // a JSON array of scalars: Text is its items joined with ";"
	Null                   // a JSON null; Text is empty
)

// Cell is one cell of a row.
type Cell struct {
	Text string
	Kind Kind
}

// Row is one row of a table. Its cells are valid until the next row is read;
// of a text that is kept for long, keep a clone, since it holds its neighbours.
type Row struct {
	// Line is the row number that Excel shows. For CSV it is the record's
	// number, blank records counted and a leading "sep=" line not, so that it
	// is what a spreadsheet shows: the header is 1 unless records stand above
	// it. For JSONL it is the line's number.
	Line int
	// Cells are in header order, one for each column of the header.
	Cells []Cell
	// Hidden says that the sheet's row was hidden, by hand or by a filter.
	Hidden bool

	place placer
}

// Place tells where the cell of header column col stands in the file, or for
// col -1 where the row does. It must be asked before the next row is read;
// afterwards it knows only the row.
func (r Row) Place(col int) Place {
	if r.place.table == nil {
		return Place{Line: r.Line}
	}
	return r.place.table.place(r, col)
}

// rowTexts makes strings of the rows' texts, many in one allocation.
type rowTexts struct{ b strings.Builder }

// textBlockSize is small, as one cell that a caller keeps holds a whole block.
const textBlockSize = 16 << 10

func (r *rowTexts) add(text []byte) string {
	if r.b.Cap()-r.b.Len() < len(text) {
		r.b = strings.Builder{}
		r.b.Grow(max(textBlockSize, len(text)))
	}
	from := r.b.Len()
	r.b.Write(text)
	return r.b.String()[from:]
}

// placer is what a row keeps to work out its places on demand.
type placer struct {
	table  *Table
	line   int     // physical line at which the row begins
	fields locator // nil for XLSX, where the header's columns tell all
	serial int     // of the row in fields
}

// locator is a scanner that knows where the fields of the row it read last are.
type locator interface {
	// locate tells where field i of row serial is; false if the scanner has
	// gone on or the row has no such field.
	locate(serial, i int) (position, bool)
}

// position is a physical line and byte column, both from 1.
type position struct{ line, column int }
