package validate

import (
	"strconv"
	"strings"
	"sync"

	"gsbatch/readers"
)

// dateColumn reads the dates of one column. Without a declared format the order
// of day and month is learned from the whole column, at the first date that
// needs it.
type dateColumn struct {
	source *source
	format *dateFormat // nil: learned
	index  int         // in Checker.dates and in Checker.dated
	day    dateProof   // that the day comes first
	month  dateProof   // that the month comes first
	mixed  bool        // the column has numeric text dates beside real dates
}

// datesRead is what a checker remembers of the dates of one column.
type datesRead struct {
	told  bool // that the column is mixed
	cache map[string]string
}

// dateProof is a date of the column whose order is certain.
type dateProof struct {
	line int
	text string
}

// maxDates bounds the cache of a date column.
const maxDates = 8192

// dateOf turns a cell into YYYY-MM-DD. It tells what is wrong itself; ok is
// false where there is a problem.
func (w *work) dateOf(s *source, label string, cell readers.Cell) (string, bool) {
	text := trim(cell.Text)
	d := s.dates
	cache := w.dated[d.index].cache
	if cell.Kind == readers.Text {
		if date, ok := cache[text]; ok {
			return date, true
		}
	}
	date, fault := w.readDate(d, cell, text)
	if fault.code == "" {
		fault = date.check()
	}
	if fault.code != "" {
		w.problem(s, text, fault.code, label+" "+quote(text)+": "+fault.why, fault.mend)
		return "", false
	}
	if w.buf = date.append(w.buf[:0]); string(w.buf) == text {
		return text, true
	}
	iso := string(w.buf)
	if date.timed {
		w.warn(s, text, "time-dropped", label+" "+quote(text)+": the time of day is dropped", "goals have dates only; "+iso+" is sent")
		return iso, true
	}
	if cell.Kind == readers.Text && len(cache) < maxDates {
		cache[strings.Clone(text)] = iso
	}
	return iso, true
}

func (w *work) readDate(d *dateColumn, cell readers.Cell, text string) (parsedDate, dateFault) {
	switch cell.Kind {
	case readers.Number:
		if date, ok := serialDate(text, w.table.Date1904()); ok {
			return date, dateFault{}
		}
		return parsedDate{}, dateFault{"not-a-date", "the number is no plausible date", "format the column as a date, or write YYYY-MM-DD"}
	case readers.Percent, readers.Bool, readers.List:
		return parsedDate{}, dateFault{"not-a-date", "it is no date", "write the date as YYYY-MM-DD"}
	}
	if date, ok := isoDate(text); ok {
		return date, dateFault{}
	}
	if len(text) > 64 {
		return parsedDate{}, dateFault{"not-a-date", "it is no date", "write the date as YYYY-MM-DD"}
	}
	day, timed, ok := cutTime(text)
	if !ok {
		return parsedDate{}, dateFault{"not-a-date", "it has a time that cannot be read", "write the date as YYYY-MM-DD"}
	}
	date, fault := w.textDate(d, cell, day)
	date.timed = timed
	return date, fault
}

// textDate reads a textual date that is not ISO.
func (w *work) textDate(d *dateColumn, cell readers.Cell, text string) (parsedDate, dateFault) {
	if d.format != nil {
		date, err := d.format.parse(text)
		if err != nil {
			return date, dateFault{"not-a-date", "it has not the form " + d.format.text, "write it like " + d.format.example() + ", or as YYYY-MM-DD"}
		}
		return date, dateFault{}
	}
	p, ok := cutDate(text)
	if !ok {
		return parsedDate{}, notADate(text)
	}
	if p.name >= 0 {
		if date, ok := p.named(); ok {
			return date, dateFault{}
		}
		return parsedDate{}, dateFault{"not-a-date", "its day, month and year cannot be told apart", "write the date as YYYY-MM-DD"}
	}
	if !p.numeric() {
		return parsedDate{}, dateFault{"ambiguous-date", "its day, month and year cannot be told apart", "give --date-format, such as DD/MM/YY"}
	}
	return w.ordered(d, cell, p)
}

func notADate(text string) dateFault {
	f := dateFault{"not-a-date", "it is no date", "write the date as YYYY-MM-DD"}
	if d, ok := serialDate(text, false); ok && len(text) <= 8 {
		f.why = "it looks like the number by which Excel keeps " + d.String()
		f.mend = "format the column as a date before saving it as CSV, or write YYYY-MM-DD"
	}
	return f
}

// ordered reads a date such as 3/4/2025 by the order that its column proves.
func (w *work) ordered(d *dateColumn, cell readers.Cell, p dateParts) (parsedDate, dateFault) {
	w.scan.once.Do(w.scanDates)
	w.tellMixed(d, cell)
	day, month := p.read(dayFirst), p.read(monthFirst)
	impossible := p.n[0] > 12 && p.n[1] > 12 || p.n[0] > 31 || p.n[1] > 31
	switch {
	case p.n[0] == p.n[1] || impossible:
		return day, dateFault{}
	case d.day.line > 0 && d.month.line > 0:
		return day, dateFault{"contradictory-dates",
			"line " + strconv.Itoa(d.day.line) + " has the day first (" + printable(d.day.text) + "), line " + strconv.Itoa(d.month.line) + " the month (" + printable(d.month.text) + ")",
			"make the column's dates alike, best as YYYY-MM-DD"}
	case d.day.line > 0 || p.evidence() == dayFirst:
		return day, dateFault{}
	case d.month.line > 0 || p.evidence() == monthFirst:
		return month, dateFault{}
	}
	return day, dateFault{"ambiguous-date", "it is " + spoken(day) + " or " + spoken(month), "give --date-format DD/MM/YYYY or MM/DD/YYYY"}
}

// spoken is a date as 3 April.
func spoken(d parsedDate) string {
	if d.month < 1 || d.month > 12 {
		return "no date"
	}
	return strconv.Itoa(d.day) + " " + monthName(d.month)
}

// tellMixed warns once of a column in which a spreadsheet of another locale
// turned some texts into dates: those may have day and month exchanged.
func (w *work) tellMixed(d *dateColumn, cell readers.Cell) {
	told := &w.dated[d.index].told
	if !d.mixed || *told {
		return
	}
	*told = true
	w.warn(d.source, cell.Text, "mixed-dates", "column "+quote(d.source.header)+" has dates as text ("+quote(trim(cell.Text))+") beside real dates",
		"if a spreadsheet of another locale opened the file, its real dates have day and month exchanged; look at them")
}

// dateScan is the one scan of the table's dates, which a checker and its scouts share.
type dateScan struct{ once sync.Once }

// scanDates reads the table once for all date columns without a format, and
// notes what proves their order. An error ends it: the rows that follow are not
// readable, and whoever reads the table meets the same error.
func (c *Checker) scanDates() {
	var columns []*dateColumn
	for _, d := range c.dates {
		if d.format == nil {
			columns = append(columns, d)
		}
	}
	if len(columns) == 0 {
		return
	}
	real, text := make([]bool, len(columns)), make([]bool, len(columns))
	for row, err := range c.table.Rows() {
		if err != nil {
			break
		}
		for i, d := range columns {
			if d.source.index >= 0 && row.Cells[d.source.index].Kind == readers.Date {
				real[i] = true
			}
			text[i] = d.prove(row) || text[i]
		}
	}
	for i, d := range columns {
		d.mixed = real[i] && text[i]
	}
}

// prove notes the date of a row whose order is certain. It reports whether the
// cell is a numeric text date.
func (d *dateColumn) prove(row readers.Row) bool {
	text, ok := d.source.plain(row)
	if !ok || len(text) > 64 {
		return false
	}
	if text, _, ok = cutTime(text); !ok {
		return false
	}
	p, ok := cutDate(text)
	if !ok || !p.numeric() {
		return false
	}
	switch p.evidence() {
	case dayFirst:
		if d.day.line == 0 {
			d.day = dateProof{row.Line, strings.Clone(text)}
		}
	case monthFirst:
		if d.month.line == 0 {
			d.month = dateProof{row.Line, strings.Clone(text)}
		}
	}
	return true
}
