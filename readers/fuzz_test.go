package readers_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"gsbatch/readers"
)

// FuzzCSV reads with this package and with encoding/csv: where this package
// reads a file whole, the other must see the same cells at the same places.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", "a,b\r\n\"1\r\n\"\"2\",x\r\n", "a;\"b\"\n\n1;2", "a,b\n,\n\"\",\"\"\n3,\"4\n\n\"\n", "a\r1\r", "a,b\n1,2,\n"} {
		f.Add([]byte(seed), byte(','))
		f.Add([]byte(seed), byte(';'))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte, delimiter byte) {
		path := filepath.Join(dir, "a.csv")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		o := readers.Options{Format: readers.CSV, Delimiter: rune(delimiter), Limits: readers.Limits{Record: 100}}
		if err := differs(path, o); err != nil {
			t.Error(err)
		}
		table, err := readers.Open(context.Background(), path, o)
		if err != nil {
			checkError(t, err)
			return
		}
		defer table.Close()
		if table.Encoding() != "utf-8" {
			return
		}
		compareCSV(t, table, content, table.Delimiter())
	})
}

func checkError(t *testing.T, err error) {
	t.Helper()
	var known *readers.Error
	if !errors.As(err, &known) || known.What == "" || known.Err == nil {
		t.Errorf("error %v is no full *Error", err)
	}
}

// compareCSV compares the rows of table with the records that encoding/csv
// sees. Files with bare carriage returns mean something else to it.
func compareCSV(t *testing.T, table *readers.Table, content []byte, delimiter rune) {
	t.Helper()
	content = bytes.TrimPrefix(content, []byte("\xEF\xBB\xBF"))
	bareCR := bytes.Contains(bytes.ReplaceAll(content, []byte("\r\n"), nil), []byte("\r"))
	r := csv.NewReader(bytes.NewReader(content))
	r.Comma, r.FieldsPerRecord = delimiter, -1
	next := func() ([]string, bool) {
		for {
			record, err := r.Read()
			if err != nil || strings.TrimFunc(strings.Join(record, ""), blank) != "" {
				return record, err == nil
			}
		}
	}
	comparable := !bareCR && utf8.Valid(content) && !bytes.HasPrefix(bytes.ToLower(bytes.Trim(content, `"`)), []byte("sep="))
	if comparable {
		if _, ok := next(); !ok {
			t.Fatal("encoding/csv has no header")
		}
	}
	for row, err := range table.Rows() {
		if err != nil {
			checkError(t, err)
			return
		}
		if !comparable {
			continue
		}
		record, ok := next()
		if !ok {
			t.Fatalf("encoding/csv has no row %d", row.Line)
		}
		if len(table.Header()) == r.FieldsPerRecord || len(record) == len(table.Header()) {
			compareRecord(t, row, record, r)
		}
	}
	if comparable {
		if record, ok := next(); ok {
			t.Errorf("encoding/csv has one more row: %q", record)
		}
	}
}

func blank(r rune) bool {
	return r == '\uFEFF' || r == '\u200B' || strings.TrimSpace(string(r)) == ""
}

func compareRecord(t *testing.T, row readers.Row, record []string, r *csv.Reader) {
	t.Helper()
	for i, cell := range row.Cells {
		if strings.ReplaceAll(cell.Text, "\r\n", "\n") != record[i] {
			t.Errorf("row %d, cell %d: %q, encoding/csv reads %q", row.Line, i, cell.Text, record[i])
		}
		place := row.Place(i)
		if line, column := r.FieldPos(i); place.Line != line || place.Column != column {
			t.Errorf("row %d, cell %d at %v, encoding/csv has it at %d:%d", row.Line, i, place, line, column)
		}
	}
}

// FuzzSheet reads any XML as a sheet: it never panics, and what it reads
// without an error has at least as many rows as it has row ends with values.
func FuzzSheet(f *testing.F) {
	f.Add([]byte(sheetXML(header + `<row r="2"><c r="A2"><v>1</v></c></row>`)))
	f.Add([]byte(sheetXML(header + `<row r="2"><c r="A2" t="inlineStr"><is><r><t>x</t></r></is></c></row>`)))
	f.Add([]byte(sheetXML(header + `<row><c t="str" s="1"><f>"x"</f><v>_x000D_</v></c></row><!-- x -->`)))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, sheet []byte) {
		p := parts("")
		p[sheet1] = string(sheet)
		if !bytes.Contains(sheet, []byte("<!")) { // what looks like a cell in a comment or CDATA is none
			comparesUsual(t, filepath.Join(dir, "b.xlsx"), p)
		}
		path := filepath.Join(dir, "a.xlsx")
		if err := os.WriteFile(path, []byte(build(t, p)), 0o600); err != nil {
			t.Fatal(err)
		}
		table, err := readers.Open(context.Background(), path, readers.Options{Sheet: "S"})
		if err != nil {
			checkError(t, err)
			return
		}
		defer table.Close()
		last := 0
		for row, err := range table.Rows() {
			if err != nil {
				checkError(t, err)
				return
			}
			if row.Line <= last || len(row.Cells) != len(table.Header()) {
				t.Errorf("row %d after %d with %d cells", row.Line, last, len(row.Cells))
			}
			last = row.Line
		}
	})
}

// FuzzJSONL reads any text as JSONL without a panic.
func FuzzJSONL(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":["x",2],"c":"\u00e9"}` + "\n" + `{"b":null,"d":-1.5e+7}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(dir, "a.jsonl")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readCount(path, readers.Options{Format: readers.JSONL}); err != nil {
			checkError(t, err)
		}
	})
}
