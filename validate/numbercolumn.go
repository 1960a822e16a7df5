package validate

import (
	"strings"
	"sync"

	"gsbatch/readers"
)

// evidence is what a column shows. It is looked for once.
type evidence struct {
	once  sync.Once
	found bool
}

// number reads a number, in a column of numbers as text by the column's own
// manner: 1.234 is a thousand and more where 12,5 stands beside it.
func (w *work) number(s *source, cell readers.Cell, unit string) (n, code, why string) {
	n, code, why = metricNumber(cell, unit)
	if code != "" || cell.Kind != readers.Text || !mayBeGrouped(trim(cell.Text)) || !w.decimalComma(s) {
		return n, code, why
	}
	text := trim(cell.Text)
	return "", "ambiguous-number", "may be " + text + " or " + strings.Replace(text, ".", "", 1) + ": other numbers of the column have a decimal comma"
}

// mayBeGrouped reports whether the point in a number may part the thousands: 1.234.
func mayBeGrouped(t string) bool {
	whole, rest, point := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(t, "%"), "-"), ".")
	return point && len(rest) == 3 && digits(rest) && len(whole) <= 3 && digits(whole) && !strings.HasPrefix(whole, "0")
}

// decimalComma reports whether a number of the column is certain to have a
// decimal comma. The table is read for it once, when the first number is in question.
func (w *work) decimalComma(s *source) bool {
	if s.index >= 0 {
		s.comma.once.Do(func() { s.comma.found = w.findComma(s) })
	}
	return s.comma.found
}

func (w *work) findComma(s *source) bool {
	for row, err := range w.table.Rows() {
		if err != nil {
			break // whoever reads the table meets the same error
		}
		text := trim(row.Cells[s.index].Text)
		comma := strings.LastIndexByte(text, ',')
		if comma < 0 || comma < strings.LastIndexByte(text, '.') || strings.Count(text, ",") > 1 {
			continue
		}
		if _, code, _ := textNumber(strings.TrimSuffix(text, "%")); code == "" {
			return true
		}
	}
	return false
}
