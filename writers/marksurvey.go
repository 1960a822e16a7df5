package writers

import (
	"strconv"
	"strings"
)

// area is a rectangle of cells: rows from 1, columns from 0, both ends within.
type area struct{ top, left, bottom, right int }

// parseArea reads A1:C9 or A1, with or without $.
func parseArea(ref string) (area, bool) {
	first, last, two := strings.Cut(strings.ReplaceAll(ref, "$", ""), ":")
	if !two {
		last = first
	}
	top, left, ok := parseCell(first)
	bottom, right, ok2 := parseCell(last)
	return area{top, left, bottom, right}, ok && ok2
}

func (a area) String() string { return cellName(a.top, a.left) + ":" + cellName(a.bottom, a.right) }

func (a area) has(row, column int) bool {
	return a.top <= row && row <= a.bottom && a.left <= column && column <= a.right
}

// parseCell reads a reference such as C42.
func parseCell(ref string) (row, column int, ok bool) {
	i := 0
	for i < len(ref) && i < 3 && 'A' <= ref[i] && ref[i] <= 'Z' {
		column = column*26 + int(ref[i]-'A') + 1
		i++
	}
	row, err := strconv.Atoi(ref[i:])
	return row, column - 1, err == nil && i > 0 && row > 0
}

func cellName(row, column int) string { return columnLetters(column) + strconv.Itoa(row) }

// columnLetters is the name of a column, from 0.
func columnLetters(column int) string {
	var b [8]byte
	at := len(b)
	for column++; column > 0; column = (column - 1) / 26 {
		at--
		b[at] = byte('A' + (column-1)%26)
	}
	return string(b[at:])
}

// cursor knows the row and the column of the element read last in a sheet.
type cursor struct{ row, column int }

// move takes a row or cell element into account, whose place may be left out.
func (c *cursor) move(x *rawScanner) {
	ref := x.attr("r")
	if x.name == "row" {
		c.row, c.column = c.row+1, -1
		if n, err := strconv.Atoi(ref); err == nil {
			c.row = n
		}
		return
	}
	c.column++
	if _, column, ok := parseCell(ref); ok {
		c.column = column
	}
}

// survey is what must be known of a sheet before its first row is written.
type survey struct {
	cursor
	headerRow  int
	used       int // last column with a value, from the header's row down; -1 none
	lastRow    int // with a value
	headFormat int // of the last header cell
	columns    []columnSpan
	merged     []area
	filter     string // ref of the sheet's own filter, "" none
	drawing    string // relationship of the legacy drawing, "" none
	tables     []string
	format     int
}

// columnSpan is a col element.
type columnSpan struct{ first, last, format int }

// survey reads the sheet once.
func (b *bookParts) survey(headerRow int) (*survey, error) {
	s := &survey{headerRow: headerRow, used: -1}
	depth := 0
	return s, b.read(b.sheet, func(x *rawScanner) error {
		if x.kind == rawEnd {
			depth--
		}
		if x.name != "autoFilter" || depth == 1 { // a view of its own may have one too
			s.token(x)
		}
		if x.kind == rawStart {
			depth++
		}
		return nil
	})
}

func (s *survey) token(x *rawScanner) {
	if x.kind != rawStart && x.kind != rawEmpty {
		return
	}
	switch x.name {
	case "row":
		s.move(x)
	case "c":
		s.move(x)
		s.format = intAttr(x, "s", 0)
	case "v", "f", "is":
		if s.row >= s.headerRow {
			s.used, s.lastRow = max(s.used, s.column), max(s.lastRow, s.row)
		}
		if s.row == s.headerRow {
			s.headFormat = s.format
		}
	case "col":
		s.columns = append(s.columns, columnSpan{intAttr(x, "min", 1) - 1, intAttr(x, "max", 1) - 1, intAttr(x, "style", 0)})
	case "mergeCell":
		if a, ok := parseArea(x.attr("ref")); ok {
			s.merged = append(s.merged, a)
		}
	case "autoFilter":
		s.filter = x.attr("ref")
	case "legacyDrawing":
		s.drawing = x.attrLocal("id")
	case "tablePart":
		s.tables = append(s.tables, x.attrLocal("id"))
	}
}

func intAttr(x *rawScanner, name string, preset int) int {
	n, err := strconv.Atoi(x.attr(name))
	if err != nil {
		return preset
	}
	return n
}

// covered says that a merged cell hides the cell.
func (s *survey) covered(row, column int) bool {
	for _, a := range s.merged {
		if a.has(row, column) && (row != a.top || column != a.left) {
			return true
		}
	}
	return false
}

// columnFormat is what a cell that is not there looks like.
func (s *survey) columnFormat(column int) int {
	for _, c := range s.columns {
		if c.first <= column && column <= c.last {
			return c.format
		}
	}
	return 0
}
