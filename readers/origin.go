package readers

import (
	"errors"
	"io"
	"strings"
)

// Origin is what a workbook to be filled in tells of itself, on a very hidden
// sheet: which tenant its lists are of, and which sheet holds the table.
type Origin struct {
	Sheet, Object, Purpose, Tenant string
	Picklists                      string // hash
	Created                        string // RFC 3339
}

const (
	originSheet   = "_gsbatch"
	originMark    = "gsbatch workbook"
	originVersion = "1"
)

// Origin tells where the workbook comes from; nil for a file that we did not make.
func (t *Table) Origin() *Origin { return t.origin }

// readOrigin looks for the sheet that tells where the workbook comes from. A
// sheet of that name that is somebody else's is none.
func (b *sheetTable) readOrigin() error {
	for _, e := range b.book.sheets {
		if strings.EqualFold(e.name, originSheet) && !e.chart {
			return b.readOriginSheet(e)
		}
	}
	return nil
}

func (b *sheetTable) readOriginSheet(e sheetEntry) (err error) {
	s, err := b.book.openSheet(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	said := map[string]string{}
	for {
		err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if s.row == 1 && b.originCell(s, 0) != originMark {
			return nil
		}
		if s.row <= originRows {
			said[b.originCell(s, 0)] = b.originCell(s, 1)
		}
	}
	if version := said[originMark]; version != originVersion {
		return &Error{Place: Place{File: b.book.source.name, Sheet: e.name}, What: "is a gsbatch workbook of version " + quote(version) + ", which is not known",
			Mend: "use the gsbatch that made it, or copy the rows into a workbook made by this one", Err: ErrNotTable}
	}
	b.table.origin = &Origin{Sheet: said["sheet"], Object: said["object"], Purpose: said["for"], Tenant: said["tenant"],
		Picklists: said["picklists"], Created: said["created"]}
	return nil
}

// originRows is how many rows of the sheet are words and values; ids follow.
const originRows = 7

// originCell is the text of a column of the row last read, "" if it has none.
func (b *sheetTable) originCell(s *sheetScanner, column int) string {
	for i := range s.cells {
		if s.cells[i].column == column {
			return s.textOf(&s.cells[i])
		}
	}
	return ""
}

// own is the sheet of the table, as the workbook tells it itself.
func (b *sheetTable) own() (sheetEntry, bool) {
	if b.table.origin == nil {
		return sheetEntry{}, false
	}
	for _, e := range b.book.sheets {
		if strings.EqualFold(e.name, b.table.origin.Sheet) && !e.chart && !e.hidden {
			return e, true
		}
	}
	return sheetEntry{}, false
}
