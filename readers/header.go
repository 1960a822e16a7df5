package readers

import (
	"fmt"
	"strings"
	"unicode"
)

// heading is the header of a table: its named columns and where they are in the file.
type heading struct {
	names   []string
	columns []int // column of the file, from 0, of each name
	places  []Place
	index   []int // for each column of the file the index of its name, -1 for a column without one
}

// newHeading makes a header of the texts of its row, one for each column of
// the file; place tells where column i stands. Columns without a name are left
// out, and their cells must stay blank. Names are trimmed of outer blanks and
// must differ by more than case.
func newHeading(texts []string, place func(i int) Place) (*heading, error) {
	h := &heading{index: make([]int, len(texts))}
	seen := make(map[string]int, len(texts))
	for i, text := range texts {
		h.index[i] = -1
		name := strings.TrimFunc(text, isOuter)
		if name == "" {
			continue
		}
		at := place(i)
		folded := strings.ToLower(strings.ToUpper(name))
		if first, dup := seen[folded]; dup {
			return nil, &Error{
				Place: at,
				What:  fmt.Sprintf("header %s stands also at %s", quote(name), h.places[first]),
				Mend:  "rename one of the two columns", Err: ErrNotTable,
			}
		}
		seen[folded] = len(h.names)
		h.index[i] = len(h.names)
		h.names = append(h.names, name)
		h.columns = append(h.columns, i)
		h.places = append(h.places, at)
	}
	return h, nil
}

// isOuter says that r is a blank or an invisible mark that may surround a header.
func isOuter(r rune) bool {
	return unicode.IsSpace(r) || r == '\uFEFF' || r == '\u200B'
}

// looksLikeData says that no name has a letter, as where a file begins with
// its first row of data.
func (h *heading) looksLikeData() bool {
	for _, name := range h.names {
		if strings.ContainsFunc(name, unicode.IsLetter) {
			return false
		}
	}
	return true
}

// dense says that the columns of the file are the named columns.
func (h *heading) dense() bool { return len(h.names) == len(h.index) }

func (h *heading) check(row Place, chosen bool) error {
	if !chosen && h.looksLikeData() {
		return &Error{
			Place: row, What: "first row has no letter in any cell, so it is no header: " + quote(strings.Join(h.names, ", ")),
			Mend: "put a row of column names above the data, or name the header's row with --header-row", Err: ErrNotTable,
		}
	}
	return nil
}

func emptyTable(file Place, headerRow int) error {
	if headerRow > 0 {
		return &Error{Place: file, What: fmt.Sprintf("has no header: row %d is blank or beyond the end", headerRow), Mend: "name the header's row with --header-row", Err: ErrNotTable}
	}
	return &Error{Place: file, What: "is empty", Mend: "put a row of column names above the data", Err: ErrNotTable}
}

// unnamed is the error about text in a column without a name.
func unnamed(at Place, text string) error {
	return &Error{
		Place: at, What: "cell " + quote(text) + " is in a column without a header",
		Mend: "name the column in the header, or clear it; if the header is in another row, say --header-row", Err: ErrRow,
	}
}
