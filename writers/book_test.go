package writers

import (
	"archive/zip"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

// odd are names that a list typed into a drop-down, or a defined name, cannot
// have, and that MATCH would take for patterns.
func odd() []string {
	return []string{"On Track, mostly", "a*", "abc?", "~x", `say "x"`, "1st & <last>", " blanks ", "=1+1", strings.Repeat("long ", 60), "Ärger 🎯"}
}

func testBook() *Book {
	statuses := odd()
	var cases []Case
	for i, value := range odd() {
		cases = append(cases, Case{Value: value, Items: statuses[i:]})
	}
	cases = append(cases, Case{Value: "none"})
	return &Book{
		Rules: map[string]Rule{
			"Gsid":   {Title: "Gsid", Prompt: "kept", Locked: true},
			"Status": {Title: strings.Repeat("t", 40), Prompt: strings.Repeat("é🎯", 300), Items: statuses, By: "Type", Cases: cases},
			"Type":   {Items: odd()},
		},
		ReadMe: []string{"first", "", "third"},
		Origin: Origin{Tenant: "https://acme", Object: "goals", Purpose: "update", Picklists: "ab12", Created: time.Unix(0, 0), IDs: [][3]string{{"Type", "a*", "1I00"}}},
	}
}

func bookColumns() []Column {
	return []Column{{Name: "Gsid"}, {Name: "Status"}, {Name: "Type"}, {Name: "Due", Kind: Date}, {Name: "Note", Width: 70}}
}

func TestBookReadsBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "book.xlsx")
	writeTable(t, path, bookColumns(), TableOptions{Sheet: "Goals", Book: testBook()}, []string{"1CG0", "a*", "", "2026-01-31", "n"}, []string{"", "", "", "2026-01-31T10:00:00", ""})
	book := openBook(t, path)
	if got := book.GetSheetList(); !slices.Equal(got, []string{"Goals", "Read me", "_lists", "_gsbatch"}) {
		t.Errorf("sheets %q", got)
	}
	for sheet, want := range map[string]bool{"Goals": true, "Read me": true, "_lists": false, "_gsbatch": false} {
		if seen, err := book.GetSheetVisible(sheet); err != nil || seen != want {
			t.Errorf("%s: visible %v, %v", sheet, seen, err)
		}
	}
	rows, err := book.GetRows("_gsbatch")
	want := [][]string{{"gsbatch workbook", "1"}, {"sheet", "Goals"}, {"object", "goals"}, {"for", "update"}, {"tenant", "https://acme"},
		{"picklists", "ab12"}, {"created", "1970-01-01T00:00:00Z"}, {"list", "item", "Gsid"}, {"Type", "a*", "1I00"}}
	if diff := cmp.Diff(want, rows); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for cell, locked := range map[string]bool{"A2": true, "A3": true, "B2": false, "C2": false, "C3": false, "D2": false, "D3": false, "E3": false} {
		id, err := book.GetCellStyle("Goals", cell)
		if err != nil {
			t.Fatal(err)
		}
		style, err := book.GetStyle(id)
		if err != nil || (style.Protection == nil || style.Protection.Locked) != locked {
			t.Errorf("%s: %+v, %v, want locked %v", cell, style.Protection, err, locked)
		}
	}
	checkBookRules(t, book)
}

func checkBookRules(t *testing.T, book *excelize.File) {
	rules, err := book.GetDataValidations("Goals")
	if err != nil || len(rules) != 4 {
		t.Fatalf("%d rules, %v", len(rules), err)
	}
	for i, want := range []struct{ at, kind string }{{"A2:A1048576", ""}, {"B2:B1048576", "list"}, {"C2:C1048576", "list"}, {"D2:D1048576", "date"}} {
		if r := rules[i]; r.Sqref != want.at || r.Type != want.kind || r.ShowErrorMessage != (want.kind != "") {
			t.Errorf("%+v, want %+v", r, want)
		}
	}
	if r := rules[1]; len(*r.PromptTitle) != 32 || *r.Prompt != strings.Repeat("é🎯", 85) || len(r.Formula1) > 255 {
		t.Errorf("title %q, prompt %q, formula of %d", *r.PromptTitle, *r.Prompt, len(r.Formula1))
	}
	if got := namedRange(t, book, rules[2].Formula1); !slices.Equal(got, odd()) {
		t.Errorf("types %q", got)
	}
	for i, value := range odd() {
		if got := offered(t, book, rules[1].Formula1, value); len(value) <= 255 && !slices.Equal(got, odd()[i:]) {
			t.Errorf("for %q: %q", value, got)
		}
	}
	for _, value := range []string{"", "none", "abcd", "x*", strings.Repeat("long ", 60)} {
		if got := offered(t, book, rules[1].Formula1, value); !slices.Equal(got, odd()) {
			t.Errorf("for %q: %q", value, got)
		}
	}
}

// namedRange is the cells of a defined name, which are in one column.
func namedRange(t *testing.T, book *excelize.File, name string) (cells []string) {
	t.Helper()
	for _, d := range book.GetDefinedName() {
		m := regexp.MustCompile(`^_lists!\$([A-Z]+)\$2:\$([A-Z]+)\$(\d+)$`).FindStringSubmatch(d.RefersTo)
		if d.Name != name || m == nil || m[1] != m[2] {
			continue
		}
		last, err := strconv.Atoi(m[3])
		if err != nil {
			t.Fatal(err)
		}
		for row := 2; row <= last; row++ {
			cells = append(cells, listCell(t, book, m[1], row))
		}
	}
	return cells
}

func listCell(t *testing.T, book *excelize.File, column string, row int) string {
	t.Helper()
	text, err := book.GetCellValue("_lists", fmt.Sprint(column, row))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// offered carries the formula of a dependent drop-down out, as a spreadsheet does.
func offered(t *testing.T, book *excelize.File, formula, value string) []string {
	t.Helper()
	want := `INDIRECT(INDEX(lists_Status,1+IFERROR(MATCH(SUBSTITUTE(SUBSTITUTE(SUBSTITUTE($C2,"~","~~"),"*","~*"),"?","~?"),cases_Status,0),0)))`
	if formula != want {
		t.Fatalf("formula %q, want %q", formula, want)
	}
	which := slices.IndexFunc(namedRange(t, book, "cases_Status"), func(v string) bool { return strings.EqualFold(v, value) && len(v) <= 255 })
	return namedRange(t, book, namedRange(t, book, "lists_Status")[1+which])
}

// What excelize wrote it may read in its own way: these are the words of the
// file itself.
func TestBookBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "book.xlsx")
	writeTable(t, path, bookColumns(), TableOptions{Sheet: "Goals", Book: testBook()})
	for part, words := range map[string][]string{
		"xl/workbook.xml": {`<sheet name="_lists" sheetId="3" r:id="rId5" state="veryHidden">`, `<sheet name="_gsbatch" sheetId="4" r:id="rId6" state="veryHidden">`,
			`<definedName name="list_Type">_lists!$N$2:$N$11</definedName>`},
		"xl/worksheets/sheet1.xml": {`state="frozen"`, `ySplit="1"`, `<sheetProtection sheet="true" `, `autoFilter="false"`, `insertRows="false"`, `formatCells="false"`,
			`type="list"><formula1>list_Type</formula1>`, `operator="between"`, `<formula1>25569</formula1><formula2>109574</formula2>`, `width="70"`},
	} {
		text := bookPart(t, path, part)
		for _, word := range words {
			if !strings.Contains(text, word) {
				t.Errorf("%s has no %s", part, word)
			}
		}
	}
	if strings.Contains(bookPart(t, path, "xl/worksheets/sheet1.xml"), "password") {
		t.Error("the protection has a password")
	}
	free := testBook()
	free.Rules["Gsid"] = Rule{}
	path = filepath.Join(t.TempDir(), "free.xlsx")
	writeTable(t, path, bookColumns(), TableOptions{Sheet: "Goals", Book: free})
	if strings.Contains(bookPart(t, path, "xl/worksheets/sheet1.xml"), "sheetProtection") {
		t.Error("without a locked column the sheet is protected")
	}
}

func bookPart(t *testing.T, path, name string) string {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	f, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
