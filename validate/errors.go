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
}

// MissingColumn is a field for which a table has no column.
type MissingColumn struct {
	Field   string   // API name
	Headers []string // that would do
	Near    string   // the header that may be meant, "" if none is near
}

// Error is one line for each missing column.
func (e *MissingColumnError) Error() string {
	var b strings.Builder
	for i, m := range e.Columns {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Name + ": no column for " + m.Field + "; name one " + orList(m.Headers))
		if m.Near != "" {
			b.WriteString("; did you mean column " + quote(m.Near) + "?")
		} else {
			b.WriteString(", or give --set " + m.Field + "=VALUE")
		}
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
