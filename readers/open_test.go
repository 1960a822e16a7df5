package readers_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gsbatch/readers"
)

// file writes content to a new file of that name.
func file(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// dump reads a whole table: the header, then each row as its line, whether it
// is hidden, and its cells with their kinds (k:text) and places.
func dump(path string, o readers.Options) ([]string, []string, error) {
	table, err := readers.Open(context.Background(), path, o)
	if err != nil {
		return nil, nil, err
	}
	lines := []string{strings.Join(table.Header(), "|")}
	for row, err := range table.Rows() {
		if err != nil {
			return lines, table.Notices(), errors.Join(err, table.Close())
		}
		lines = append(lines, line(row))
	}
	return lines, table.Notices(), table.Close()
}

func line(row readers.Row) string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(row.Line))
	if row.Hidden {
		b.WriteByte('h')
	}
	for _, c := range row.Cells {
		b.WriteByte('|')
		if c.Kind != readers.Text {
			b.WriteString([]string{"text", "blank", "num", "pct", "bool", "date", "err", "novalue", "list", "null"}[c.Kind] + "=")
		}
		b.WriteString(c.Text)
	}
	return b.String()
}

func wantRows(t *testing.T, path string, o readers.Options, want ...string) []string {
	t.Helper()
	wantBlocks(t, path, o)
	got, notices, err := dump(path, o)
	if err != nil {
		t.Fatalf("reading: %v", err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
	return notices
}

// wantError reads a file that must fail with a text that begins with want and is kind.
func wantError(t *testing.T, path string, o readers.Options, kind error, want string) {
	t.Helper()
	wantBlocks(t, path, o)
	_, _, err := dump(path, o)
	var known *readers.Error
	switch {
	case err == nil:
		t.Fatalf("no error; want %s", want)
	case !errors.As(err, &known):
		t.Errorf("error %v is no *Error", err)
	case !errors.Is(err, kind):
		t.Errorf("error %v is not %v", err, kind)
	case !strings.HasPrefix(err.Error(), want):
		t.Errorf("error\n%v\nwant\n%s", err, want)
	case strings.ContainsAny(known.Error(), "\n\r"):
		t.Errorf("error %q is not one line", err)
	}
}

func packed(t testing.TB, content string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zipped(t testing.TB, parts ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		w, err := z.Create(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, parts[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFormatIsFoundOut(t *testing.T) {
	for _, c := range []struct {
		name, content string
		format        readers.Format
	}{
		{"a.csv", "x\n1\n", readers.CSV},
		{"a.TSV", "x\n1\n", readers.CSV},
		{"a.csv.gz", packed(t, "x\n1\n"), readers.CSV},
		{"unpacked.csv.gz", "x\n1\n", readers.CSV},
		{"a.jsonl", `{"x":1}`, readers.JSONL},
		{"a.ndjson.gz", packed(t, `{"x":1}`), readers.JSONL},
		{"a", "\n\n {\"x\":1}", readers.JSONL},
		{"b", "x\n1\n", readers.CSV},
		{"a.dat", workbookOf(t, `<row><c t="inlineStr"><is><t>x</t></is></c></row><row><c><v>1</v></c></row>`), readers.XLSX},
		{"named.csv", workbookOf(t, `<row><c t="inlineStr"><is><t>x</t></is></c></row><row><c><v>1</v></c></row>`), readers.XLSX},
	} {
		t.Run(c.name, func(t *testing.T) {
			table, err := readers.Open(context.Background(), file(t, c.name, c.content), readers.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer table.Close()
			if table.Format() != c.format {
				t.Errorf("format %q, want %q", table.Format(), c.format)
			}
			n := 0
			for row, err := range table.Rows() {
				if err != nil || row.Cells[0].Text != "1" {
					t.Errorf("row %v, error %v", row.Cells, err)
				}
				n++
			}
			if n != 1 {
				t.Errorf("%d rows, want 1", n)
			}
		})
	}
}

func TestOtherFilesAreNamed(t *testing.T) {
	compound := "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" + strings.Repeat("\x00", 600)
	var encrypted strings.Builder
	encrypted.WriteString(compound)
	for _, r := range "EncryptedPackage" {
		encrypted.WriteString(string(r) + "\x00")
	}
	for _, c := range []struct{ name, content, want string }{
		{"a.xls", compound, "a.xls: is a workbook of Excel 97-2003 (.xls); save it as .xlsx"},
		{"a.xlsx", encrypted.String(), "a.xlsx: is encrypted; open it with its password and save a copy without one"},
		{"a.xlsb", zipped(t, "xl/workbook.bin", "x"), "a.xlsb: is a binary workbook (.xlsb)"},
		{"a.ods", zipped(t, "mimetype", "x", "content.xml", "x"), "a.ods: is an OpenDocument file (.ods)"},
		{"a.docx", zipped(t, "word/document.xml", "x"), "a.docx: is a Word document"},
		{"a.zip", zipped(t, "goals.csv", "x"), "a.zip: is a zip file, but no workbook"},
		{"a.pdf", "%PDF-1.7", "a.pdf: is a PDF, not a table"},
		{"a.csv", "\xEF\xBB\xBF \n<!DOCTYPE html>", "a.csv: is a web page or XML, not a table"},
		{"a.json", `[{"x":1}]`, "a.json: is a JSON array, not a table; write one object a line"},
		{"b.xlsx", "Name,Status\n", "b.xlsx: is not a workbook; it looks like text: rename it to .csv"},
		{"c.xlsx", "", "c.xlsx: is empty"},
		{"c.csv", "", "c.csv: is empty; put a row of column names above the data"},
		{"d.csv", "\n\n\n", "d.csv: is empty"},
		{"d.jsonl", "\n", "d.jsonl: is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantError(t, file(t, c.name, c.content), readers.Options{}, readers.ErrNotTable, c.want)
		})
	}
}

func TestOptionsThatDoNotApply(t *testing.T) {
	csv, jsonl, xlsx := file(t, "a.csv", "x\n1\n"), file(t, "a.jsonl", "{}"), file(t, "a.xlsx", workbookOf(t, ""))
	for _, c := range []struct {
		path string
		o    readers.Options
		want string
	}{
		{csv, readers.Options{Sheet: "S"}, `a.csv: --sheet "S" means nothing for a csv file; leave it out`},
		{csv, readers.Options{Encoding: "latin9"}, `encoding "latin9" is not known; name utf-8, utf-16le, utf-16be or windows-1252`},
		{csv, readers.Options{Format: "xml"}, `format "xml" is not known`},
		{csv, readers.Options{HeaderRow: -1}, `header row -1 is not a row`},
		{csv, readers.Options{Delimiter: '"'}, `a.csv: delimiter "\"" is not usable`},
		{csv, readers.Options{Delimiter: '§'}, `a.csv: delimiter "§" is not usable`},
		{jsonl, readers.Options{HeaderRow: 2}, `a.jsonl: --header-row 2 means nothing for a jsonl file`},
		{jsonl, readers.Options{Delimiter: ';'}, `a.jsonl: --delimiter ";" means nothing`},
		{xlsx, readers.Options{Encoding: "utf-8"}, `a.xlsx: --encoding utf-8 means nothing`},
		{xlsx, readers.Options{Format: readers.CSV}, `a.xlsx: is a workbook or another zip file, not csv`},
		{"-", readers.Options{}, `stdin: no standard input to read`},
	} {
		wantError(t, c.path, c.o, readers.ErrOption, c.want)
	}
}

func TestFileSystemErrors(t *testing.T) {
	dir := t.TempDir()
	wantError(t, filepath.Join(dir, "none.csv"), readers.Options{}, fs.ErrNotExist, filepath.Join(dir, "none.csv")+": cannot be opened: no such file")
	wantError(t, dir, readers.Options{}, readers.ErrNotTable, dir+": is a folder")
}

func TestStandardInputIsSpooled(t *testing.T) {
	dir := t.TempDir()
	table, err := readers.Open(context.Background(), "-", readers.Options{Stdin: strings.NewReader("a,b\n1,2\n"), TempDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for row, err := range table.Rows() {
			if err != nil || line(row) != "2|1|2" || row.Place(1).String() != "stdin:2:3" {
				t.Errorf("row %q at %v, error %v", line(row), row.Place(1), err)
			}
		}
	}
	if table.Name() != "stdin" || table.Path() != "-" || table.Size() != 8 {
		t.Errorf("name %q, path %q, size %d", table.Name(), table.Path(), table.Size())
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("spool left behind: %v, error %v", left, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := readers.Open(ctx, "-", readers.Options{Stdin: strings.NewReader("a\n1\n"), TempDir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context canceled", err)
	}
	wantError(t, "-", readers.Options{Stdin: strings.NewReader(""), TempDir: dir}, readers.ErrNotTable, "stdin: is empty")
}

func TestHashIsOfTheStoredBytes(t *testing.T) {
	content := packed(t, "a\n1\n")
	table, err := readers.Open(context.Background(), file(t, "a.csv.gz", content), readers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	sum, err := table.SHA256()
	if err != nil || sum != sha256.Sum256([]byte(content)) {
		t.Errorf("hash %x, error %v", sum, err)
	}
}

func TestChangedFileIsNoticed(t *testing.T) {
	path := file(t, "a.csv", "a\n1\n")
	table, err := readers.Open(context.Background(), path, readers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	if err := os.WriteFile(path, []byte("a\n1\n2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var last error
	for _, err := range table.Rows() {
		last = err
	}
	if !errors.Is(last, readers.ErrDamaged) || !strings.Contains(last.Error(), "changed while it was being read") {
		t.Errorf("error %v", last)
	}
	if _, err := table.SHA256(); !errors.Is(err, readers.ErrDamaged) {
		t.Errorf("hash of a changed file: error %v", err)
	}
}

func TestPlaceText(t *testing.T) {
	for want, p := range map[string]readers.Place{
		"goals.xlsx:Goals!C42": {File: "goals.xlsx", Sheet: "Goals", Cell: "C42", Line: 42},
		"goals.xlsx:Goals":     {File: "goals.xlsx", Sheet: "Goals"},
		"goals.csv:12:5":       {File: "goals.csv", Line: 12, Column: 5},
		"goals.csv:12":         {File: "goals.csv", Line: 12},
		"goals.csv":            {File: "goals.csv"},
	} {
		if p.String() != want {
			t.Errorf("%q, want %q", p, want)
		}
	}
}

func TestIterationsAreIndependent(t *testing.T) {
	for _, name := range []string{"a.csv", "a.jsonl", "a.xlsx"} {
		t.Run(name, func(t *testing.T) {
			contents := map[string]string{
				"a.csv":   "h\n1\n2\n3\n",
				"a.jsonl": `{"h":1}` + "\n" + `{"h":2}` + "\n" + `{"h":3}`,
				"a.xlsx":  workbookOf(t, `<row><c t="inlineStr"><is><t>h</t></is></c></row><row><c><v>1</v></c></row><row><c><v>2</v></c></row><row><c><v>3</v></c></row>`),
			}
			table, err := readers.Open(context.Background(), file(t, name, contents[name]), readers.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer table.Close()
			var got []string
			for outer, err := range table.Rows() {
				if err != nil {
					t.Fatal(err)
				}
				text := outer.Cells[0].Text
				for inner, err := range table.Rows() {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, text+inner.Cells[0].Text)
				}
			}
			if d := cmp.Diff([]string{"11", "12", "13", "21", "22", "23", "31", "32", "33"}, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestPackedWorkbook reads a workbook out of a gzip file, whose hash and name
// are those of the file as it is stored.
func TestPackedWorkbook(t *testing.T) {
	plain, err := os.ReadFile("../samples/goals.xlsx")
	if err != nil {
		t.Fatal(err)
	}
	stored := packed(t, string(plain))
	table, err := readers.Open(t.Context(), file(t, "goals.xlsx.gz", stored), readers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, err := range table.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		rows++
	}
	sum, err := table.SHA256()
	if rows != 120 || table.Format() != readers.XLSX || table.Name() != "goals.xlsx.gz" || sum != sha256.Sum256([]byte(stored)) || err != nil {
		t.Errorf("%d rows of %s %s, hash %x, %v", rows, table.Format(), table.Name(), sum, err)
	}
	if err := table.Close(); err != nil {
		t.Error(err)
	}
	wantError(t, file(t, "cut.xlsx.gz", stored[:len(stored)/2]), readers.Options{}, readers.ErrDamaged, "cut.xlsx.gz: is damaged or cut off")
	wantError(t, file(t, "big.xlsx.gz", stored), readers.Options{Limits: readers.Limits{File: 1000}}, readers.ErrLimit, "big.xlsx.gz: workbook of")
}
