package validate

import (
	"strings"

	"gsbatch/readers"
)

// MissingColumnError says that a table lacks columns without which no row can
// be done.
type MissingColumnError struct {
	Name    string // of the table
	Columns []MissingColumn
	// OneColumn says that the table has one column in all: it was hardly read
	// as it was meant.
	OneColumn bool
}

// MissingColumn is a field for which a table has no column.
type MissingColumn struct {
	Field   string   // API name
	Headers []string // that would do
	Near    string   // the header that may be meant, "" if none is near
}

// Error names every missing column in one line.
func (e *MissingColumnError) Error() string {
	var b strings.Builder
	b.WriteString(e.Name + ": no column for ")
	for i, m := range e.Columns {
		if i > 0 {
			b.WriteString(", nor for ")
		}
		b.WriteString(m.Field + " (" + orList(m.Headers))
		if m.Near != "" {
			b.WriteString("; did you mean column " + quote(m.Near) + "?")
		}
		b.WriteString(")")
	}
	switch {
	case e.OneColumn:
		b.WriteString("; the file reads as one column: name its --delimiter or --header-row, or the columns")
	case len(e.Columns) == 1 && (e.Columns[0].Field == "Name" || e.Columns[0].Field == "Gsid"):
		b.WriteString("; name the column so")
	default:
		b.WriteString("; name the columns so, map them with --map, or give one value for all rows with --set FIELD=VALUE")
	}
	return b.String()
}

// orList is A, B or C.
func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// ColumnError says that the columns of a table cannot be bound to fields as
// asked: two columns for one field, a mapping for a header that is not there,
// a constant for an unknown field.
type ColumnError struct {
	Place readers.Place // of the header, zero where none is to blame
	Text  string
}

// Error is the place and what is wrong.
func (e *ColumnError) Error() string {
	if place := e.Place.String(); place != "" {
		return place + ": " + e.Text
	}
	return e.Text
}
