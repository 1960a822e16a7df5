package gsbatch_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// benchHeader is the header of every input of the benchmark.
func benchHeader() []string {
	return []string{"Name", "Status", "Goal Type", "Entity Type", "Company", "Due Date", "Description",
		"Owner__gc", "Region__gc", "Value__gc", "Channel__gc", "Note__gc"}
}

// benchRow fills row with the cells of row i: about 440 bytes as CSV, and one
// description in twenty has lines of its own. Rows depend on i alone.
func benchRow(i int, row []string) []string {
	types := [...]string{"Default", "Adoption", "Expansion"}
	statuses := [...]string{"New", "On Track", "At Risk", "Achieved"}
	regions := [...]string{"EMEA", "AMER", "APAC", "LATAM", "DACH"}
	channels := [...]string{"direct", "partner", "self service"}
	status, kind := statuses[i%4], types[i%3]
	if status == "At Risk" && kind == "Expansion" {
		status = "New"
	}
	about := fmt.Sprintf("Raise the weekly active users, by team, from %d to %d; \"live\" by the end of the quarter, see the plan and the notes of the last review", i%5000, i%5000+250)
	if i%20 == 0 {
		about += "\nFirst the pilot team,\nthen everybody else."
	}
	return append(row[:0], fmt.Sprintf("Goal %07d of the year: seats in use", i), status, kind, "COMPANY", fmt.Sprintf("Company Number %d Ltd", i%997),
		fmt.Sprintf("2027-%02d-%02d", i%12+1, i%28+1), about, fmt.Sprintf("owner%d@example.com", i%50), regions[i%5],
		fmt.Sprintf("%d.%02d", i%100_000, i%100), channels[i%3],
		"The quick brown fox jumps over the lazy dog, and goes on until this last column of the row is as long as notes are")
}

// writeCSV writes the first rows of the input as CSV and gives the file's size.
func writeCSV(path string, rows int) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	row := benchHeader()
	for i := 0; ; i++ {
		for at, cell := range row {
			if at > 0 {
				_ = w.WriteByte(',')
			}
			if strings.ContainsAny(cell, ",\"\n") {
				cell = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
			}
			_, _ = w.WriteString(cell)
		}
		_ = w.WriteByte('\n')
		if i == rows {
			return errors.Join(w.Flush(), f.Close())
		}
		row = benchRow(i+1, row)
	}
}

// writeWorkbook writes the first rows of the input as a workbook of one sheet,
// its strings in the cells or in a table.
func writeWorkbook(path string, rows int, shared bool) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	b := benchBook{zip: zip.NewWriter(f)}
	b.zip.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, 5) })
	if shared {
		b.strings = map[string]int{}
	}
	return errors.Join(b.write(rows), b.zip.Close(), f.Close())
}

// benchBook is a workbook being written.
type benchBook struct {
	zip     *zip.Writer
	sheet   *bufio.Writer
	strings map[string]int // nil: strings stand in the cells
	table   bytes.Buffer
}

const (
	xmlHead  = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`
	xmlSpace = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
)

func (b *benchBook) write(rows int) error {
	for _, part := range [][2]string{
		{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>`},
		{"_rels/.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"xl/workbook.xml", `<workbook ` + xmlSpace + ` xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Goals" sheetId="1" r:id="rId1"/></sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>`},
	} {
		if err := b.part(part[0], part[1]); err != nil {
			return err
		}
	}
	w, err := b.zip.Create("xl/worksheets/sheet1.xml")
	if err != nil {
		return err
	}
	b.sheet = bufio.NewWriterSize(w, 1<<20)
	fmt.Fprintf(b.sheet, `%s<worksheet %s><dimension ref="A1:L%d"/><sheetData>`, xmlHead, xmlSpace, rows+1)
	row := benchHeader()
	b.row(1, row)
	for i := range rows {
		row = benchRow(i+1, row)
		b.row(i+2, row)
	}
	fmt.Fprint(b.sheet, `</sheetData></worksheet>`)
	if err := b.sheet.Flush(); err != nil {
		return err
	}
	return b.part("xl/sharedStrings.xml", `<sst `+xmlSpace+`>`+b.table.String()+`</sst>`)
}

func (b *benchBook) part(name, text string) error {
	w, err := b.zip.Create(name)
	if err == nil {
		_, err = io.WriteString(w, xmlHead+text)
	}
	return err
}

func (b *benchBook) row(n int, cells []string) {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")
	fmt.Fprintf(b.sheet, `<row r="%d">`, n)
	for i, text := range cells {
		if b.strings == nil {
			fmt.Fprintf(b.sheet, `<c r="%c%d" t="inlineStr"><is><t>%s</t></is></c>`, 'A'+i, n, escape.Replace(text))
			continue
		}
		at, known := b.strings[text]
		if !known {
			at = len(b.strings)
			b.strings[text] = at
			fmt.Fprintf(&b.table, "<si><t>%s</t></si>", escape.Replace(text))
		}
		fmt.Fprintf(b.sheet, `<c r="%c%d" t="s"><v>%d</v></c>`, 'A'+i, n, at)
	}
	fmt.Fprint(b.sheet, `</row>`)
}

// file makes an input once and gives its path.
func (b *bench) file(t *testing.T, kind string, rows int) string {
	t.Helper()
	path := filepath.Join(b.dir, fmt.Sprintf("%s-%d.%s", kind, rows, map[string]string{"csv": "csv", "inline": "xlsx", "shared": "xlsx"}[kind]))
	if _, err := os.Stat(path); err == nil {
		return path
	}
	var err error
	if kind == "csv" {
		err = writeCSV(path, rows)
	} else {
		err = writeWorkbook(path, rows, kind == "shared")
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}
