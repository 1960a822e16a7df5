package writers

import (
	"archive/zip"
	"bufio"
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/klauspost/compress/flate"
)

// BadCell is a cell to be made red, with a comment.
type BadCell struct {
	Column int    // index in the header; -1 is the row as a whole
	Note   string // why it is bad and how to mend it
}

// MarkedRow is what a copy of a workbook is to say of one row.
type MarkedRow struct {
	Row     int // number in the sheet
	Bad     []BadCell
	Gsid    string // for its Gsid cell where that is blank; "" none
	Problem string // for the column to filter by, "" none
	Status  string
	Run     string
}

// MarkOptions say what is copied and where its rows are.
type MarkOptions struct {
	FileOptions
	Source    io.ReaderAt // the workbook
	Size      int64
	Sheet     string // that the rows are in
	HeaderRow int
	Header    []string
	Columns   []int // of the sheet, from 0, of each column of the header
	Gsid      int   // index in the header, -1 none
	// FillGsid says that some row has a Gsid to be filled in. Without a column
	// for it, one is added.
	FillGsid bool
	// Checked says that the rows are of no run: of the columns only that of
	// problems is added.
	Checked bool
	// Check, which may be nil, is asked before the copy appears.
	Check func() error
}

// The columns that a copy has beside the user's; import drops those that begin with _.
const (
	gsidColumn    = "Gsid"
	problemColumn = "_problem"
	statusColumn  = "_status"
	runColumn     = "_run"
	lineColumn    = "_line"

	problemWidth = 60
)

// MarkBook writes a copy of a workbook as base and its extension, .xlsx or, with
// macros, .xlsm, and returns the path: cells that are bad are red and have a
// comment, columns are added to filter by and to tell the rows by, and all else
// is as it was; parts that say nothing of the sheet to the byte. rows rise. Red
// and comments of an earlier copy are taken off cells that are no longer bad.
// NotMarkable tells by the error that the workbook cannot be copied so. The
// other errors are *Error, of the copy, and those of rows and Check.
func MarkBook(base string, o MarkOptions, rows iter.Seq2[MarkedRow, error]) (path string, err error) {
	parts, err := openParts(o.Source, o.Size, o.Sheet)
	if err != nil {
		return "", markError(err)
	}
	path = base + ".xlsx"
	if parts.macro {
		path = base + ".xlsm"
	}
	m := &marker{options: &o, parts: parts}
	if err := m.prepare(); err != nil {
		return "", markError(err)
	}
	file, err := Create(path, o.FileOptions)
	if err != nil {
		return "", err
	}
	defer file.Abort()
	if err := m.write(file, rows); err != nil {
		return "", markError(err)
	}
	if o.Check != nil {
		if err := o.Check(); err != nil {
			return "", err
		}
	}
	return path, file.Commit()
}

// rowsError is an error of the rows to be marked.
type rowsError struct{ error }

func (e rowsError) Unwrap() error { return e.error }

// markError tells what is wrong with the workbook from what is wrong with its
// copy or with the rows.
func markError(err error) error {
	if rows, ok := errors.AsType[rowsError](err); ok {
		return rows.error
	}
	if _, ok := errors.AsType[*Error](err); ok || NotMarkable(err) != "" {
		return err
	}
	return errNotMarkable(err.Error())
}

// marker copies one workbook.
type marker struct {
	options   *MarkOptions
	parts     *bookParts
	survey    *survey
	styles    *bookStyles
	stylePart string // "" none: one is made
	layout    markLayout
	tables    []bookTable
	notes     bookNotes
	zip       *zip.Writer
}

// madeStyles is the styles part of a workbook that had none.
const madeStyles = "xl/styles.xml"

// prepare reads what must be known before anything is written.
func (m *marker) prepare() (err error) {
	if m.survey, err = m.parts.survey(m.options.HeaderRow); err != nil {
		return err
	}
	book, err := m.parts.relations(m.parts.book)
	if err != nil {
		return err
	}
	if styles := related(book, "styles"); len(styles) > 0 {
		m.stylePart = styles[0].target
	}
	if m.styles, err = m.parts.readStyles(m.stylePart); err != nil {
		return err
	}
	relations, err := m.parts.relations(m.parts.sheet)
	if err != nil {
		return err
	}
	if err := m.findTables(relations); err != nil {
		return err
	}
	if err := m.lay(); err != nil {
		return err
	}
	return m.findNotes(relations)
}

// write copies the parts in their order; those that follow from the sheet come last.
func (m *marker) write(w io.Writer, rows iter.Seq2[MarkedRow, error]) error {
	m.zip = zip.NewWriter(w)
	m.zip.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, deflateLevel)
	})
	edits, late := m.edits(rows), m.late()
	for _, f := range m.parts.zip.File {
		key := partKey(f.Name)
		switch {
		case late[key].write != nil:
		case edits[key] != nil:
			if err := m.part(f.Name, edits[key]); err != nil {
				return err
			}
		default:
			if err := m.zip.Copy(f); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(late)) {
		if err := m.part(late[name].name, late[name].write); err != nil {
			return err
		}
	}
	return m.zip.Close()
}

// partWriter writes the content of a part.
type partWriter func(w io.Writer) error

// latePart is a part that is known only when the sheet was written.
type latePart struct {
	name  string
	write partWriter
}

func (m *marker) part(name string, write partWriter) error {
	w, err := m.zip.Create(name)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(w, bufferSize)
	if err := write(buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

// edits are the parts that are written anew in their turn, by their keys.
func (m *marker) edits(rows iter.Seq2[MarkedRow, error]) map[string]partWriter {
	edits := map[string]partWriter{
		partKey(m.parts.sheet): func(w io.Writer) error { return m.writeSheet(w, rows) },
		"[content_types].xml":  m.writeTypes,
		partKey(m.parts.book):  m.writeBook,
	}
	if name := relationsName(m.parts.sheet); m.parts.parts[partKey(name)] != nil {
		edits[partKey(name)] = m.writeRelations
	}
	if m.stylePart == "" {
		edits[partKey(relationsName(m.parts.book))] = m.writeBookRelations
	}
	if m.layout.table >= 0 {
		t := &m.tables[m.layout.table]
		edits[partKey(t.part)] = func(w io.Writer) error { return m.writeTable(w, t) }
	}
	return edits
}

// late are the parts that follow from the sheet, by their keys.
func (m *marker) late() map[string]latePart {
	list := []latePart{
		{orElse(m.stylePart, madeStyles), func(w io.Writer) error { return m.styles.write(w, m.parts, m.stylePart) }},
		{m.notes.part, m.writeNotes},
		{m.notes.drawing, m.writeDrawing},
	}
	if name := relationsName(m.parts.sheet); m.parts.parts[partKey(name)] == nil {
		list = append(list, latePart{name, func(w io.Writer) error {
			return m.writeAll(w, `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`+m.notes.relations()+`</Relationships>`)
		}})
	}
	late := map[string]latePart{}
	for _, l := range list {
		late[partKey(l.name)] = l
	}
	return late
}

func (*marker) writeAll(w io.Writer, xml string) error {
	_, err := io.WriteString(w, `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`+"\n"+xml)
	return err
}

// addedColumns are the names of the columns that are wanted beside the user's.
func (m *marker) addedColumns() []string {
	if m.options.Checked {
		return []string{problemColumn}
	}
	names := []string{problemColumn, statusColumn, runColumn, lineColumn}
	if m.options.FillGsid && m.options.Gsid < 0 {
		names = append([]string{gsidColumn}, names...)
	}
	return names
}

// markLayout is where things stand in the marked sheet. Columns are the sheet's.
type markLayout struct {
	at         map[string]int // of the added columns and of Gsid
	names      []string       // of the new columns, in order
	first      int            // of the new columns
	table      int            // index of the table that grows by them, -1 none
	filter     string         // ref of the sheet's filter, "" none
	headFormat int
}

func (l *markLayout) last() int { return l.first + len(l.names) - 1 }

// lay chooses the columns: those that an earlier copy added, else the first
// ones that are free on the right.
func (m *marker) lay() error {
	o, s := m.options, m.survey
	l := markLayout{at: map[string]int{}, table: -1, headFormat: s.headFormat}
	if o.Gsid >= 0 {
		l.at[gsidColumn] = o.Columns[o.Gsid]
	}
	right := s.used
	for _, column := range o.Columns {
		right = max(right, column)
	}
	for _, t := range m.tables {
		if t.area.bottom >= o.HeaderRow {
			right = max(right, t.area.right)
		}
	}
	for _, a := range s.merged {
		if a.bottom >= o.HeaderRow && a.top <= s.lastRow {
			right = max(right, a.right)
		}
	}
	l.first = right + 1
	for _, name := range m.addedColumns() {
		known := slices.IndexFunc(o.Header, func(h string) bool { return strings.EqualFold(h, name) })
		if known >= 0 {
			l.at[name] = o.Columns[known]
			continue
		}
		l.at[name] = l.first + len(l.names)
		l.names = append(l.names, name)
	}
	if l.last() >= maxSheetColumns {
		return errNotMarkable("its sheet has no column left")
	}
	m.layout = l
	m.layFilter()
	return nil
}

// layFilter lets the new columns be filtered by: in a table that ends where
// they begin, else in the sheet's own filter.
func (m *marker) layFilter() {
	o, s, l := m.options, m.survey, &m.layout
	whole := area{o.HeaderRow, l.first, max(s.lastRow, o.HeaderRow), max(l.last(), l.first-1)}
	for _, column := range o.Columns {
		whole.left = min(whole.left, column)
	}
	for i, t := range m.tables {
		if t.area.top == o.HeaderRow && t.area.right == l.first-1 && t.grows {
			l.table = i
		}
		if t.area.bottom >= whole.top && t.area.top <= whole.bottom {
			return
		}
	}
	if s.filter == "" {
		l.filter = whole.String()
		return
	}
	old, ok := parseArea(s.filter)
	if ok && old.top == o.HeaderRow {
		old.right, old.bottom = max(old.right, whole.right), max(old.bottom, whole.bottom)
		l.filter = old.String()
	}
}
