//go:build unix

package main

import (
	"archive/zip"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

// headRow is where the header stands in the workbook of goals that tests make.
const headRow = 3

// goalsBook makes a workbook as people have them: the goals in the second of
// three sheets below a merged title, formulas, formats, widths, a hidden column
// and row, a frozen head, a name, a comment and a rule, a rich text, a date that
// counts from 1904, and a password on the sheet.
func (s *stage) goalsBook(name string, rows [][]string) {
	s.Helper()
	f := excelize.NewFile()
	defer func() { _ = f.Close() }()
	check := func(errs ...error) {
		s.Helper()
		for _, err := range errs {
			if err != nil {
				s.Fatal(err)
			}
		}
	}
	style := func(style excelize.Style) int {
		id, err := f.NewStyle(&style)
		check(err)
		return id
	}
	check(f.SetSheetName("Sheet1", "Cover"), f.SetCellValue("Cover", "A1", "Goals of 2027"), f.SetCellFormula("Cover", "B2", "=COUNTA(Goals!A:A)"))
	_, err := f.NewSheet("Goals")
	check(err)
	check(f.SetCellValue("Goals", "A1", "All goals, by region"))
	date := "dd/mm/yyyy"
	dated, yellow, bold := style(excelize.Style{CustomNumFmt: &date}), style(excelize.Style{Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"FFFF00"}}}), style(excelize.Style{Font: &excelize.Font{Bold: true}})
	for i, title := range goalHeader() {
		check(f.SetCellValue("Goals", cellAt(i, headRow), title))
	}
	check(f.SetCellStyle("Goals", cellAt(0, headRow), cellAt(6, headRow), bold))
	for r, row := range rows {
		for c, text := range row {
			if text != "" {
				check(f.SetCellValue("Goals", cellAt(c, headRow+1+r), text))
			}
		}
	}
	last := headRow + len(rows)
	check(f.SetCellStyle("Goals", cellAt(1, headRow+1), cellAt(1, last), yellow), f.SetCellStyle("Goals", cellAt(5, headRow+1), cellAt(5, last), dated))
	yes := true
	check(f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &yes}), f.SetCellValue("Goals", cellAt(5, headRow+2), time.Date(2027, 2, 3, 0, 0, 0, 0, time.UTC)))
	check(f.SetCellRichText("Goals", cellAt(0, headRow+3), []excelize.RichTextRun{{Text: rows[2][0][:3], Font: &excelize.Font{Bold: true}}, {Text: rows[2][0][3:]}}))
	check(f.MergeCell("Goals", "A1", "G1"), f.SetRowVisible("Goals", headRow+5, false), f.SetRowHeight("Goals", headRow+6, 44))
	check(f.ProtectSheet("Goals", &excelize.SheetProtectionOptions{Password: "secret", FormatCells: true, AutoFilter: true}))
	check(f.SetColWidth("Goals", "A", "A", 33.5), f.SetColWidth("Goals", "G", "G", 71), f.SetColVisible("Goals", "C", false))
	check(f.SetPanes("Goals", &excelize.Panes{Freeze: true, YSplit: headRow, TopLeftCell: "A4", ActivePane: "bottomLeft"}))
	check(f.AddComment("Goals", excelize.Comment{Cell: cellAt(0, headRow+1), Author: "Ann", Paragraph: []excelize.RichTextRun{{Text: "the first of all"}}}))
	rule := excelize.NewDataValidation(true)
	rule.Sqref = "B4:B" + fmt.Sprint(last)
	check(rule.SetDropList([]string{"New", "On Track", "At Risk", "Achieved"}), f.AddDataValidation("Goals", rule))
	check(f.SetDefinedName(&excelize.DefinedName{Name: "Names", RefersTo: fmt.Sprintf("Goals!$A$4:$A$%d", last)}))
	_, err = f.NewSheet("Sums")
	check(err, f.SetCellFormula("Sums", "A1", "=SUM(1,2)"), f.SetCellValue("Sums", "B1", 12.5))
	check(f.SaveAs(s.path(name)))
}

func cellAt(column, row int) string {
	name, err := excelize.CoordinatesToCellName(column+1, row)
	if err != nil {
		panic(err)
	}
	return name
}

// markings are what a workbook says of its bad cells, read out of its XML.
type markings struct {
	red      []string
	comments map[string]string
	filter   string
	parts    map[string]string
}

// marked reads the markings of the sheet Goals.
func (s *stage) marked(name, part string) markings {
	s.Helper()
	z, err := zip.OpenReader(name)
	if err != nil {
		s.Fatal(err)
	}
	defer z.Close()
	m := markings{comments: map[string]string{}, parts: map[string]string{}}
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			s.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			s.Fatal(err)
		}
		m.parts[f.Name] = string(text)
	}
	var styles struct {
		Fills []struct {
			Color struct {
				RGB string `xml:"rgb,attr"`
			} `xml:"patternFill>fgColor"`
		} `xml:"fills>fill"`
		Formats []struct {
			Fill int `xml:"fillId,attr"`
		} `xml:"cellXfs>xf"`
	}
	var sheet struct {
		Cells []struct {
			Ref   string `xml:"r,attr"`
			Style int    `xml:"s,attr"`
		} `xml:"sheetData>row>c"`
		Filter struct {
			Ref string `xml:"ref,attr"`
		} `xml:"autoFilter"`
	}
	s.xml(m.parts["xl/styles.xml"], &styles)
	s.xml(m.parts[part], &sheet)
	for _, c := range sheet.Cells {
		if styles.Fills[styles.Formats[c.Style].Fill].Color.RGB == "FFFFC7CF" {
			m.red = append(m.red, c.Ref)
		}
	}
	m.filter = sheet.Filter.Ref
	s.readComments(&m, part)
	return m
}

// readComments follows the sheet's relationships to its comments and their boxes.
func (s *stage) readComments(m *markings, part string) {
	s.Helper()
	var links struct {
		All []struct {
			Type   string `xml:"Type,attr"`
			Target string `xml:"Target,attr"`
		} `xml:"Relationship"`
	}
	if text := m.parts[path.Dir(part)+"/_rels/"+path.Base(part)+".rels"]; text != "" {
		s.xml(text, &links)
	}
	for _, link := range links.All {
		target := strings.TrimPrefix(link.Target, "/")
		if !strings.HasPrefix(link.Target, "/") {
			target = path.Join(path.Dir(part), link.Target)
		}
		if path.Base(link.Type) == "vmlDrawing" && strings.Count(m.parts[target], "<x:Row>") != strings.Count(m.parts[target], `ObjectType="Note"`) {
			s.Errorf("%s is no drawing of comments", target)
		}
		if path.Base(link.Type) != "comments" {
			continue
		}
		var comments struct {
			All []struct {
				Ref  string `xml:"ref,attr"`
				Runs []struct {
					Text string `xml:"t"`
				} `xml:"text>r"`
			} `xml:"commentList>comment"`
		}
		s.xml(m.parts[target], &comments)
		for _, c := range comments.All {
			for _, run := range c.Runs {
				m.comments[c.Ref] += run.Text
			}
		}
	}
}

func (s *stage) xml(text string, into any) {
	s.Helper()
	if err := xml.Unmarshal([]byte(text), into); err != nil {
		s.Fatalf("%v in %.200q", err, text)
	}
}

// goalsSheet is the part of the sheet Goals of a goalsBook.
const goalsSheet = "xl/worksheets/sheet2.xml"

// spoilCells makes n cells wrong, one a row, and returns what stood there.
func spoilCells(rows [][]string, n int) map[string]string {
	wrong := []struct {
		column int
		value  string
	}{{1, "Ontrack"}, {5, "2027-02-30"}, {4, ""}, {2, "Defualt"}, {6, "#N/A"}}
	good := map[string]string{}
	for i := range n {
		row, bad := 7+i*(len(rows)/n), wrong[i%len(wrong)]
		good[cellAt(bad.column, headRow+1+row)] = rows[row][bad.column]
		rows[row][bad.column] = bad.value
	}
	return good
}

// sameBook wants all of a workbook to be in its copy but for what marks change.
func (s *stage) sameBook(was, is markings) {
	s.Helper()
	changed := []string{"xl/styles.xml", goalsSheet, "[Content_Types].xml", "xl/worksheets/_rels/sheet2.xml.rels", "xl/comments1.xml", "xl/drawings/vmlDrawing1.vml", "xl/comments2.xml"}
	for name, text := range was.parts {
		if is.parts[name] == "" {
			s.Errorf("the copy lacks %s", name)
		} else if is.parts[name] != text && !slices.Contains(changed, name) {
			s.Errorf("%s is not as it was", name)
		}
	}
}

// untouched wants what the sheet has beside its cells to be as it was.
func (s *stage) untouched(was, is markings) {
	s.Helper()
	for _, tag := range []string{"sheetViews", "sheetProtection", "mergeCells", "dataValidations", "pageMargins"} {
		if text := element(was.parts[goalsSheet], tag); text == "" && tag != "pageMargins" || text != element(is.parts[goalsSheet], tag) {
			s.Errorf("<%s> was %q and is %q", tag, text, element(is.parts[goalsSheet], tag))
		}
	}
	cols := strings.TrimSuffix(element(was.parts[goalsSheet], "cols"), "</cols>")
	if !strings.HasPrefix(element(is.parts[goalsSheet], "cols"), cols) {
		s.Errorf("columns were %q and are %q", cols, element(is.parts[goalsSheet], "cols"))
	}
}

func element(text, tag string) string {
	from, to := strings.Index(text, "<"+tag), strings.Index(text, "</"+tag+">")
	if from < 0 || to < from {
		return ""
	}
	return text[from : to+len(tag)+3]
}

// mendBook puts back what was spoiled, as a spreadsheet would.
func (s *stage) mendBook(from, to string, good map[string]string) {
	s.Helper()
	book, err := excelize.OpenFile(from)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	for cell, text := range good {
		if err := book.SetCellValue("Goals", cell, text); err != nil {
			s.Fatal(err)
		}
	}
	if err := book.SaveAs(s.path(to)); err != nil {
		s.Fatal(err)
	}
}

// checkErrorsBook wants errors.xlsx to mark these cells and to be the input otherwise.
func (s *stage) checkErrorsBook(input, name string, good map[string]string) markings {
	s.Helper()
	s.book(strings.TrimPrefix(name, s.dir+"/"))
	was, is := s.marked(s.path(input), goalsSheet), s.marked(name, goalsSheet)
	want := slices.Sorted(maps.Keys(good))
	slices.Sort(is.red)
	if diff := cmp.Diff(want, is.red); diff != "" {
		s.Errorf("red cells: %s", diff)
	}
	for cell := range good {
		if !strings.HasPrefix(is.comments[cell], "gsbatch: ") || !strings.Contains(is.comments[cell], "\n") {
			s.Errorf("%s has the comment %q", cell, is.comments[cell])
		}
	}
	if first := cellAt(0, headRow+1); len(is.comments) != len(good)+1 || is.comments[first] != "the first of all" {
		s.Errorf("%d comments, and the user's is %q", len(is.comments), is.comments[first])
	}
	s.sameBook(was, is)
	s.untouched(was, is)
	s.sameCells(s.path(input), name)
	return is
}

// sameCells reads both with two readers that are not ours to write with, and
// wants the user's cells to be the same, and problems where rows are bad.
func (s *stage) sameCells(input, name string) {
	s.Helper()
	read := func(name string) [][]string {
		book, err := excelize.OpenFile(name)
		if err != nil {
			s.Fatal(err)
		}
		defer func() { _ = book.Close() }()
		rows, err := book.GetRows("Goals")
		if err != nil {
			s.Fatal(err)
		}
		for i, row := range rows {
			rows[i] = append(slices.Clone(row), make([]string, 7)...)[:7]
		}
		return rows
	}
	if diff := cmp.Diff(read(input), read(name)); diff != "" {
		s.Errorf("cells differ: %s", diff)
	}
}

// problemRows are the lines that the column _problem says something of, and how
// many rows have a Gsid, as gsbatch rows reads them.
func (s *stage) problemRows(name string) (lines []string, gsids int) {
	s.Helper()
	out := s.run(0, "rows", name, "--sheet", "Goals", "--header-row", fmt.Sprint(headRow)).stdout
	for line := range strings.Lines(out) {
		if !strings.Contains(line, `"_problem":""`) {
			_, rest, _ := strings.Cut(line, `"line":`)
			number, _, _ := strings.Cut(rest, ",")
			lines = append(lines, number)
		}
		if strings.Contains(line, `"Gsid":"1CG0`) {
			gsids++
		}
	}
	return lines, gsids
}

func TestErrorsBookIsMendedAndImported(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	all, bad := 5000, 200
	if testing.Short() {
		all, bad = 1000, 40
	}
	rows := goalRows("Book", all)
	good := spoilCells(rows, bad)
	s.goalsBook("goals.xlsx", rows)
	where := []string{"--sheet", "Goals", "--header-row", fmt.Sprint(headRow)}

	got := s.run(5, append([]string{"validate", "goals.xlsx"}, where...)...)
	checked := s.path("gsbatch-out/validate-goals.xlsx/errors.xlsx")
	if !strings.Contains(got.stdout, "gsbatch-out/validate-goals.xlsx/errors.xlsx") {
		t.Errorf("validate does not tell of errors.xlsx: %s", got.stdout)
	}
	is := s.checkErrorsBook("goals.xlsx", checked, good)
	if is.filter != fmt.Sprintf("A3:H%d", headRow+all) {
		t.Errorf("filter over %q", is.filter)
	}

	unsent := s.json(5, append([]string{"import", "goals.xlsx"}, where...)...)
	s.counts(unsent, fmt.Sprintf("rows=%d invalid=%d pending=%d", all, bad, all-bad))
	is = s.checkErrorsBook("goals.xlsx", filepath.Join(unsent.dir, "errors.xlsx"), good)
	if is.filter != fmt.Sprintf("A3:K%d", headRow+all) {
		t.Errorf("filter over %q", is.filter)
	}
	if lines, gsids := s.problemRows(filepath.Join(unsent.dir, "errors.xlsx")); len(lines) != bad || gsids != 0 {
		t.Errorf("%d rows have a problem, %d a Gsid", len(lines), gsids)
	}

	first := s.json(3, append([]string{"import", "goals.xlsx", "--skip-invalid"}, where...)...)
	s.counts(first, fmt.Sprintf("rows=%d created=%d invalid=%d", all, all-bad, bad))
	errors := filepath.Join(first.dir, "errors.xlsx")
	s.checkErrorsBook("goals.xlsx", errors, good)
	if lines, gsids := s.problemRows(errors); len(lines) != bad || gsids != all-bad {
		t.Errorf("%d rows have a problem, %d a Gsid", len(lines), gsids)
	}
	s.mendBook(errors, "mended.xlsx", good)
	s.run(0, append([]string{"validate", "mended.xlsx"}, where...)...)
	second := s.json(0, append([]string{"import", "mended.xlsx"}, where...)...)
	s.counts(second, fmt.Sprintf("rows=%d created=%d unchanged=%d", all, bad, all-bad))
	if goals := s.goals(); len(goals) != all || s.writes() != all {
		t.Errorf("%d goals after %d writes, want %d after as many", len(goals), s.writes(), all)
	}
	s.proved(second.dir)
}

func TestErrorsBookOfWhatWasNotSent(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	rows := goalRows("Unsent", 300)
	good := spoilCells(rows, 20)
	s.goalsBook("goals.xlsx", rows)
	where := []string{"--sheet", "Goals", "--header-row", fmt.Sprint(headRow)}
	unsent := s.json(5, append([]string{"import", "goals.xlsx"}, where...)...)
	s.mendBook(filepath.Join(unsent.dir, "errors.xlsx"), "mended.xlsx", good)
	s.counts(s.json(0, append([]string{"import", "mended.xlsx"}, where...)...), "rows=300 created=300")
	if goals := s.goals(); len(goals) != 300 || s.writes() != 300 {
		t.Errorf("%d goals after %d writes", len(goals), s.writes())
	}
}

func TestErrorsBookWithoutItsInput(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	rows := goalRows("Gone", 50)
	spoilCells(rows, 5)
	s.goalsBook("goals.xlsx", rows)
	where := []string{"--sheet", "Goals", "--header-row", fmt.Sprint(headRow)}
	unsent := s.json(5, append([]string{"import", "goals.xlsx"}, where...)...)
	if err := os.Remove(s.path("goals.xlsx")); err != nil {
		t.Fatal(err)
	}
	got := s.run(0, "runs", "report", unsent.Run)
	if strings.Count(got.stderr, "\n") != 1 || !strings.Contains(got.stderr, "errors.xlsx has the rows with errors alone") || !strings.Contains(got.stderr, "goals.xlsx") {
		t.Errorf("the report tells %q", got.stderr)
	}
	list := s.run(0, "rows", filepath.Join(unsent.dir, "errors.xlsx")).stdout
	if strings.Count(list, "\n") != 5 || !strings.Contains(list, `"_reason":"goals.xlsx:Goals!`) {
		t.Errorf("errors.xlsx has %s", list)
	}
}
