package readers

import (
	"errors"
	"fmt"
	"io"
)

// csvTable is the CSV file of a Table.
type csvTable struct {
	table   *Table
	text    *text
	dialect dialect
	width   int // cells of the header's record
	header  int // number of the header's record
	heading *heading
}

// openCSV finds dialect and header. Ragged rows are told of when they are read.
func openCSV(t *Table, o Options) error {
	text, err := openText(t.source, o.Encoding)
	if err != nil {
		return err
	}
	c := &csvTable{table: t, text: text}
	if c.dialect, err = sniff(text, o.Delimiter, o.HeaderRow, t.limits); err != nil {
		return err
	}
	s, err := c.scanner()
	if err != nil {
		return err
	}
	if err := c.readHeader(s, o.HeaderRow); err != nil {
		return err
	}
	t.body, t.heading, t.text, t.delimiter = c, c.heading, text, rune(c.dialect.delimiter)
	return nil
}

// scanner reads the text from its first record.
func (c *csvTable) scanner() (*csvScanner, error) {
	in, err := c.text.reader()
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, in, c.dialect.skip); err != nil {
		return nil, c.text.source.readError(err)
	}
	s := newCSVScanner(in, c.text.source.name, c.dialect.delimiter, c.dialect.eol, c.table.limits)
	if c.dialect.skip > 0 {
		s.at = 2
	}
	return s, nil
}

// readHeader moves s behind the header.
func (c *csvTable) readHeader(s *csvScanner, row int) error {
	for {
		err := s.next()
		if errors.Is(err, io.EOF) || err == nil && s.record == row && s.blank() {
			return emptyTable(c.text.source.whole(), row)
		}
		if err != nil {
			return c.text.source.readError(err)
		}
		if s.record >= row && !s.blank() {
			break
		}
	}
	texts := make([]string, len(s.fields))
	for i, f := range s.fields {
		texts[i] = string(s.text[f.from:f.to])
	}
	c.width, c.header = len(texts), s.record
	var err error
	c.heading, err = newHeading(texts, func(i int) Place { return c.place(s, i) })
	if err != nil {
		return err
	}
	return c.heading.check(c.place(s, -1), row > 0)
}

func (c *csvTable) place(s *csvScanner, field int) Place {
	at := s.position(field)
	return Place{File: c.text.source.name, Line: at.line, Column: at.column}
}

// belowHeader is a scanner of the records below the header.
func (c *csvTable) belowHeader() (*csvScanner, error) {
	s, err := c.scanner()
	for err == nil && s.record < c.header {
		if err = s.next(); err != nil {
			err = c.text.source.readError(err)
		}
	}
	return s, err
}

// each yields the rows below the header.
func (c *csvTable) each(yield func(Row, error) bool) (seen tally, err error) {
	s, err := c.belowHeader()
	if err != nil {
		return seen, err
	}
	seen.last = s.record
	var texts rowTexts
	row := Row{Cells: make([]Cell, len(c.heading.names)), place: placer{table: c.table, fields: s}}
	for {
		err := s.next()
		switch {
		case errors.Is(err, io.EOF):
			seen.whole = true
			return seen, nil
		case err != nil:
			return seen, c.text.source.readError(err)
		case s.blank():
			continue
		}
		if err := c.check(s); err != nil {
			return seen, err
		}
		c.fill(&row, s, texts.add(s.text))
		if err := seen.row(c.table, row.Line, c.place(s, -1)); err != nil {
			return seen, err
		}
		if !yield(row, nil) {
			return seen, nil
		}
	}
}

// check refuses the record that s read last unless it fits the header.
func (c *csvTable) check(s *csvScanner) error {
	if len(s.fields) == c.width && c.heading.dense() {
		return nil
	}
	return c.checkWidth(s)
}

// fill makes a row of the record that s read last, whose text is text: all
// cells share that one string.
func (c *csvTable) fill(row *Row, s *csvScanner, text string) {
	row.Line, row.place.line, row.place.serial = s.record, s.line, s.record
	for i, column := range c.heading.columns {
		f := s.fields[column]
		row.Cells[i].Text = text[f.from:f.to]
	}
}

// checkWidth refuses a record with fewer cells than the header, and one with
// text in a column without a name.
func (c *csvTable) checkWidth(s *csvScanner) error {
	if len(s.fields) < c.width {
		return &Error{
			Place: c.place(s, -1),
			What:  fmt.Sprintf("row has %s, the header has %d", count(len(s.fields), "cell"), c.width),
			Mend:  "add the missing delimiters; if the delimiter is not " + c.dialect.name() + ", say --delimiter", Err: ErrRow,
		}
	}
	for i, f := range s.fields {
		cell := s.text[f.from:f.to]
		if i < c.width && c.heading.index[i] >= 0 || isBlank(cell) {
			continue
		}
		if i < c.width {
			return unnamed(c.place(s, i), string(cell))
		}
		return &Error{
			Place: c.place(s, i),
			What:  fmt.Sprintf("row has %d cells, the header has %d: %s is beyond the header", len(s.fields), c.width, quote(string(cell))),
			Mend:  "put cells that contain " + c.dialect.name() + " in quotes; if that is not the delimiter, or the header is in another row, say --delimiter or --header-row", Err: ErrRow,
		}
	}
	return nil
}
