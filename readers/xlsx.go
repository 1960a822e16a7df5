package readers

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/hbollon/go-edlib"
)

// sheetTable is the sheet of a workbook that a Table reads.
type sheetTable struct {
	table   *Table
	book    *workbook
	sheet   sheetEntry
	header  int // row number
	heading *heading
}

// openXLSX chooses the sheet and reads its header.
func openXLSX(t *Table, o Options) error {
	book, err := openWorkbook(t.source, t.limits)
	if err != nil {
		return err
	}
	b := &sheetTable{table: t, book: book}
	if err := b.readOrigin(); err != nil {
		return err
	}
	if b.sheet, err = b.choose(o.Sheet); err != nil {
		return err
	}
	t.sheet = b.sheet.name
	if err := b.readHeader(o.HeaderRow); err != nil {
		return err
	}
	t.body, t.heading, t.date1904 = b, b.heading, book.date1904
	return nil
}

// choose takes the sheet of that name or, for "", the one that a workbook of
// ours names, else the only visible one with data.
func (b *sheetTable) choose(name string) (sheetEntry, error) {
	if name != "" {
		return b.named(name)
	}
	if e, ok := b.own(); ok {
		return e, nil
	}
	var full, hidden []sheetEntry
	for _, e := range b.book.sheets {
		switch {
		case e.chart:
		case e.hidden:
			hidden = append(hidden, e)
		default:
			data, err := b.hasData(e)
			if err != nil {
				return e, err
			}
			if data {
				full = append(full, e)
			}
		}
	}
	switch {
	case len(full) == 1:
		if len(hidden) > 0 {
			b.table.note("hidden sheets were not read: " + sheetNames(hidden))
		}
		return full[0], nil
	case len(full) > 1:
		return sheetEntry{}, &Error{Place: b.book.source.whole(), What: "has " + strconv.Itoa(len(full)) + " sheets with data: " + sheetNames(full), Mend: "say which one with --sheet", Err: ErrAmbiguous}
	case len(hidden) > 0:
		return sheetEntry{}, &Error{Place: b.book.source.whole(), What: "has no data in its visible sheets; hidden are " + sheetNames(hidden), Mend: "to read a hidden sheet name it with --sheet", Err: ErrNotTable}
	}
	return sheetEntry{}, &Error{Place: b.book.source.whole(), What: "has no data in any sheet", Mend: "put a row of column names above the data", Err: ErrNotTable}
}

func sheetNames(sheets []sheetEntry) string {
	const most = 20
	var names []string
	for i, e := range sheets {
		if i == most {
			names = append(names, "…")
			break
		}
		names = append(names, quote(e.name))
	}
	return strings.Join(names, ", ")
}

// named finds a sheet by its name, which has no case in a workbook.
func (b *sheetTable) named(name string) (sheetEntry, error) {
	near, distance := "", -1
	for _, e := range b.book.sheets {
		if strings.EqualFold(e.name, name) {
			if e.chart {
				return e, &Error{Place: b.book.source.whole(), What: "sheet " + quote(e.name) + " is a chart or dialog and has no cells", Mend: "name another sheet", Err: ErrOption}
			}
			return e, nil
		}
		d := edlib.OSADamerauLevenshteinDistance(strings.ToLower(e.name), strings.ToLower(name))
		if distance < 0 || d < distance {
			near, distance = e.name, d
		}
	}
	mend := "name one of them with --sheet; closest: " + quote(near)
	return sheetEntry{}, &Error{Place: b.book.source.whole(), What: fmt.Sprintf("has no sheet %s; its sheets are %s", quote(name), sheetNames(b.book.sheets)), Mend: mend, Err: ErrOption}
}

// hasData says that some cell of the sheet has text.
func (b *sheetTable) hasData(e sheetEntry) (found bool, err error) {
	s, err := b.book.openSheet(e)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for {
		err := s.next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil || !s.blank() {
			return err == nil, err
		}
	}
}

// blank says that no cell of the row has any text.
func (s *sheetScanner) blank() bool {
	for i := range s.cells {
		if !s.blankCell(&s.cells[i]) {
			return false
		}
	}
	return true
}

func (s *sheetScanner) blankCell(c *sheetCell) bool {
	if c.own {
		return isBlank(s.text[c.from:c.to])
	}
	return c.kind != NoValue && strings.TrimFunc(c.shared, isOuter) == ""
}

func (s *sheetScanner) textOf(c *sheetCell) string {
	if c.own {
		return string(s.text[c.from:c.to])
	}
	return c.shared
}

func (b *sheetTable) readHeader(row int) (err error) {
	s, err := b.book.openSheet(b.sheet)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	whole := Place{File: b.book.source.name, Sheet: b.sheet.name}
	for {
		err := s.next()
		if errors.Is(err, io.EOF) || err == nil && row > 0 && (s.row > row || s.row == row && s.blank()) {
			return emptyTable(whole, row)
		}
		if err != nil {
			return err
		}
		if s.row >= row && !s.blank() {
			break
		}
	}
	b.header = s.row
	var texts []string
	for i := range s.cells {
		c := &s.cells[i]
		if s.blankCell(c) {
			continue
		}
		for len(texts) <= c.column {
			texts = append(texts, "")
		}
		if texts[c.column] = s.textOf(c); c.kind == NoValue {
			return &Error{Place: b.place(s.row, c.column), What: "header is a formula without a value", Mend: "open the workbook in a spreadsheet and save it again", Err: ErrNotTable}
		}
	}
	b.heading, err = newHeading(texts, func(i int) Place { return b.place(s.row, i) })
	if err != nil {
		return err
	}
	return b.heading.check(b.place(s.row, -1), row > 0)
}

func (b *sheetTable) place(row, column int) Place {
	p := Place{File: b.book.source.name, Sheet: b.sheet.name, Cell: strconv.Itoa(row), Line: row}
	if column >= 0 {
		p.Cell = columnName(column) + p.Cell
	}
	return p
}

// each yields the rows below the header.
func (b *sheetTable) each(yield func(Row, error) bool) (seen tally, err error) {
	s, err := b.book.openSheet(b.sheet)
	if err != nil {
		return seen, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	seen.last = b.header
	var texts rowTexts
	row := Row{Cells: make([]Cell, len(b.heading.names)), place: placer{table: b.table}}
	for {
		err := s.next()
		switch {
		case errors.Is(err, io.EOF):
			seen.whole = true
			return seen, nil
		case err != nil:
			return seen, err
		case s.row <= b.header || s.blank():
			continue
		}
		if err := b.fill(&row, s, texts.add(s.text)); err != nil {
			return seen, err
		}
		if s.hidden {
			seen.hidden++
		}
		if err := seen.row(b.table, s.row, b.place(s.row, -1)); err != nil {
			return seen, err
		}
		if !yield(row, nil) {
			return seen, nil
		}
	}
}

// fill makes a row of the one that s read last. Texts that are not shared
// strings share one string, text.
func (b *sheetTable) fill(row *Row, s *sheetScanner, text string) error {
	row.Line, row.Hidden, row.place.line = s.row, s.hidden, s.row
	for i := range row.Cells {
		row.Cells[i] = Cell{Kind: Blank}
	}
	for i := range s.cells {
		c := &s.cells[i]
		column := -1
		if c.column < len(b.heading.index) {
			column = b.heading.index[c.column]
		}
		switch {
		case column < 0 && s.blankCell(c):
		case column < 0:
			return unnamed(b.place(s.row, c.column), s.textOf(c))
		case c.own:
			row.Cells[column] = Cell{text[c.from:c.to], c.kind}
		default:
			row.Cells[column] = Cell{c.shared, c.kind}
		}
	}
	return nil
}
