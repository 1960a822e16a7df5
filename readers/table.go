package readers

import (
	"fmt"
	"iter"
	"strconv"
	"sync"
)

// Table is an open file: its header is known, its rows are streamed. Its
// methods may be used from several goroutines; Close ends them all.
type Table struct {
	source    *source
	limits    Limits
	format    Format
	heading   *heading
	body      body
	sheet     string
	origin    *Origin // nil for none
	date1904  bool
	delimiter rune
	text      *text // nil for XLSX

	mu      sync.Mutex
	notices []string
	seen    tally // of the last iteration that came to the end
}

// body is the rows of a table in one of the three formats.
type body interface {
	// each reads from the first row below the header until yield says false.
	each(yield func(Row, error) bool) (tally, error)
}

// tally is what an iteration met on its way.
type tally struct {
	last   int // Line of the last row, at first of the header
	rows   int
	blank  int // blank rows between others
	hidden int
	whole  bool // came to the end
}

// row counts a row; line is its number, at its place.
func (n *tally) row(t *Table, line int, at Place) error {
	n.blank += line - n.last - 1
	n.last = line
	n.rows++
	if t.limits.Rows > 0 && n.rows > t.limits.Rows {
		return t.tooManyRows(at)
	}
	return nil
}

func (t *Table) tooManyRows(at Place) error {
	return &Error{Place: at, What: fmt.Sprintf("table has more than %d rows", t.limits.Rows), Mend: "split the file", Err: ErrLimit}
}

// Name is the file's base name, "stdin" for standard input.
func (t *Table) Name() string { return t.source.name }

// Path is the path given to Open.
func (t *Table) Path() string { return t.source.path }

// Format is the file's format.
func (t *Table) Format() Format { return t.format }

// Sheet is the name of the sheet that is read, "" where the format has none.
func (t *Table) Sheet() string { return t.sheet }

// Header is the names of the columns, without outer blanks, none empty, no two
// alike but for case. Columns without a name are left out (text in one is an
// error of its row). For JSONL it is the keys of all objects in the file, in
// the order in which they first appear. It must not be changed.
func (t *Table) Header() []string { return t.heading.names }

// HeaderPlace tells where header column col stands.
func (t *Table) HeaderPlace(col int) Place {
	if col < 0 || col >= len(t.heading.places) {
		return t.source.whole()
	}
	return t.heading.places[col]
}

// SheetColumn is the column of the sheet, from 0, that header column col stands in.
func (t *Table) SheetColumn(col int) int { return t.heading.columns[col] }

// Date1904 says that the workbook counts days from 1904. Cells of Kind Date
// have it accounted for already; serials in other cells have not.
func (t *Table) Date1904() bool { return t.date1904 }

// Delimiter is what parts the cells of a CSV file, 0 for other formats.
func (t *Table) Delimiter() rune { return t.delimiter }

// Encoding is the charset of a CSV or JSONL file, "" for XLSX. Where nothing
// declares it, it is known for certain when the rows were read.
func (t *Table) Encoding() string {
	if t.text == nil {
		return ""
	}
	c, _ := t.text.name()
	return string(c)
}

// Size is the length of the file in bytes, as it is stored.
func (t *Table) Size() int64 { return t.source.size }

// SHA256 reads the whole file as it is stored and gives its hash.
func (t *Table) SHA256() ([32]byte, error) { return t.source.sha256() }

// Close closes the file and removes what was spooled.
func (t *Table) Close() error { return t.source.close() }

// Notices are what a user should be told: sheets that are not read and, once an
// iteration came to the end, a guessed charset, hidden and blank rows.
func (t *Table) Notices() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := append([]string(nil), t.notices...)
	if t.text != nil {
		if _, notice := t.text.name(); notice != "" {
			all = append(all, notice)
		}
	}
	if t.seen.hidden > 0 {
		all = append(all, count(t.seen.hidden, "hidden row")+" read like the others")
	}
	if t.seen.blank > 0 {
		all = append(all, count(t.seen.blank, "blank row")+" between the others skipped")
	}
	return all
}

func (t *Table) note(text string) {
	if text != "" {
		t.notices = append(t.notices, text)
	}
}

// Rows reads the rows below the header, in order. Each call begins at the
// first row, and several iterations may run at once. An error, an *Error with
// its place, ends the sequence; what was yielded before it is true, but is not
// the whole file. Rows without any text are skipped.
func (t *Table) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		seen, err := t.body.each(yield)
		if err == nil && seen.whole {
			err = t.source.unchanged()
		}
		if err != nil {
			yield(Row{}, err)
			return
		}
		if seen.whole {
			t.saw(seen)
		}
	}
}

// saw notes what an iteration met that came to the end.
func (t *Table) saw(seen tally) {
	t.mu.Lock()
	t.seen = seen
	t.mu.Unlock()
}

// place is Row.Place.
func (t *Table) place(r Row, col int) Place {
	p := Place{File: t.source.name, Line: r.place.line}
	named := col >= 0 && col < len(t.heading.columns)
	if t.format == XLSX {
		p.Sheet, p.Cell = t.sheet, strconv.Itoa(r.Line)
		if named {
			p.Cell = columnName(t.heading.columns[col]) + p.Cell
		}
		return p
	}
	if named {
		if at, ok := r.place.fields.locate(r.place.serial, t.heading.columns[col]); ok {
			p.Line, p.Column = at.line, at.column
		}
	}
	return p
}
