//go:build unix

package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

// inGoals are the flags that read a goalsBook.
func inGoals(args ...string) []string {
	return append(args, "--sheet", "Goals", "--header-row", fmt.Sprint(headRow))
}

// reds are the red cells of a copy of a goalsBook.
func (s *stage) reds(name string) []string {
	s.Helper()
	red := s.marked(name, goalsSheet).red
	slices.Sort(red)
	return red
}

// What the server rejects is marked at its cell with the server's words; a
// retry's workbook has the Gsids of the run before; a second copy marks what is
// still wrong, and no more.
func TestErrorsBookOfRejections(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	rows := goalRows("Rejected", 120)
	good := map[string]string{}
	for _, row := range []int{5, 40, 90} {
		good[cellAt(4, headRow+1+row)] = rows[row][4]
		rows[row][4] = fmt.Sprintf("Nowhere No. %d", row)
	}
	s.goalsBook("goals.xlsx", rows)
	first := s.json(3, inGoals("import", "goals.xlsx")...)
	s.counts(first, "rows=120 created=117 rejected=3")
	want := []string{"E44", "E9", "E94"}
	for _, dir := range []string{first.dir, s.json(3, "retry", first.Run).dir} {
		errors := filepath.Join(dir, "errors.xlsx")
		m := s.marked(errors, goalsSheet)
		if slices.Sort(m.red); !slices.Equal(m.red, want) {
			t.Errorf("%s: red are %v, want %v", errors, m.red, want)
		}
		if text := m.comments["E9"]; !strings.Contains(text, "gsbatch: rejected by the tenant: ") || !strings.Contains(text, "CompanyId") {
			t.Errorf("%s: E9 has the comment %q", errors, text)
		}
		if lines, gsids := s.problemRows(errors); !slices.Equal(lines, []string{"9", "44", "94"}) || gsids != 117 {
			t.Errorf("%s: problems in %v, %d Gsids", errors, lines, gsids)
		}
	}
	still := "E94"
	s.mendBook(filepath.Join(first.dir, "errors.xlsx"), "mended.xlsx", map[string]string{"E9": good["E9"], "E44": good["E44"]})
	second := s.json(3, inGoals("import", "mended.xlsx")...)
	s.counts(second, "rows=120 created=2 unchanged=117 rejected=1")
	errors := filepath.Join(second.dir, "errors.xlsx")
	m := s.marked(errors, goalsSheet)
	if !slices.Equal(m.red, []string{still}) || len(m.comments) != 2 || m.comments[still] == "" {
		t.Errorf("the second copy has red %v and the comments %v", m.red, m.comments)
	}
	if lines, gsids := s.problemRows(errors); !slices.Equal(lines, []string{"94"}) || gsids != 119 {
		t.Errorf("the second copy has problems in %v, %d Gsids", lines, gsids)
	}
	s.mendBook(errors, "again.xlsx", map[string]string{still: good[still]})
	s.counts(s.json(0, inGoals("import", "again.xlsx")...), "rows=120 created=1 unchanged=119")
	if goals := s.goals(); len(goals) != 120 {
		t.Errorf("%d goals, want 120", len(goals))
	}
}

// A row that is done and was changed since is an update; one that was copied
// with its Gsid is told. No row is created twice, under any mode.
func TestErrorsBookRowsThatWereDone(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"auto", "create", "upsert"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "")
			rows := goalRows("Done", 20)
			good := spoilCells(rows, 2)
			s.goalsBook("goals.xlsx", rows)
			first := s.json(3, inGoals("import", "goals.xlsx", "--skip-invalid", "--mode", mode)...)
			s.counts(first, "rows=20 created=18 invalid=2")
			s.mendBook(filepath.Join(first.dir, "errors.xlsx"), "mended.xlsx", good)
			s.counts(s.json(0, inGoals("import", "mended.xlsx", "--mode", mode)...), "rows=20 created=2 unchanged=18")
			if s.writes() != 20 {
				t.Errorf("%d writes", s.writes())
			}
			if mode != "auto" {
				return
			}
			s.mendBook(s.path("mended.xlsx"), "changed.xlsx", map[string]string{"B4": "Achieved"})
			s.counts(s.json(0, inGoals("import", "changed.xlsx")...), "rows=20 updated=1 unchanged=19")
			for i, title := range []string{"Another name", "Done 00001"} {
				s.copyRow("mended.xlsx", fmt.Sprintf("copied%d.xlsx", i), title)
				s.counts(s.json(5, inGoals("import", fmt.Sprintf("copied%d.xlsx", i))...), "rows=21 unchanged=20 invalid=1")
			}
		})
	}
}

// copyRow copies the first row with its Gsid below the others and names it.
func (s *stage) copyRow(from, to, title string) {
	const row, target = headRow + 1, headRow + 21
	s.Helper()
	book, err := excelize.OpenFile(s.path(from))
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	if err := book.DuplicateRowTo("Goals", row, target); err != nil {
		s.Fatal(err)
	}
	if err := book.SetCellValue("Goals", cellAt(0, target), title); err != nil {
		s.Fatal(err)
	}
	if err := book.SaveAs(s.path(to)); err != nil {
		s.Fatal(err)
	}
}

func TestErrorsBookAfterAPause(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	rows := goalRows("Paused", 60)
	good := spoilCells(rows, 4)
	s.goalsBook("goals.xlsx", rows)
	paused := s.json(7, inGoals("import", "goals.xlsx", "--skip-invalid", "--max-calls", "20")...)
	want := sortedCells(good)
	if red := s.reds(filepath.Join(paused.dir, "errors.xlsx")); !slices.Equal(red, want) {
		t.Errorf("red are %v, want %v", red, want)
	}
	ended := s.json(3, "resume", "--max-calls", "1000")
	s.counts(ended, "rows=60 created=56 invalid=4")
	if lines, gsids := s.problemRows(filepath.Join(ended.dir, "errors.xlsx")); len(lines) != 4 || gsids != 56 {
		t.Errorf("problems in %v, %d Gsids", lines, gsids)
	}
}

func sortedCells(cells map[string]string) []string {
	var names []string
	for name := range cells {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// A workbook that is packed, or has macros, is copied as what it is; one that is
// gone from where it was, or changed, is not guessed at.
func TestErrorsBookOfOtherInputs(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	rows := goalRows("Other", 30)
	good := spoilCells(rows, 3)
	s.goalsBook("goals.xlsx", rows)
	text := s.read("goals.xlsx")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(text); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	s.writeFile("packed.xlsx.gz", packed.Bytes())
	s.writeFile("macros.xlsm", withMacros(t, text))

	one := s.json(5, inGoals("import", "packed.xlsx.gz")...)
	if diff := cmp.Diff(sortedCells(good), s.reds(filepath.Join(one.dir, "errors.xlsx"))); diff != "" {
		t.Error(diff)
	}
	two := s.json(5, inGoals("import", "macros.xlsm")...)
	if m := s.marked(filepath.Join(two.dir, "errors.xlsm"), goalsSheet); len(m.red) != 3 || m.parts["xl/vbaProject.bin"] != "macros" {
		t.Errorf("errors.xlsm has red %v and %q", m.red, m.parts["xl/vbaProject.bin"])
	}
	if _, err := os.Stat(filepath.Join(two.dir, "errors.xlsx")); err == nil {
		t.Error("there is an errors.xlsx beside errors.xlsm")
	}
	s.mendBook(filepath.Join(two.dir, "errors.xlsm"), "mended.xlsm", good)
	s.counts(s.json(0, inGoals("import", "mended.xlsm")...), "rows=30 created=30")

	r := s.want(5, s.startWith(bytes.NewReader(text), append([]string{"gsbatch"}, inGoals("import", "-", "--report-dir", "out", "--again")...)...))
	if !strings.Contains(r.stderr, "errors.xlsx has the rows with errors alone: the workbook was read from standard input") {
		t.Errorf("stderr: %s", r.stderr)
	}
	if list := s.run(0, "rows", "out/errors.xlsx").stdout; strings.Count(list, "\n") != 3 {
		t.Errorf("errors.xlsx has %s", list)
	}
	s.writeFile("packed.xlsx.gz", append(packed.Bytes(), 0))
	if r := s.run(0, "runs", "report", one.Run); !strings.Contains(r.stderr, "packed.xlsx.gz: is no longer the file that was read") {
		t.Errorf("stderr: %s", r.stderr)
	}
}

// withMacros makes of a workbook one with macros.
func withMacros(t *testing.T, book []byte) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(book), int64(len(book)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	part := func(name string, text []byte) {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name == "[Content_Types].xml" {
			text = bytes.Replace(text, []byte("openxmlformats-officedocument.spreadsheetml.sheet.main+xml"), []byte("ms-excel.sheet.macroEnabled.main+xml"), 1)
		}
		part(f.Name, text)
	}
	part("xl/vbaProject.bin", []byte("macros"))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The results of a workbook are a workbook too: texts are texts, numbers and
// dates what they were, with a head that stays and a filter.
func TestResultsBook(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	f := excelize.NewFile()
	for i, row := range [][]any{{"Name", "Status", "Entity Type", "score__gc", "sure__gc", "Description"}, {"Kinds", "New", "GLOBAL", 12.5, true, "007"}, {"No", "Nope", "GLOBAL", nil, nil, "=1+1"}} {
		if err := f.SetSheetRow("Sheet1", cellAt(0, i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.SaveAs(s.path("kinds.xlsx")); err != nil {
		t.Fatal(err)
	}
	got := s.json(5, "import", "kinds.xlsx")
	name := filepath.Join(got.dir, "results.xlsx")
	book, err := excelize.OpenFile(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	for cell, want := range map[string]struct {
		kind excelize.CellType
		text string
	}{"D2": {excelize.CellTypeUnset, "12.5"}, "E2": {excelize.CellTypeBool, "TRUE"}, "F2": {excelize.CellTypeInlineString, "007"}, "F3": {excelize.CellTypeInlineString, "=1+1"}, "H2": {excelize.CellTypeUnset, "2"}} {
		kind, err := book.GetCellType("Sheet1", cell)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := book.GetCellValue("Sheet1", cell); kind != want.kind || text != want.text || err != nil {
			t.Errorf("%s is %q of type %v, want %+v", cell, text, kind, want)
		}
	}
	panes, err := book.GetPanes("Sheet1")
	if err != nil || !panes.Freeze || panes.YSplit != 1 {
		t.Errorf("panes %+v, %v", panes, err)
	}
	if m := s.marked(name, "xl/worksheets/sheet1.xml"); m.filter == "" {
		t.Error("results.xlsx has no filter")
	}
}

// A process that is killed while it writes leaves errors.xlsx as it was, or not
// there, and the next report takes away what it left.
func TestErrorsBookWhenKilled(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	rows := goalRows("Killed", 3000)
	good := spoilCells(rows, 100)
	s.goalsBook("goals.xlsx", rows)
	done := s.json(5, inGoals("import", "goals.xlsx")...)
	name := filepath.Join(done.dir, "errors.xlsx")
	cut := 0
	for i := range 8 {
		if i%2 == 0 {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		p := s.start("runs", "report", done.Run)
		time.Sleep(time.Duration(100+i*90) * time.Millisecond)
		p.signal(syscall.SIGKILL)
		if p.wait().code == -1 {
			cut++
		}
		if _, err := os.Stat(name); err == nil {
			if red := s.reds(name); !slices.Equal(red, sortedCells(good)) {
				t.Errorf("kill %d: red are %v", i, red)
			}
		} else if i%2 == 1 {
			t.Errorf("kill %d took errors.xlsx away: %v", i, err)
		}
		s.run(0, "runs", "report", done.Run)
		s.book(strings.TrimPrefix(name, s.dir+"/"))
	}
	t.Logf("%d of 8 were cut off", cut)
}
