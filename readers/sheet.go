package readers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

const (
	maxSheetRow    = 1 << 20
	maxSheetColumn = 1 << 14
)

// sheetScanner cuts one sheet into rows and cells. Row numbers and the columns
// in a row must rise, every element and attribute of a row must be one that
// the standard knows there, and the part is read to its checksum: so a broken
// sheet is an error, not a shorter one.
type sheetScanner struct {
	x      *xmlScanner
	closer io.Closer
	book   *workbook
	name   string
	ended  bool

	// The row last read:
	row    int // its number
	hidden bool
	cells  []sheetCell // those with a value, by column
	column int         // of the cell read last, from 0
	text   []byte      // texts of cells, but for shared strings
}

// sheetCell is a cell of the row last read.
type sheetCell struct {
	column   int
	kind     Kind
	shared   string // its text, or
	from, to int    // where its text is in the row's
	own      bool   // the text is in the row's
}

// rawCell is a cell element's attributes and content.
type rawCell struct {
	kind     cellType
	style    style
	formula  bool
	valued   bool // has a value element
	from, to int  // its text in the row's
}

// cellType is the attribute t of a cell.
type cellType uint8

const (
	numberCell cellType = iota
	sharedCell
	stringCell
	inlineCell
	boolCell
	errorCell
	dateCell
)

// openSheet begins to read a sheet and moves to its first row.
func (w *workbook) openSheet(e sheetEntry) (*sheetScanner, error) {
	x, closer, err := w.open(e.part)
	if err != nil {
		return nil, err
	}
	s := &sheetScanner{x: x, closer: closer, book: w, name: e.name}
	if err := s.toData(); err != nil {
		return nil, errors.Join(s.wrong(err), closer.Close())
	}
	return s, nil
}

func (s *sheetScanner) close() error { return s.closer.Close() }

// toData reads up to the start of the sheet's data.
func (s *sheetScanner) toData() error {
	if err := s.x.root("worksheet"); err != nil {
		return err
	}
	for {
		token, err := s.x.next()
		switch {
		case err != nil:
			return err
		case token == xmlEnd:
			return s.x.wrong("the sheet has no data element")
		case token == xmlText:
			if !allBlank(s.x.text) {
				return s.x.wrong("text between the elements of the sheet")
			}
		case s.x.isMain("sheetData"):
			return nil
		case s.x.isMain("row"), s.x.isMain("c"):
			return s.x.wrong("<%s> outside the sheet's data", s.x.name)
		default:
			if err := s.x.skipElement(); err != nil {
				return err
			}
		}
	}
}

// next reads a row; io.EOF after the last, when the part was read to its end.
func (s *sheetScanner) next() error {
	if s.ended {
		return io.EOF
	}
	err := s.nextRow()
	if err != nil && !errors.Is(err, io.EOF) {
		return s.wrong(err)
	}
	return err
}

func (s *sheetScanner) nextRow() error {
	for {
		token, err := s.x.next()
		switch {
		case err != nil:
			return err
		case token == xmlText:
			if !allBlank(s.x.text) {
				return s.x.wrong("text between rows")
			}
		case token == xmlEnd:
			s.ended = true
			return s.finish()
		case s.x.isMain("row"):
			return s.readRow()
		default:
			return s.x.wrong("<%s> between rows", clip(s.x.name))
		}
	}
}

// finish reads what follows the data: no second data element may.
func (s *sheetScanner) finish() error {
	for {
		token, err := s.x.next()
		if err != nil {
			return err
		}
		if token == xmlStart && (s.x.isMain("sheetData") || s.x.isMain("row") || s.x.isMain("c")) {
			return s.x.wrong("<%s> after the sheet's data", s.x.name)
		}
	}
}

// wrong is an error at the row or, where one was begun, the cell that is read.
func (s *sheetScanner) wrong(err error) error {
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	place := Place{File: s.book.source.name, Sheet: s.name}
	if s.row > 0 {
		place.Cell, place.Line = strconv.Itoa(s.row), s.row
		if s.column >= 0 {
			place.Cell = columnName(s.column) + place.Cell
		}
	}
	what := "sheet cannot be read here"
	if errors.Is(err, ErrLimit) {
		what = "sheet is over a limit"
	}
	return &Error{Place: place, What: what, Mend: "open the workbook in a spreadsheet and save it again", Err: err}
}

// readRow reads the row element just opened.
func (s *sheetScanner) readRow() error {
	number := s.row + 1
	s.hidden, s.cells, s.text, s.column = false, s.cells[:0], s.text[:0], -1
	for _, a := range s.x.attrs {
		switch name := string(a.name); name {
		case "r":
			n, ok := smallInt(a.value)
			if !ok || n < number || a.value[0] == '0' {
				return s.x.wrong("row number %s after row %d", quote(string(a.value)), s.row)
			}
			number = n
		case "hidden":
			var err error
			if s.hidden, err = s.x.flag("hidden"); err != nil {
				return err
			}
		case "spans", "s", "customFormat", "ht", "customHeight", "outlineLevel", "collapsed", "thickTop", "thickBot", "ph":
		default:
			if bytes.IndexByte(a.name, ':') < 0 {
				return s.x.wrong("row after row %d has the unknown attribute %s", s.row, quote(name))
			}
		}
	}
	if s.row = number; number > maxSheetRow {
		return caused{ErrLimit, fmt.Errorf("row number %d is over %d", number, maxSheetRow)}
	}
	return s.readCells()
}

func (s *sheetScanner) readCells() error {
	for {
		if usual, err := s.usualCell(); usual || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		token, err := s.x.next()
		switch {
		case err != nil:
			return err
		case token == xmlEnd:
			s.column = -1
			return nil
		case token == xmlText:
			if !allBlank(s.x.text) {
				return s.x.wrong("text between cells")
			}
		case s.x.isMain("c"):
			if err := s.readCell(); err != nil {
				return err
			}
		case s.x.isMain("extLst"):
			if err := s.x.skipElement(); err != nil {
				return err
			}
		default:
			return s.x.wrong("<%s> between cells", clip(s.x.name))
		}
	}
}

// readCell reads the cell element just opened.
func (s *sheetScanner) readCell() error {
	c, err := s.cellAttrs()
	if err != nil {
		return err
	}
	c.from = len(s.text)
	for {
		token, err := s.x.next()
		switch {
		case err != nil:
			return err
		case token == xmlEnd:
			c.to = len(s.text)
			return s.keep(c)
		case token == xmlText:
			if !allBlank(s.x.text) {
				return s.x.wrong("text directly inside a cell")
			}
		default:
			if err := s.cellPart(&c); err != nil {
				return err
			}
		}
	}
}

// cellPart reads an element inside a cell.
func (s *sheetScanner) cellPart(c *rawCell) error {
	if s.x.ns != mainNS {
		return s.x.wrong("<%s> of another namespace inside a cell", clip(s.x.name))
	}
	var err error
	switch string(s.x.name) {
	case "f":
		if c.formula {
			return s.x.wrong("a cell with two formulas")
		}
		c.formula = true
		return s.formula()
	case "v":
		if c.valued {
			return s.x.wrong("a cell with two values")
		}
		c.valued = true
		s.text, err = s.x.appendText(s.text)
	case "is":
		if c.valued || c.kind != inlineCell {
			return s.x.wrong("an inline string in a cell of another type")
		}
		c.valued = true
		s.text, err = s.x.richText(s.text)
	case "extLst":
		return s.x.skipElement()
	default:
		return s.x.wrong("<%s> inside a cell", clip(s.x.name))
	}
	return err
}

func (s *sheetScanner) formula() error {
	for {
		token, err := s.x.next()
		switch {
		case err != nil || token == xmlEnd:
			return err
		case token == xmlStart:
			return s.x.wrong("<%s> inside a formula", clip(s.x.name))
		}
	}
}

// cellAttrs reads a cell's attributes and moves to its column.
func (s *sheetScanner) cellAttrs() (rawCell, error) {
	var c rawCell
	column := s.column + 1
	for _, a := range s.x.attrs {
		var err error
		switch name := string(a.name); name {
		case "r":
			n, ok := s.reference(a.value)
			if !ok || n < column {
				return c, s.x.wrong("cell %s in row %d, column %s or later was due", quote(string(a.value)), s.row, columnName(column))
			}
			column = n
		case "s":
			c.style, err = s.book.styleOf(a.value)
		case "t":
			c.kind, err = s.typeOf(a.value)
		case "cm", "vm", "ph":
		default:
			if bytes.IndexByte(a.name, ':') < 0 {
				err = s.x.wrong("a cell has the unknown attribute %s", quote(name))
			}
		}
		if err != nil {
			s.column = column
			return c, err
		}
	}
	if s.column = column; column >= s.book.limits.Columns {
		return c, caused{ErrLimit, fmt.Errorf("column %d is over %d", column+1, s.book.limits.Columns)}
	}
	return c, nil
}

func (s *sheetScanner) typeOf(name []byte) (cellType, error) {
	switch string(name) {
	case "n":
		return numberCell, nil
	case "s":
		return sharedCell, nil
	case "str":
		return stringCell, nil
	case "inlineStr":
		return inlineCell, nil
	case "b":
		return boolCell, nil
	case "e":
		return errorCell, nil
	case "d":
		return dateCell, nil
	}
	return 0, s.x.wrong("cell type %s is not known", quote(string(name)))
}

// reference parses a cell reference of this row and gives its column from 0.
func (s *sheetScanner) reference(ref []byte) (int, bool) {
	column, i := 0, 0
	for i < len(ref) && i < 3 && 'A' <= ref[i] && ref[i] <= 'Z' {
		column = column*26 + int(ref[i]-'A') + 1
		i++
	}
	row, ok := smallInt(ref[i:])
	return column - 1, ok && i > 0 && row == s.row && ref[i] != '0'
}

// columnName is the letters of column i, from 0.
func columnName(i int) string {
	var b [8]byte
	at := len(b)
	for i++; i > 0; i = (i - 1) / 26 {
		at--
		b[at] = byte('A' + (i-1)%26)
	}
	return string(b[at:])
}
