package writers

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// Format is a kind of table.
type Format string

// The formats of a table.
const (
	// CSV is UTF-8 with a byte order mark, by which Excel knows it, with commas
	// and CRLF (RFC 4180). Formulas are guarded.
	CSV Format = "csv"
	// XLSX is a workbook of one sheet. Text stays text, so that ids keep their
	// leading zeros and nothing is run; nothing needs a guard.
	XLSX Format = "xlsx"
	// JSONL is one object a row, UTF-8, with all columns in order.
	JSONL Format = "jsonl"
)

// FormatOf tells the format of a file by its name: .csv, .xlsx, .jsonl or
// .ndjson, each of which may be followed by .gz.
func FormatOf(name string) (f Format, gz bool, err error) {
	base := strings.ToLower(filepath.Base(name))
	base, gz = strings.CutSuffix(base, ".gz")
	switch filepath.Ext(base) {
	case ".csv":
		return CSV, gz, nil
	case ".jsonl", ".ndjson":
		return JSONL, gz, nil
	case ".xlsx":
		return XLSX, gz, nil
	}
	return "", false, fmt.Errorf("%s: unknown table format; name it .csv, .xlsx or .jsonl, with .gz behind it to pack it", name)
}

// Kind says what the cells of a column are, where the format can show more
// than text. A cell that is not of its column's kind is written as text.
type Kind uint8

// The kinds of a column. CSV knows text alone.
const (
	Text   Kind = iota
	Number      // a decimal of at most 15 digits, as 12 or -0.5: a number in XLSX and JSONL
	Date        // 2025-03-04, 2025-03-04T10:30:00 or 2025-03-04T10:30:00.250Z: a date in XLSX
	Bool        // true or false: a truth value in XLSX and JSONL
)

// Column is one column of a table.
type Column struct {
	Name string
	Kind Kind
	// Width is in characters, for XLSX; 0 fits the header and the first rows.
	Width int
}

// Columns returns text columns of these names.
func Columns(names ...string) []Column {
	columns := make([]Column, len(names))
	for i, name := range names {
		columns[i].Name = name
	}
	return columns
}

// TableOptions are the settings of a table. The zero value is taken from the
// name of the file.
type TableOptions struct {
	FileOptions
	Format      Format // "" tells it, and compression, by the file's name
	Gzip        bool   // with a Format: compress
	RawFormulas bool   // CSV: leave cells unguarded
	Sheet       string // XLSX: name of the sheet; "" is Sheet1
	Book        *Book  // XLSX: what makes it a workbook to be filled in; nil for none
}

// Table is a table being written. It belongs to one goroutine.
type Table struct {
	name  string // for messages
	width int
	file  *File         // nil for a stream
	tail  *bufio.Writer // of a stream
	gz    *gzip.Writer
	enc   encoder
	err   error // of the first failure; nothing is committed after it
	ready bool  // prepared
	done  bool
}

// encoder writes rows in one format.
type encoder interface {
	// row writes the cells of one row, one for each column. It keeps none.
	row(cells []string, look Look) error
	// close writes what ends the table.
	close() error
	// release gives back what the encoder holds, closed or not.
	release()
	// noted returns what could not be written as it was.
	noted() *notes
}

// NewTable begins the table path. Its header may be followed by no row.
func NewTable(path string, header []Column, o TableOptions) (*Table, error) {
	if o.Format == "" {
		var err error
		if o.Format, o.Gzip, err = FormatOf(path); err != nil {
			return nil, err
		}
	}
	file, err := Create(path, o.FileOptions)
	if err != nil {
		return nil, err
	}
	t := &Table{name: path, width: len(header), file: file}
	scratch := ""
	if o.Format == XLSX {
		if scratch, err = file.scratch(); err != nil {
			file.Abort()
			return nil, err
		}
	}
	if err := t.start(file, header, o, scratch); err != nil {
		t.Abort()
		return nil, err
	}
	return t, nil
}

// NewStream begins a table on w, as standard output, in o.Format. It does not
// appear whole; a CSV stream has no byte order mark, which programs stumble at.
// Commit ends the table and does not close w.
func NewStream(w io.Writer, name string, header []Column, o TableOptions) (*Table, error) {
	t := &Table{name: name, width: len(header), tail: bufio.NewWriterSize(w, bufferSize)}
	if err := t.start(t.tail, header, o, ""); err != nil {
		t.Abort()
		return nil, err
	}
	return t, nil
}

func (t *Table) start(w io.Writer, header []Column, o TableOptions, scratch string) error {
	if len(header) == 0 {
		return newError(t.name, "create", errors.New("a table needs a column"))
	}
	if o.Gzip {
		t.gz = gzip.NewWriter(w)
		w = t.gz
	}
	enc, err := newEncoder(w, header, o, scratch, t.file != nil)
	if err != nil {
		return newError(t.name, "create", err)
	}
	t.enc = enc
	return nil
}

func newEncoder(w io.Writer, header []Column, o TableOptions, scratch string, file bool) (encoder, error) {
	switch o.Format {
	case CSV:
		return orNone(newCSV(w, header, !o.RawFormulas, file))
	case JSONL:
		return orNone(newJSONL(w, header))
	case XLSX:
		return orNone(newXLSX(w, header, o.Sheet, scratch, o.Book))
	}
	return nil, fmt.Errorf("unknown table format %q; choose csv, xlsx or jsonl", o.Format)
}

// orNone keeps a nil pointer from passing for an encoder.
func orNone[E encoder](e E, err error) (encoder, error) {
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Look is what a workbook shows of a row beyond its texts.
type Look struct {
	Kinds []Kind    // of the cells; nil: those of the columns
	Bad   []BadCell // cells that are red, and have a comment as far as that goes
}

// Write appends a row, one cell for each column. It keeps no cell.
func (t *Table) Write(cells []string) error { return t.WriteLook(cells, Look{}) }

// WriteLook is Write of a row that has its own look. It keeps nothing of it.
func (t *Table) WriteLook(cells []string, look Look) error {
	switch {
	case t.err != nil:
		return t.err
	case t.done || t.ready:
		return newError(t.name, "write", errClosed)
	case len(cells) != t.width:
		t.err = newError(t.name, "write", fmt.Errorf("a row has %d cells, the header %d", len(cells), t.width))
		return t.err
	}
	if err := t.enc.row(cells, look); err != nil {
		t.err = newError(t.name, "write", err)
	}
	return t.err
}

// Prepare ends the table and brings it to the disk; Commit then only lets it
// appear, so that several tables may appear together.
func (t *Table) Prepare() error {
	switch {
	case t.err != nil || t.ready:
		return t.err
	case t.done:
		return newError(t.name, "commit", errClosed)
	}
	t.ready = true
	if t.err = t.finish(); t.err == nil && t.file != nil {
		t.err = t.file.Prepare()
	}
	return t.err
}

// Commit ends the table and lets it appear. After an error it does not.
func (t *Table) Commit() error {
	if t.err == nil && t.done {
		return newError(t.name, "commit", errClosed)
	}
	defer t.Abort()
	if t.Prepare() == nil && t.file != nil {
		t.err = t.file.Commit()
	}
	return t.err
}

// Sum is the SHA-256 and the size in bytes of a table in a file that was
// prepared, where FileOptions.Sum asked for it.
func (t *Table) Sum() (sha256 []byte, size int64) { return t.file.Sum() }

func (t *Table) finish() error {
	err := t.enc.close()
	t.enc.release()
	if err == nil && t.gz != nil {
		err = t.gz.Close()
	}
	if err == nil && t.tail != nil {
		err = t.tail.Flush()
	}
	if err != nil {
		return newError(t.name, "write", err)
	}
	return nil
}

// Abort gives the table up; nothing of it appears. After Commit or Abort it
// does nothing, so that it can be deferred.
func (t *Table) Abort() {
	if t.done {
		return
	}
	t.done = true
	if t.enc != nil {
		t.enc.release()
	}
	if t.file != nil {
		t.file.Abort()
	}
}

// Notes returns what could not be written as it was: the first hundred such
// cells, and how many there are.
func (t *Table) Notes() (first []Note, total int) {
	n := t.enc.noted()
	return n.first, n.total
}

// Note says that a cell could not be written as it was, and what stands there
// instead.
type Note struct {
	Row    int // of the table; the header is 1
	Column string
	Text   string
}

// String returns one line: row, column and what happened.
func (n Note) String() string { return fmt.Sprintf("row %d, %s: %s", n.Row, n.Column, n.Text) }

// notes keeps the first notes and counts the rest, so that memory does not
// grow with the table.
type notes struct {
	first []Note
	total int
}

const maxNotes = 100

func (n *notes) add(row int, column, text string) {
	if n.total++; len(n.first) < maxNotes {
		n.first = append(n.first, Note{Row: row, Column: column, Text: text})
	}
}
