package readers

import "iter"

// Stored describes a table whose rows were read before and kept elsewhere.
type Stored struct {
	Name     string // of the file they came from
	Format   Format
	Sheet    string
	Date1904 bool
	Header   []string
	// Rows yields the rows in order, each with one cell for each header
	// column; each call begins at the first.
	Rows func() iter.Seq2[Row, error]
}

// Table is a Table of the kept rows. Its places know the rows' lines, not the
// columns of a CSV file. Size, SHA256 and Encoding are those of no file.
func (s Stored) Table() *Table {
	h := &heading{names: s.Header}
	for i := range s.Header {
		h.columns = append(h.columns, i)
		h.places = append(h.places, Place{File: s.Name, Sheet: s.Sheet})
	}
	t := &Table{source: &source{name: s.Name, path: s.Name}, limits: Limits{}.orDefault(), format: s.Format,
		heading: h, sheet: s.Sheet, date1904: s.Date1904}
	t.body = storedBody{table: t, rows: s.Rows}
	return t
}

// storedBody is the rows of a Stored table.
type storedBody struct {
	table *Table
	rows  func() iter.Seq2[Row, error]
}

func (b storedBody) each(yield func(Row, error) bool) (tally, error) {
	var seen tally
	for row, err := range b.rows() {
		if err != nil {
			return seen, err
		}
		row.place = placer{table: b.table, line: row.Line, fields: nowhere{}}
		seen.rows++
		if !yield(row, nil) {
			return seen, nil
		}
	}
	seen.whole = true
	return seen, nil
}

// nowhere is the locator of rows whose columns are no longer known.
type nowhere struct{}

func (nowhere) locate(int, int) (position, bool) { return position{}, false }
