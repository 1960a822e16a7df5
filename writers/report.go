package writers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gocarina/gocsv"
)

// Result is what became of one row, in the columns and the order of the
// reports. Blank cells are "" and 0 is written as 0.
type Result struct {
	Run       string `csv:"_run"`
	Line      int    `csv:"_line"` // as readers.Row counts it
	Action    string `csv:"_action"`
	Status    string `csv:"_status"` // created, rejected …: the words of Counts
	Gsid      string `csv:"_gsid"`
	Field     string `csv:"_field"` // API field that the reason is about
	Code      string `csv:"_code"`
	Reason    string `csv:"_reason"`
	Attempts  int    `csv:"_attempts"`
	RequestID string `csv:"_request_id"`
	At        string `csv:"_at"` // of the outcome, RFC 3339 in UTC
}

// doubt is a row of in_doubt.csv: Decision is for a person to fill in.
type doubt struct {
	Result
	Decision string `csv:"_decision"`
}

// ReportOptions are the settings of a report.
type ReportOptions struct {
	FileOptions
	Decision bool   // add the blank column _decision, as in in_doubt.csv
	Sheet    string // of a workbook; "" is Sheet1
}

// Report is a table of the user's own columns, as they were read, followed by
// the columns of Result. Columns of the user's that begin with _ come from an
// earlier report and are dropped.
type Report struct {
	table *Table
	own   []int // columns of the user's that are kept
	width int   // of the user's header
	cells []string
	one   [1]Result
	doubt [1]doubt
	rows  any // pointer to one or to doubt, for gocsv

	kinds  []Kind // of the cells of the row being written
	reason int    // index of the column _reason
	look   Look
}

// NewReport begins the report path, by whose name it is CSV or XLSX, for rows
// of userHeader.
func NewReport(path string, userHeader []string, o ReportOptions) (*Report, error) {
	r := &Report{width: len(userHeader)}
	for i, name := range userHeader {
		if !strings.HasPrefix(name, "_") {
			r.own = append(r.own, i)
			r.cells = append(r.cells, name)
		}
	}
	r.rows = &r.one
	if o.Decision {
		r.rows = &r.doubt
	}
	header, err := r.header()
	if err != nil {
		return nil, newError(path, "create", err)
	}
	r.kinds = make([]Kind, len(header))
	for i, c := range header {
		r.kinds[i] = c.Kind
	}
	r.reason = slices.IndexFunc(header, func(c Column) bool { return c.Name == "_reason" })
	r.table, err = NewTable(path, header, TableOptions{FileOptions: o.FileOptions, Sheet: o.Sheet})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// header returns the user's own columns and those that gocsv finds in the tags.
func (r *Report) header() ([]Column, error) {
	var tagged headerTaker
	if err := gocsv.MarshalCSV(r.rows, &tagged); err != nil {
		return nil, err
	}
	header := Columns(append(r.cells, tagged.names...)...)
	for i := range header[len(r.own):] {
		c := &header[len(r.own)+i]
		if c.Name == "_line" || c.Name == "_attempts" {
			c.Kind = Number
		}
	}
	return header, nil
}

// Write appends a row: the user's cells, one for each column of the user's
// header, and what became of them. It keeps no cell.
func (r *Report) Write(cells []string, res Result) error {
	return r.WriteLook(cells, Look{}, res)
}

// WriteLook is Write with the look of the user's cells. What is bad about the
// row as a whole, or a column that is dropped, makes the reason red.
func (r *Report) WriteLook(cells []string, look Look, res Result) error {
	if len(cells) != r.width {
		return newError(r.table.name, "write", fmt.Errorf("line %d has %d cells, the header %d", res.Line, len(cells), r.width))
	}
	r.cells, r.look.Bad = r.cells[:0], r.look.Bad[:0]
	for at, i := range r.own {
		r.cells = append(r.cells, cells[i])
		if look.Kinds != nil {
			r.kinds[at] = look.Kinds[i]
		}
	}
	r.look.Kinds = r.kinds
	for _, bad := range look.Bad {
		if bad.Column = slices.Index(r.own, bad.Column); bad.Column < 0 {
			bad.Column = r.reason
		}
		r.look.Bad = append(r.look.Bad, bad)
	}
	r.one[0], r.doubt[0].Result = res, res
	return gocsv.MarshalCSVWithoutHeaders(r.rows, taggedCells{r})
}

// Commit ends the report and lets it appear. After an error it does not.
func (r *Report) Commit() error { return r.table.Commit() }

// Abort gives the report up. After Commit or Abort it does nothing.
func (r *Report) Abort() { r.table.Abort() }

// Notes returns what could not be written as it was, as Table.Notes.
func (r *Report) Notes() (first []Note, total int) { return r.table.Notes() }

// taggedCells takes the cells that gocsv makes of a Result, and writes them
// behind the user's own.
type taggedCells struct{ r *Report }

func (t taggedCells) Write(cells []string) error {
	t.r.cells = append(t.r.cells[:len(t.r.own)], cells...)
	return t.r.table.WriteLook(t.r.cells, t.r.look)
}

func (taggedCells) Flush()       {}
func (taggedCells) Error() error { return nil }

// headerTaker keeps the first row, the names.
type headerTaker struct{ names []string }

func (h *headerTaker) Write(cells []string) error {
	if h.names == nil {
		h.names = append(h.names, cells...)
	}
	return nil
}

func (*headerTaker) Flush()       {}
func (*headerTaker) Error() error { return nil }
