package writers

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// cellEdit is what is done to one cell.
type cellEdit struct {
	column int
	bad    bool   // red
	text   string // to be written, with set
	number bool   // text is a number
	set    bool
	blank  bool // set only where the cell is blank
}

// sheetWriter copies the marked sheet.
type sheetWriter struct {
	*marker
	w io.Writer
	x *rawScanner
	cursor
	next    func() (MarkedRow, error, bool)
	pending *MarkedRow
	edits   []cellEdit // of the row being copied, by column; done ones are taken off
	format  int        // of the row, -1 none
	depth   int
	data    bool // in the rows
	inCell  bool // in a cell that is copied as it is
	past    bool // behind the rows
	spanned bool // the new columns have their widths
	filter  bool // the filter is written
	drawing bool // the legacy drawing is written
	err     error
}

func (m *marker) writeSheet(w io.Writer, rows iter.Seq2[MarkedRow, error]) error {
	next, stop := iter.Pull2(rows)
	defer stop()
	s := &sheetWriter{marker: m, w: w, next: next}
	err := m.parts.read(m.parts.sheet, func(x *rawScanner) error {
		s.x = x
		s.token()
		return s.err
	})
	if err != nil {
		return err
	}
	if s.take(); s.err == nil && s.pending != nil {
		s.err = fmt.Errorf("the sheet has no row %d", s.pending.Row)
	}
	return s.err
}

func (s *sheetWriter) raw(tag []byte) {
	if s.err == nil {
		_, s.err = s.w.Write(tag)
	}
}

func (s *sheetWriter) text(xml string) {
	if s.err == nil {
		_, s.err = io.WriteString(s.w, xml)
	}
}

// element writes an element of the sheet's own namespace.
func (s *sheetWriter) element(name, attrs string) { s.text("<" + s.x.prefix + name + attrs + "/>") }

// token copies a token, or what takes its place.
func (s *sheetWriter) token() {
	x := s.x
	if x.kind == rawEnd {
		s.depth--
	}
	switch {
	case s.data:
		s.rowToken()
	case s.depth == 1 && (x.kind == rawStart || x.kind == rawEmpty):
		s.topElement()
	case s.depth == 0 && x.kind == rawEnd:
		s.before("")
		s.raw(x.raw)
	case !s.past && x.opens("col"):
		s.column()
	case !s.past && x.closes("cols"):
		s.newColumns()
		s.raw(x.raw)
	default:
		s.raw(x.raw)
	}
	if x.kind == rawStart {
		s.depth++
	}
}

// topElement copies the tag of an element right below the root.
func (s *sheetWriter) topElement() {
	x := s.x
	switch x.name {
	case "dimension":
		if a, ok := parseArea(x.attr("ref")); ok && len(s.layout.names) > 0 {
			a.right = max(a.right, s.layout.last())
			s.raw(setAttr(x.raw, "ref", a.String()))
			return
		}
	case "sheetData":
		if !s.spanned && len(s.layout.names) > 0 && len(s.survey.columns) == 0 {
			s.text("<" + x.prefix + "cols>")
			s.newColumns()
			s.text("</" + x.prefix + "cols>")
		}
		s.data, s.past = x.kind == rawStart, true
	case "autoFilter":
		s.filter = true
		if s.layout.filter != "" {
			s.raw(setAttr(x.raw, "ref", s.layout.filter))
			return
		}
	case "legacyDrawing":
		s.drawing = true
	}
	if s.past && x.name != "sheetData" {
		s.before(x.name)
	}
	s.raw(x.raw)
}

// before writes what has to stand before the element of that name, "" for the
// end of the sheet (ECMA-376 part 1, 18.3.1.99).
func (s *sheetWriter) before(name string) {
	if !s.filter && !slices.Contains([]string{"sheetCalcPr", "sheetProtection", "protectedRanges", "scenarios", "autoFilter"}, name) {
		s.filter = true
		if s.layout.filter != "" {
			s.element("autoFilter", ` ref="`+s.layout.filter+`"`)
		}
	}
	last := []string{"", "legacyDrawingHF", "drawingHF", "picture", "oleObjects", "controls", "webPublishItems", "tableParts", "extLst", "mc:AlternateContent"}
	if !s.drawing && slices.Contains(last, name) {
		s.drawing = true
		if s.survey.drawing == "" {
			s.element("legacyDrawing", ` xmlns:r="`+officeRelations+`" r:id="`+s.notes.drawingID+`"`)
		}
	}
}

// column copies a col element, without the columns that are new.
func (s *sheetWriter) column() {
	x, l := s.x, &s.layout
	first, last := intAttr(x, "min", 1)-1, intAttr(x, "max", 1)-1
	if len(l.names) == 0 || last < l.first {
		s.raw(x.raw)
		return
	}
	part := func(from, to int) {
		if from <= to {
			s.raw(setAttr(setAttr(x.raw, "min", strconv.Itoa(from+1)), "max", strconv.Itoa(to+1)))
		}
	}
	part(first, min(last, l.first-1))
	s.newColumns()
	part(max(first, l.last()+1), last)
}

// newColumns writes the widths of the new columns, once.
func (s *sheetWriter) newColumns() {
	if s.spanned {
		return
	}
	s.spanned = true
	for i, name := range s.layout.names {
		width := 12
		switch name {
		case problemColumn:
			width = problemWidth
		case runColumn:
			width = 18
		case gsidColumn:
			width = 40
		}
		n := strconv.Itoa(s.layout.first + i + 1)
		s.element("col", ` min="`+n+`" max="`+n+`" width="`+strconv.Itoa(width)+`" customWidth="1"`)
	}
}

// rowToken copies a token of the rows.
func (s *sheetWriter) rowToken() {
	x := s.x
	switch {
	case x.closes("sheetData"):
		s.data = false
		s.raw(x.raw)
	case x.opens("row"):
		s.beginRow()
	case x.closes("row"):
		s.insert(maxSheetColumns)
		s.raw(x.raw)
	case x.opens("c"):
		s.cell()
	case x.opens("extLst") && !s.inCell: // of the row: cells stand before it
		s.insert(maxSheetColumns)
		s.raw(x.raw)
	case x.closes("c"):
		s.inCell = false
		s.raw(x.raw)
	default:
		s.raw(x.raw)
	}
}

// take makes the next marked row the pending one.
func (s *sheetWriter) take() {
	if s.pending != nil || s.err != nil {
		return
	}
	row, err, ok := s.next()
	if err != nil {
		s.err = rowsError{err}
	} else if ok {
		s.pending = &row
	}
}

func (s *sheetWriter) beginRow() {
	x := s.x
	s.move(x)
	s.edits, s.format = s.edits[:0], -1
	if on := x.attr("customFormat"); on == "1" || on == "true" {
		s.format = intAttr(x, "s", -1)
	}
	if s.row == s.options.HeaderRow {
		for _, name := range s.layout.names {
			s.edits = append(s.edits, cellEdit{column: s.layout.at[name], text: name, set: true})
		}
	}
	if s.take(); s.pending != nil && s.pending.Row < s.row && s.err == nil {
		s.err = fmt.Errorf("the sheet has no row %d", s.pending.Row)
	}
	if s.pending != nil && s.pending.Row == s.row {
		s.editsOf(s.pending)
		s.pending = nil
	}
	if len(s.edits) == 0 {
		s.raw(x.raw)
		return
	}
	tag := x.raw
	if first, last, ok := strings.Cut(x.attr("spans"), ":"); ok {
		if n, err := strconv.Atoi(last); err == nil {
			tag = setAttr(tag, "spans", first+":"+strconv.Itoa(max(n, s.edits[len(s.edits)-1].column+1)))
		}
	}
	if x.kind == rawStart {
		s.raw(tag)
		return
	}
	s.raw(append(bytes.TrimRight(bytes.TrimSuffix(tag, []byte("/>")), " "), '>'))
	s.insert(maxSheetColumns)
	s.text("</" + x.prefix + "row>")
}

// editsOf turns what is to be said of a row into edits of its cells.
func (s *sheetWriter) editsOf(row *MarkedRow) {
	at := s.layout.at
	for name, text := range map[string]string{problemColumn: row.Problem, statusColumn: row.Status, runColumn: row.Run, lineColumn: strconv.Itoa(row.Row)} {
		if column, wanted := at[name]; wanted {
			s.edits = append(s.edits, cellEdit{column: column, text: text, set: true, number: name == lineColumn})
		}
	}
	if column, ok := at[gsidColumn]; ok && row.Gsid != "" {
		s.edits = append(s.edits, cellEdit{column: column, text: row.Gsid, set: true, blank: true})
	}
	for _, bad := range row.Bad {
		column := at[problemColumn]
		if bad.Column >= 0 && bad.Column < len(s.options.Columns) && !s.survey.covered(row.Row, s.options.Columns[bad.Column]) {
			column = s.options.Columns[bad.Column]
		}
		s.notes.add(row.Row, column, bad.Note)
		i := slices.IndexFunc(s.edits, func(e cellEdit) bool { return e.column == column })
		if i < 0 {
			i = len(s.edits)
			s.edits = append(s.edits, cellEdit{column: column})
		}
		s.edits[i].bad = true
	}
	slices.SortFunc(s.edits, func(a, b cellEdit) int { return cmp.Compare(a.column, b.column) })
}

// insert writes cells that are not there, of the columns before column.
func (s *sheetWriter) insert(column int) {
	for len(s.edits) > 0 && s.edits[0].column < column {
		e := &s.edits[0]
		if e.set && e.text != "" || e.bad {
			format := s.format
			if format < 0 {
				format = s.survey.columnFormat(e.column)
			}
			if s.row == s.options.HeaderRow {
				format = s.layout.headFormat
			}
			s.newCell(e, format)
		}
		s.edits = s.edits[1:]
	}
}

// newCell writes a cell that an edit makes.
func (s *sheetWriter) newCell(e *cellEdit, format int) {
	format, err := s.styles.twin(format, e.bad)
	if err != nil {
		s.err = err
		return
	}
	p := s.x.prefix
	tag := "<" + p + `c r="` + cellName(s.row, e.column) + `"`
	if format > 0 {
		tag += ` s="` + strconv.Itoa(format) + `"`
	}
	switch {
	case !e.set || e.text == "":
		s.text(tag + "/>")
	case e.number:
		s.text(tag + "><" + p + "v>" + e.text + "</" + p + "v></" + p + "c>")
	default:
		s.text(tag + ` t="inlineStr"><` + p + `is><` + p + `t xml:space="preserve">` + escape(clipCell(e.text)) + "</" + p + "t></" + p + "is></" + p + "c>")
	}
}

// clipCell cuts a text of ours to what a cell holds.
func clipCell(text string) string {
	if units(text) <= maxCellUnits {
		return text
	}
	n := 0
	for i := range text {
		if n++; n > maxCellUnits/2 {
			return text[:i] + "…"
		}
	}
	return text
}

// cell copies the cell that begins here, to its end.
func (s *sheetWriter) cell() {
	x := s.x
	s.move(x)
	s.insert(s.cursor.column)
	s.inCell = x.kind == rawStart
	format := intAttr(x, "s", 0)
	var e cellEdit
	if len(s.edits) > 0 && s.edits[0].column == s.cursor.column {
		e, s.edits = s.edits[0], s.edits[1:]
	} else if s.row <= s.options.HeaderRow || !s.styles.isBad(format) {
		s.raw(x.raw) // what is in it follows
		return
	}
	twin, err := s.styles.twin(format, e.bad)
	if err != nil {
		s.err = err
		return
	}
	tag := bytes.Clone(x.raw)
	if twin != format {
		tag = setAttr(tag, "s", strconv.Itoa(twin))
	}
	if !e.set {
		s.raw(tag)
		return
	}
	content, valued, formula := s.content()
	s.inCell = false
	if formula || e.blank && valued {
		s.raw(tag)
		s.raw(content)
		return
	}
	s.newCell(&e, format)
}

// content reads the rest of a cell, and tells whether it has a value and
// whether that is a formula's.
func (s *sheetWriter) content() (content []byte, valued, formula bool) {
	x := s.x
	if x.kind == rawEmpty {
		return nil, false, false
	}
	for s.err == nil {
		if s.err = x.next(); s.err != nil {
			break
		}
		content = append(content, x.raw...)
		valued = valued || x.opens("v") || x.opens("is")
		formula = formula || x.opens("f")
		if x.closes("c") {
			break
		}
	}
	return content, valued, formula
}
