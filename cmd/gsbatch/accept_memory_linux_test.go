// The race detector takes memory of its own.
//go:build !race

package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLargeWorkbookNeedsLittleMemory validates workbooks of 100,000 rows, with
// strings in the cells as programs write them and in a table as Excel does.
func TestLargeWorkbookNeedsLittleMemory(t *testing.T) {
	rows := 100_000
	if testing.Short() {
		rows = 20_000
	}
	for _, shared := range []bool{false, true} {
		t.Run(fmt.Sprintf("shared=%t", shared), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "")
			s.writeWorkbook("large.xlsx", rows, shared, 0)
			p := s.start("validate", "large.xlsx", "--progress", "none")
			peak := p.peak()
			r := s.want(0, p)
			if want := fmt.Sprintf("large.xlsx: %d rows: %d valid\n", rows, rows); !strings.HasPrefix(r.stdout, want) {
				t.Errorf("stdout %q", r.stdout)
			}
			t.Logf("%d rows took %d MiB", rows, peak>>10)
			if peak>>10 >= 120 {
				t.Errorf("%d rows took %d MiB", rows, peak>>10)
			}
			if n := s.writes(); n != 0 {
				t.Errorf("%d write calls", n)
			}
		})
	}
}

// peak returns the most memory that was resident in the process, in KiB, once
// it has ended. The rusage of a child would count this process's own, which it
// shares until it has become another program.
func (p *process) peak() int {
	most := 0
	for {
		select {
		case <-p.done:
			return most
		case <-time.After(2 * time.Millisecond):
		}
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid)) // it may be gone
		if _, rest, found := strings.Cut(string(text), "VmHWM:"); found && strings.Contains(string(text), "Name:\tgsbatch") {
			_, _ = fmt.Sscan(rest, &most)
		}
	}
}

// workbook is an XLSX file being written. strings is its table, or nil.
type workbook struct {
	sheet   *bytes.Buffer
	strings map[string]int
	table   *bytes.Buffer
}

// TestErrorsBookNeedsLittleMemory wants errors.xlsx of a workbook just below
// 200,000 cells, and of one far above, whatever is wrong in them.
func TestErrorsBookNeedsLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes large workbooks")
	}
	for _, c := range []struct{ rows, bad, most int }{{28_500, 100, 150}, {28_500, 5, 165}, {100_000, 200, 200}, {100_000, 10, 240}} {
		t.Run(fmt.Sprintf("%d rows, one in %d bad", c.rows, c.bad), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "")
			s.writeWorkbook("large.xlsx", c.rows, true, c.bad)
			for _, command := range []string{"validate", "import"} {
				p := s.start(command, "large.xlsx", "--progress", "none", "--report-dir", "out-"+command)
				peak := p.peak() >> 10
				r := s.want(5, p)
				s.book("out-" + command + "/errors.xlsx")
				told := strings.Contains(r.stderr, "errors.xlsx has the rows with errors alone: the workbook has more than 200000 cells")
				if told != (c.rows > 28_500) {
					t.Errorf("stderr: %s", ends(r.stderr))
				}
				t.Logf("%s took %d MiB", command, peak)
				if peak >= c.most {
					t.Errorf("%s took %d MiB", command, peak)
				}
			}
			if c.rows > 28_500 {
				rows := s.run(0, "rows", "out-validate/errors.xlsx").stdout
				if n := strings.Count(rows, "\n"); n != c.rows/c.bad {
					t.Errorf("errors.xlsx has %d rows", n)
				}
			}
		})
	}
}

// writeWorkbook writes a workbook of good rows, but for one in bad (0: none).
func (s *stage) writeWorkbook(name string, rows int, shared bool, bad int) {
	s.Helper()
	const head, space = `<?xml version="1.0" encoding="UTF-8"?>`, `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	b := workbook{sheet: new(bytes.Buffer), table: new(bytes.Buffer)}
	if shared {
		b.strings = map[string]int{}
	}
	b.row(1, goalHeader())
	for i := range rows {
		status := "New"
		if bad > 0 && i%bad == bad-1 {
			status = "Nwe"
		}
		b.row(i+2, []string{fmt.Sprintf("Goal %06d", i+1), status, "Default", "COMPANY", fmt.Sprintf("Company %d", i%5000),
			"2027-05-17", fmt.Sprintf("What is to be reached in row %d, and by whom, and why it matters to whom", i)})
	}
	parts := append(workbookParts(),
		[2]string{"xl/worksheets/sheet1.xml", head + "<worksheet " + space + "><sheetData>" + b.sheet.String() + "</sheetData></worksheet>"},
		[2]string{"xl/sharedStrings.xml", head + "<sst " + space + ">" + b.table.String() + "</sst>"})
	file, err := os.Create(filepath.Join(s.dir, name))
	if err != nil {
		s.Fatal(err)
	}
	z := zip.NewWriter(file)
	for _, part := range parts {
		w, err := z.Create(part[0])
		if err == nil {
			_, err = io.WriteString(w, part[1])
		}
		if err != nil {
			s.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), file.Close()); err != nil {
		s.Fatal(err)
	}
}

func (b *workbook) row(row int, cells []string) {
	fmt.Fprintf(b.sheet, `<row r="%d">`, row)
	for i, text := range cells {
		if b.strings == nil {
			fmt.Fprintf(b.sheet, `<c r="%c%d" t="inlineStr"><is><t>%s</t></is></c>`, 'A'+i, row, text)
			continue
		}
		n, known := b.strings[text]
		if !known {
			n = len(b.strings)
			b.strings[text] = n
			fmt.Fprintf(b.table, "<si><t>%s</t></si>", text)
		}
		fmt.Fprintf(b.sheet, `<c r="%c%d" t="s"><v>%d</v></c>`, 'A'+i, row, n)
	}
	fmt.Fprint(b.sheet, `</row>`)
}

// workbookParts are the parts of a workbook with one sheet, but for the sheet.
func workbookParts() [][2]string {
	const head = `<?xml version="1.0" encoding="UTF-8"?>`
	return [][2]string{
		{"[Content_Types].xml", head + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>
<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>
<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>`},
		{"_rels/.rels", head + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"xl/workbook.xml", head + `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">
<sheets><sheet name="Goals" sheetId="1" r:id="rId1"/></sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", head + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>
<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>`},
	}
}

// TestLargeExportNeedsLittleMemory exports ten times as many goals, and wants
// no more memory than their marks take.
func TestLargeExportNeedsLittleMemory(t *testing.T) {
	t.Parallel()
	rows := 50_000
	if testing.Short() {
		rows = 20_000
	}
	s := newStage(t, "")
	peaks := map[string]int{}
	grown := 0
	for _, n := range []int{rows / 10, rows} {
		s.grow(fmt.Sprintf("Large %d", n), n-grown)
		grown = n
		for _, format := range []string{"csv", "xlsx"} {
			p := s.start("export", "goals", "-o", "large."+format, "--progress", "none")
			peak := p.peak() >> 10
			r := s.want(0, p)
			if want := fmt.Sprintf("%d goals", n+6); !strings.HasPrefix(r.stdout, want) {
				t.Errorf("stdout %q, want %s", r.stdout, want)
			}
			t.Logf("%d goals into %s took %d MiB", n, format, peak)
			most := map[string]int{"csv": 60, "xlsx": 65}[format]
			if before := peaks[format]; before > 0 && peak > before+20 || peak > most {
				t.Errorf("%d goals into %s took %d MiB, a tenth of them %d MiB", n, format, peak, before)
			}
			peaks[format] = peak
		}
	}
}
