package writers

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/flate"
	"github.com/xuri/excelize/v2"
)

const (
	maxSheetRows    = excelize.TotalRows
	maxSheetColumns = excelize.MaxColumns
	maxCellUnits    = excelize.TotalCellChars // UTF-16 units
	maxPartBytes    = math.MaxUint32          // past it Excel wants a zip64 header that zip.Writer does not write

	widthRows    = 100 // rows that are held back until the widths are known
	minWidth     = 9
	maxWidth     = 60
	maxItemWidth = 40 // that items of a drop-down claim

	// deflateLevel is about twice as fast as the default, for a few per cent.
	deflateLevel = 5
)

// xlsxTable encodes rows as the only sheet of a workbook. The rows are collected
// in a scratch file; close compresses the sheet straight to the writer.
type xlsxTable struct {
	w       io.Writer
	columns []Column
	sheet   string
	book    *excelize.File
	stream  *excelize.StreamWriter
	styles  sheetStyles
	held    []heldRow // the first rows; nil once the sheet has begun
	begun   bool
	rows    int // written, the header included
	data    *sheetRows
	notes   notes
	fill    *Book // nil: a table alone
	fills   []fillStyles
	remarks []note // comments of bad cells
}

// heldRow is a row that is held back.
type heldRow struct {
	cells []string
	look  Look
}

// maxRemarks is how many comments a table has: excelize keeps them in memory,
// and takes longer for each the more there are.
const maxRemarks = 5_000

type sheetStyles struct{ header, date, dateTime, bad, badDate, badDateTime int }

func newXLSX(w io.Writer, header []Column, sheet, scratch string, fill *Book) (*xlsxTable, error) {
	if len(header) > maxSheetColumns {
		return nil, fmt.Errorf("%w: %d columns, a sheet has at most %d; write .csv", ErrTooLarge, len(header), maxSheetColumns)
	}
	if sheet == "" {
		sheet = "Sheet1"
	}
	t := &xlsxTable{w: w, columns: header, sheet: sheet, data: newSheetRows(len(header), scratch), fill: fill}
	t.book = excelize.NewFile(excelize.Options{TmpDir: scratch})
	if err := t.open(); err != nil {
		t.release()
		return nil, err
	}
	return t, nil
}

func (t *xlsxTable) open() (err error) {
	if err = t.book.SetSheetName("Sheet1", t.sheet); err != nil {
		return err
	}
	if t.styles, err = newStyles(t.book); err != nil {
		return err
	}
	t.stream, err = t.book.NewStreamWriter(t.sheet)
	return err
}

func newStyles(book *excelize.File) (s sheetStyles, err error) {
	date, dateTime := "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"
	red := excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{badColor[2:]}}
	for _, style := range []struct {
		id *int
		excelize.Style
	}{
		{&s.header, excelize.Style{Font: &excelize.Font{Bold: true}}},
		{&s.date, excelize.Style{CustomNumFmt: &date}},
		{&s.dateTime, excelize.Style{CustomNumFmt: &dateTime}},
		{&s.bad, excelize.Style{Fill: red}},
		{&s.badDate, excelize.Style{CustomNumFmt: &date, Fill: red}},
		{&s.badDateTime, excelize.Style{CustomNumFmt: &dateTime, Fill: red}},
	} {
		if *style.id, err = book.NewStyle(&style.Style); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (t *xlsxTable) row(cells []string, look Look) error {
	if t.begun {
		return t.write(cells, look)
	}
	t.held = append(t.held, heldRow{cloneRow(cells), Look{slices.Clone(look.Kinds), slices.Clone(look.Bad)}})
	if len(t.held) < widthRows {
		return nil
	}
	return t.begin()
}

// begin writes all that must stand before the first row, the header, and the
// rows held back.
func (t *xlsxTable) begin() error {
	t.begun = true
	for i := range t.columns {
		if err := t.stream.SetColWidth(i+1, i+1, t.width(i)); err != nil {
			return err
		}
	}
	if err := t.dressColumns(); err != nil {
		return err
	}
	panes := &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}
	if err := t.stream.SetPanes(panes); err != nil {
		return err
	}
	if err := t.header(); err != nil {
		return err
	}
	for _, row := range t.held {
		if err := t.write(row.cells, row.look); err != nil {
			return err
		}
	}
	t.held = nil
	return nil
}

func (t *xlsxTable) header() error {
	t.rows = 1
	values := make([]any, len(t.columns))
	for i, c := range t.columns {
		if t.holds(i, c.Name) {
			values[i] = excelize.Cell{StyleID: t.styles.header, Value: c.Name}
		}
	}
	return t.stream.SetRow("A1", values)
}

func (t *xlsxTable) write(cells []string, look Look) error {
	if t.rows >= maxSheetRows {
		return fmt.Errorf("%w: more than %d rows; write .csv or split the rows over several files", ErrTooLarge, maxSheetRows)
	}
	t.rows++
	t.data.begin(t.rows)
	for i, cell := range cells {
		kind := t.columns[i].Kind
		if look.Kinds != nil {
			kind = look.Kinds[i]
		}
		bad := len(look.Bad) > 0 && slices.ContainsFunc(look.Bad, func(b BadCell) bool { return b.Column == i })
		t.cell(i, kind, bad, cell)
	}
	for _, bad := range look.Bad {
		t.remark(bad)
	}
	return t.data.end()
}

// remark keeps the comment of a cell of the row being written.
func (t *xlsxTable) remark(bad BadCell) {
	n := len(t.remarks)
	switch {
	case bad.Note == "":
	case n > 0 && t.remarks[n-1].row == t.rows && t.remarks[n-1].column == bad.Column:
		t.remarks[n-1].text += "\n" + bad.Note
	case n < maxRemarks:
		t.remarks = append(t.remarks, note{row: t.rows, column: bad.Column, text: bad.Note})
	}
}

// comment adds the comments of bad cells, before the sheet is flushed.
func (t *xlsxTable) comment() error {
	for i := range t.remarks {
		n := &t.remarks[i]
		text := []excelize.RichTextRun{{Text: clipCell(notePrefix + n.text), Font: &excelize.Font{Size: 9, Color: "9C0006"}}}
		if err := t.book.AddComment(t.sheet, excelize.Comment{Author: noteAuthor, Cell: n.ref(), Width: 260, Height: 140, Paragraph: text}); err != nil {
			return err
		}
	}
	return nil
}

// cell writes the cell of column i.
func (t *xlsxTable) cell(i int, kind Kind, bad bool, s string) {
	usual := 0
	if t.fill != nil {
		usual = t.fills[i].usual
	}
	if s != "" && t.valued(i, kind, usual, bad, s) {
		return
	}
	style := t.colour(usual, bad)
	switch {
	case s != "" && t.holds(i, s):
		t.data.open(i, t.rows, style)
		t.data.text(s)
	case style > 0: // a blank cell without a style would be locked, or not red
		t.data.open(i, t.rows, style)
		t.data.blank()
	}
}

// colour is the style, or the red one in its place.
func (t *xlsxTable) colour(style int, bad bool) int {
	switch {
	case !bad:
		return style
	case style == t.styles.date:
		return t.styles.badDate
	case style == t.styles.dateTime:
		return t.styles.badDateTime
	}
	return t.styles.bad
}

// valued writes a cell that is of its kind, other than text.
func (t *xlsxTable) valued(i int, kind Kind, usual int, bad bool, s string) bool {
	switch kind {
	case Number:
		if !isDecimal(s) {
			return false
		}
		n, _ := strconv.ParseFloat(s, 64)
		t.data.open(i, t.rows, t.colour(usual, bad))
		t.data.number(n)
		return true
	case Date:
		at, style, ok := t.date(i, usual, s)
		if ok {
			t.data.open(i, t.rows, t.colour(style, bad))
			t.data.number(sheetSerial(at))
		}
		return ok
	case Bool:
		yes := strings.EqualFold(s, "true")
		if !yes && !strings.EqualFold(s, "false") {
			return false
		}
		t.data.open(i, t.rows, t.colour(usual, bad))
		t.data.truth(yes)
		return true
	case Text:
	}
	return false
}

// date reads a date or a time that a sheet can show, and tells its style.
func (t *xlsxTable) date(i, usual int, s string) (at time.Time, style int, ok bool) {
	if day, err := time.Parse("2006-01-02", s); err == nil && sheetDate(day) {
		return day, cmp.Or(usual, t.styles.date), true
	}
	style = t.styles.dateTime
	if t.fill != nil {
		style = t.fills[i].dateTime
	}
	// A serial number tells milliseconds apart, and no less.
	at, err := time.Parse("2006-01-02T15:04:05", strings.TrimSuffix(s, "Z"))
	return at, style, err == nil && sheetDate(at) && at.Nanosecond()%int(time.Millisecond) == 0
}

// holds reports whether a cell can hold s, with a note where it cannot as it
// is: a part of a text that looks like the whole would be worse than none.
func (t *xlsxTable) holds(i int, s string) bool {
	if n := units(s); n > maxCellUnits {
		t.notes.add(t.rows, t.columns[i].Name, fmt.Sprintf("%d characters, a cell holds %d; left blank, write .csv or .jsonl for the whole", n, maxCellUnits))
		return false
	}
	if !isXMLText(s) {
		t.notes.add(t.rows, t.columns[i].Name, "characters that a workbook cannot hold were replaced by U+FFFD")
	}
	return true
}

// sheetDate reports whether a sheet has a serial number for t that all programs
// read alike: not before March 1900.
func sheetDate(t time.Time) bool {
	return !t.Before(time.Date(1900, time.March, 1, 0, 0, 0, 0, time.UTC))
}

// units returns the length of s as Excel counts it, in UTF-16 units, or the
// length in bytes where that is within the limit anyway.
func units(s string) int {
	if len(s) <= maxCellUnits {
		return len(s)
	}
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

// isXMLText reports whether XML 1.0 can carry s.
func isXMLText(s string) bool {
	if plainText(s) {
		return true
	}
	for i, r := range s {
		switch {
		case r < ' ':
			if r != '\t' && r != '\n' && r != '\r' {
				return false
			}
		case r == utf8.RuneError:
			if !strings.HasPrefix(s[i:], "\ufffd") {
				return false
			}
		case r == 0xfffe || r == 0xffff:
			return false
		}
	}
	return true
}

// plainText reports whether s is ASCII without control characters, as nearly
// every text is.
func plainText(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// width returns the width of column i in characters.
func (t *xlsxTable) width(i int) float64 {
	if w := t.columns[i].Width; w > 0 {
		return float64(min(w, excelize.MaxColumnWidth))
	}
	// The arrow of the filter takes the room of three characters.
	w := max(minWidth, utf8.RuneCountInString(t.columns[i].Name)+3)
	for _, item := range t.rule(i).Items {
		w = max(w, min(utf8.RuneCountInString(item)+3, maxItemWidth))
	}
	for _, row := range t.held {
		line, _, _ := strings.Cut(row.cells[i], "\n")
		w = max(w, min(utf8.RuneCountInString(line)+1, maxWidth))
	}
	return float64(min(w, maxWidth))
}

func (t *xlsxTable) close() error {
	if !t.begun {
		if err := t.begin(); err != nil {
			return err
		}
	}
	last, err := excelize.CoordinatesToCellName(len(t.columns), t.rows)
	if err != nil {
		return err
	}
	if err := t.book.AutoFilter(t.sheet, "A1:"+last, nil); err != nil {
		return err
	}
	if err := t.rules(); err != nil {
		return err
	}
	if err := t.comment(); err != nil {
		return err
	}
	if err := t.stream.Flush(); err != nil {
		return err
	}
	return t.writeBook()
}

// writeBook sends the zip file straight to the writer: the buffer that excelize
// offers for the whole of it stays empty.
func (t *xlsxTable) writeBook() error {
	t.book.SetZipWriter(func(io.Writer) excelize.ZipWriter {
		z := zip.NewWriter(t.w)
		z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
			return flate.NewWriter(w, deflateLevel)
		})
		return partLimiter{z, t.data}
	})
	_, err := t.book.WriteTo(io.Discard)
	if err == nil && !t.data.written {
		err = errors.New("the workbook has no part " + sheetPart + " for its rows")
	}
	return err
}

func (t *xlsxTable) release() {
	t.data.release()
	_ = t.book.Close()
}

func (t *xlsxTable) noted() *notes { return &t.notes }

// partLimiter refuses parts of a workbook that Excel would take for damaged,
// and puts the rows into theirs.
type partLimiter struct {
	*zip.Writer
	rows *sheetRows
}

// Create returns a writer for the part called name.
func (p partLimiter) Create(name string) (io.Writer, error) {
	w, err := p.Writer.Create(name)
	part := &limitedPart{w: w, left: maxPartBytes}
	if name == sheetPart {
		return &rowInserter{w: part, rows: p.rows}, err
	}
	return part, err
}

type limitedPart struct {
	w    io.Writer
	left int64
}

func (l *limitedPart) Write(p []byte) (int, error) {
	if l.left -= int64(len(p)); l.left < 0 {
		return 0, fmt.Errorf("%w: more than 4 GiB; write .csv or split the rows over several files", ErrTooLarge)
	}
	return l.w.Write(p)
}

// cloneRow copies cells that are the caller's, for longer than the call.
func cloneRow(cells []string) []string {
	row := slices.Clone(cells)
	for i, cell := range row {
		row[i] = strings.Clone(cell)
	}
	return row
}
