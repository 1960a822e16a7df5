package writers

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"strconv"
	"time"
	"unicode/utf8"
)

// sheetRows are the rows of a sheet below its header, as the XML of its part,
// put aside in a scratch file. excelize writes all else of a workbook. It takes
// three times as long for a row as its text does to be packed, hence this.
type sheetRows struct {
	file    *os.File // nil until there is much
	temp    string   // to be removed, "" none
	scratch string   // folder of the file
	buf     []byte
	letters []string // of the columns
	written bool     // into their part
}

// sheetRowsSize is how much is held in memory.
const sheetRowsSize = 256 << 10

func newSheetRows(columns int, scratch string) *sheetRows {
	r := &sheetRows{scratch: scratch}
	for i := range columns {
		r.letters = append(r.letters, columnLetters(i))
	}
	return r
}

// begin begins row n.
func (r *sheetRows) begin(n int) {
	r.buf = strconv.AppendInt(append(r.buf, `<row r="`...), int64(n), 10)
	r.buf = append(r.buf, `">`...)
}

// end ends a row.
func (r *sheetRows) end() error {
	r.buf = append(r.buf, `</row>`...)
	if len(r.buf) < sheetRowsSize {
		return nil
	}
	return r.flush()
}

// open begins the cell of column i in row n; style 0 is none.
func (r *sheetRows) open(i, n, style int) {
	r.buf = append(append(r.buf, `<c r="`...), r.letters[i]...)
	r.buf = append(strconv.AppendInt(r.buf, int64(n), 10), '"')
	if style > 0 {
		r.buf = strconv.AppendInt(append(r.buf, ` s="`...), int64(style), 10)
		r.buf = append(r.buf, '"')
	}
}

// blank ends a cell that has a style alone.
func (r *sheetRows) blank() { r.buf = append(r.buf, `/>`...) }

// number ends a cell with a number.
func (r *sheetRows) number(v float64) {
	r.buf = strconv.AppendFloat(append(r.buf, `><v>`...), v, 'f', -1, 64)
	r.buf = append(r.buf, `</v></c>`...)
}

// truth ends a cell with a truth value.
func (r *sheetRows) truth(v bool) {
	digit := byte('0')
	if v {
		digit = '1'
	}
	r.buf = append(append(r.buf, ` t="b"><v>`...), digit)
	r.buf = append(r.buf, `</v></c>`...)
}

// text ends a cell with a text. What XML cannot carry becomes U+FFFD.
func (r *sheetRows) text(s string) {
	r.buf = append(r.buf, ` t="inlineStr"><is><t`...)
	if s != "" && (s[0] <= ' ' || s[len(s)-1] <= ' ') {
		r.buf = append(r.buf, ` xml:space="preserve"`...)
	}
	r.buf = appendSheetText(append(r.buf, '>'), s)
	r.buf = append(r.buf, `</t></is></c>`...)
}

// appendSheetText escapes s as XML, and as the text of a cell, in which _x0041_
// stands for A.
func appendSheetText(dst []byte, s string) []byte {
	done := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '&' && c != '<' && c != '>' && c != '_' {
			continue // nearly all of them
		}
		instead, size := "", 1
		switch {
		case c == '&':
			instead = "&amp;"
		case c == '<':
			instead = "&lt;"
		case c == '>':
			instead = "&gt;"
		case c == '\r':
			instead = "&#xD;"
		case c == '_' && isCellEscape(s[i:]):
			instead = "_x005F_"
		case c >= utf8.RuneSelf:
			var char rune
			if char, size = utf8.DecodeRuneInString(s[i:]); char == utf8.RuneError && size == 1 || char == 0xfffe || char == 0xffff {
				instead = "\ufffd"
			}
		case c < ' ' && c != '\t' && c != '\n':
			instead = "\ufffd"
		}
		if instead != "" {
			dst = append(append(dst, s[done:i]...), instead...)
			done = i + size
		}
		i += size - 1
	}
	return append(dst, s[done:]...)
}

// isCellEscape reports whether s begins as _x0041_ does.
func isCellEscape(s string) bool {
	if len(s) < 7 || s[1] != 'x' || s[6] != '_' {
		return false
	}
	_, err := strconv.ParseUint(s[2:6], 16, 16)
	return err == nil
}

// flush puts aside what is in memory, in a file that is unlinked at once where
// the system allows that.
func (r *sheetRows) flush() error {
	if r.file == nil {
		f, err := os.CreateTemp(r.scratch, "gsbatch-rows-*")
		if err != nil {
			return err
		}
		r.file, r.temp = f, f.Name()
		if runtime.GOOS != "windows" && os.Remove(f.Name()) == nil {
			r.temp = ""
		}
	}
	_, err := r.file.Write(r.buf)
	r.buf = r.buf[:0]
	return err
}

// WriteTo writes all rows.
func (r *sheetRows) WriteTo(w io.Writer) (n int64, err error) {
	if r.file != nil {
		if _, err := r.file.Seek(0, io.SeekStart); err != nil {
			return 0, err
		}
		piece := make([]byte, sheetRowsSize)
		if n, err = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r.file}, piece); err != nil {
			return n, err
		}
	}
	m, err := w.Write(r.buf)
	r.written = err == nil
	return n + int64(m), err
}

// release removes the scratch file.
func (r *sheetRows) release() {
	if r.file == nil {
		return
	}
	_ = r.file.Close()
	if r.temp != "" {
		_ = os.Remove(r.temp)
	}
	r.file = nil
}

// rowInserter writes the part of a sheet that has a header alone, and the other
// rows behind that.
type rowInserter struct {
	w    io.Writer
	rows *sheetRows
	head []byte
	done bool
}

// sheetDataEnd stands once in a part: texts in it have no <.
const sheetDataEnd = "</sheetData>"

func (r *rowInserter) Write(p []byte) (int, error) {
	if r.done {
		return r.w.Write(p)
	}
	r.head = append(r.head, p...)
	at := bytes.Index(r.head, []byte(sheetDataEnd))
	if at < 0 {
		return len(p), nil
	}
	r.done = true
	if _, err := r.w.Write(r.head[:at]); err != nil {
		return 0, err
	}
	if _, err := r.rows.WriteTo(r.w); err != nil {
		return 0, err
	}
	if _, err := r.w.Write(r.head[at:]); err != nil {
		return 0, err
	}
	return len(p), nil
}

// sheetSerial is the serial number of t, which is not before March 1900.
func sheetSerial(t time.Time) float64 {
	const day = 24 * time.Hour
	seconds := t.Unix() - time.Date(1899, time.December, 30, 0, 0, 0, 0, time.UTC).Unix()
	rest := time.Duration(seconds%86400)*time.Second + time.Duration(t.Nanosecond())
	return float64(seconds/86400) + float64(rest)/float64(day)
}

// sheetPart is the name of the part of the table's own sheet: a new book has
// one sheet, which is the table's.
const sheetPart = "xl/worksheets/sheet1.xml"
