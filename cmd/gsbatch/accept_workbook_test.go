//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// edit changes cells of the sheet Goals as a spreadsheet would.
func (s *stage) edit(name string, cells map[string]any) {
	s.Helper()
	s.editIn(name, "Goals", cells)
}

func (s *stage) editIn(name, sheet string, cells map[string]any) {
	s.Helper()
	book, err := excelize.OpenFile(s.path(name))
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	for cell, value := range cells {
		if err := book.SetCellValue(sheet, cell, value); err != nil {
			s.Fatal(err)
		}
	}
	if err := book.Save(); err != nil {
		s.Fatal(err)
	}
}

// column is the letter of a column of the sheet Goals.
func (s *stage) column(name, header string) string {
	s.Helper()
	return s.columnIn(name, "Goals", header)
}

func (s *stage) columnIn(name, sheet, header string) string {
	s.Helper()
	book, err := excelize.OpenFile(s.path(name))
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	rows, err := book.GetRows(sheet)
	if err != nil {
		s.Fatal(err)
	}
	i := slices.Index(rows[0], header)
	letter, err := excelize.ColumnNumberToName(i + 1)
	if err != nil {
		s.Fatalf("no column %s in %q", header, rows[0])
	}
	return letter
}

// book wants a workbook of mode 0600 and nothing beside it.
func (s *stage) book(name string) {
	s.Helper()
	if info, err := os.Stat(s.path(name)); err != nil || info.Mode().Perm() != 0o600 {
		s.Errorf("%s: %v, %v", name, info, err)
	}
	if found, err := filepath.Glob(s.path(name + ".*")); err != nil || len(found) > 0 {
		s.Errorf("%v, %v", found, err)
	}
	s.absent()
}

// offers wants a drop-down in a column, with an item.
func (s *stage) offers(name, header, item string) {
	s.Helper()
	s.offersIn(name, "Goals", header, item)
}

func (s *stage) offersIn(name, sheet, header, item string) {
	s.Helper()
	book, err := excelize.OpenFile(s.path(name))
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	rules, err := book.GetDataValidations(sheet)
	if err != nil {
		s.Fatal(err)
	}
	letter := s.columnIn(name, sheet, header)
	rule := slices.IndexFunc(rules, func(r *excelize.DataValidation) bool {
		return r.Sqref == letter+"2:"+letter+"1048576" && r.Type == "list" && r.Formula1 == "list_"+header
	})
	lists, err := book.GetCols("_lists")
	if err != nil || rule < 0 {
		s.Fatalf("%s has no drop-down: %v", header, err)
	}
	for _, list := range lists {
		if list[0] == "list_"+header && slices.Contains(list[1:], item) {
			return
		}
	}
	s.Errorf("%s does not offer %q", header, item)
}

func TestWorkbookIsFilledInAndImported(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.copySample("id-map.csv")
	if r := s.run(0, "workbook", "-o", "new.xlsx", "--id-map", "id-map.csv"); !strings.Contains(r.stdout, "new.xlsx: fill in the sheet Goals") {
		t.Errorf("stdout %s", r.stdout)
	}
	s.book("new.xlsx")
	s.offers("new.xlsx", "CompanyName", "Blue Heron Health")
	s.offers("new.xlsx", "GoalTypeName", "Default")
	s.offers("new.xlsx", "EntityType", "OPPORTUNITY")
	if r := s.run(0, "validate", "new.xlsx"); !strings.Contains(r.stdout, "0 rows") {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
	cells := map[string]any{}
	for header, value := range map[string]any{"Name": "Filled in", "StatusName": "New", "GoalTypeName": "Default",
		"EntityType": "COMPANY", "CompanyName": "Blue Heron Health", "DueDate": 46053} {
		cells[s.column("new.xlsx", header)+"2"] = value
	}
	s.edit("new.xlsx", cells)
	got := s.json(0, "import", "new.xlsx", "--id-map", "id-map.csv")
	s.counts(got, "rows=1 created=1")
	if g := s.goals()["Filled in"]; g.Gsid == "" {
		t.Errorf("%+v", s.goals())
	}
	var made exportAccount
	r := s.run(0, "workbook", "-o", "again.xlsx", "--json")
	if err := json.Unmarshal([]byte(r.stdout), &made); err != nil || made.Files[0].Path != "again.xlsx" || made.Calls.ByEndpoint["picklists"] != 2 || made.Calls.Total != 2 {
		t.Errorf("%v, %s", err, r.stdout)
	}
}

func TestWorkbookForUpdates(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.grow("Book", 40)
	s.run(0, "workbook", "--for", "update", "-o", "goals.xlsx", "--where", "Name STARTS_WITH Book")
	s.book("goals.xlsx")
	before := s.read("goals.xlsx")
	s.set("fault.500_before=1,faults.on=fetch")
	s.oneLine(s.run(6, "workbook", "--for", "update", "-o", "goals.xlsx"), "fetch goals")
	if s.set("fault.500_before=0"); !bytes.Equal(before, s.read("goals.xlsx")) {
		t.Error("a workbook that failed has replaced the one before")
	}
	s.book("goals.xlsx")
	writes := s.writes()
	s.counts(s.json(0, "import", "goals.xlsx"), "rows=40 unchanged=40")
	if n := s.writes() - writes; n != 0 {
		t.Errorf("%d write calls without an edit", n)
	}
	s.edit("goals.xlsx", map[string]any{
		s.column("goals.xlsx", "StatusName") + "5": "On Track",
		s.column("goals.xlsx", "Name") + "42":      "Added below", s.column("goals.xlsx", "StatusName") + "42": "New",
		s.column("goals.xlsx", "EntityType") + "42": "COMPANY", s.column("goals.xlsx", "CompanyId") + "42": "1P0275DAZIB1U41FWUD895S0FG38OCPH697T",
	})
	s.counts(s.json(0, "import", "goals.xlsx"), "rows=41 created=1 updated=1 unchanged=39")
	if n := s.writes() - writes; n != 2 {
		t.Errorf("%d write calls for two edits", n)
	}
}

func TestWorkbookOfAnotherDay(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.grow("Old", 3)
	s.run(0, "workbook", "--for", "update", "-o", "goals.xlsx")
	if r := s.run(0, "validate", "goals.xlsx"); strings.Contains(r.stderr, "picklists have changed") {
		t.Errorf("stderr %s", r.stderr)
	}
	s.set("picklist.children=none")
	if r := s.run(0, "validate", "goals.xlsx"); strings.Count(r.stderr, "warning: the tenant's picklists have changed since goals.xlsx was made (20") != 1 {
		t.Errorf("stderr %s", r.stderr)
	}
	calls := s.tenant.State().Calls.Total
	for _, command := range []string{"import", "validate", "plan"} {
		s.oneLine(s.run(2, command, "goals.xlsx", "--emulator"), "goals.xlsx was made for the tenant "+s.url, "this is emulator", "gsbatch workbook")
	}
	if n := s.tenant.State().Calls.Total; n != calls {
		t.Errorf("%d calls for a workbook of another tenant", n-calls)
	}
}

func TestWorkbookThatIsAskedForWrongly(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	for _, c := range []struct {
		args []string
		says []string
	}{
		{nil, []string{"no file to write to", "-o"}},
		{[]string{"-o", "-"}, []string{"standard output"}},
		{[]string{"-o", "x.csv"}, []string{"x.csv is no name of a workbook", ".xlsx"}},
		{[]string{"-o", "x.xlsx", "--object", "goal"}, []string{`"goal": not one of goals`}},
		{[]string{"-o", "x.xlsx", "--for", "delete"}, []string{"--for", "create, update"}},
		{[]string{"-o", "x.xlsx", "--where", "Name EQ x"}, []string{"--where", "--for update"}},
		{[]string{"-o", "x.xlsx", "--id-map", "none.csv"}, []string{"id map", "none.csv"}},
		{[]string{"-o", "x.xlsx", "--for", "update", "--where", "Name"}, []string{"--where"}},
	} {
		s.oneLine(s.run(2, append([]string{"workbook"}, c.args...)...), c.says...)
	}
	if n := s.tenant.State().Calls.Total; n != 0 {
		t.Errorf("%d calls", n)
	}
	s.absent("x*")
	s.writeFile("file", nil)
	s.oneLine(s.run(11, "workbook", "-o", "file/x.xlsx"), "file/x.xlsx: create")
	if n := s.tenant.State().Calls.Total; n != 0 {
		t.Errorf("%d calls for a file that cannot be written", n)
	}
}

// Workbooks of templates and metrics are filled in, imported and updated too.
func TestWorkbooksOfTemplatesAndMetrics(t *testing.T) {
	t.Parallel()
	for object, c := range map[string]struct {
		sheet, listed, item, gsid string
		cells                     map[string]any
	}{
		"templates": {"Templates", "GoalTypeName", "Default", "Gsid", map[string]any{"Name": "Book", "StatusName": "New", "GoalTypeName": "Default", "DueDate": 30, "Metrics": "Seats in use;Net promoter score"}},
		"metrics":   {"Metrics", "unitOfMeasure", "CURRENCY", "gsid", map[string]any{"name": "Book", "unitOfMeasure": "CURRENCY", "associateGoalTypeNames": "Default;Adoption"}},
	} {
		t.Run(object, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "")
			r := s.run(0, "workbook", "-o", "new.xlsx", "--object", object)
			if !strings.Contains(r.stdout, "fill in the sheet "+c.sheet+", then gsbatch import it --object "+object) {
				t.Errorf("stdout %s", r.stdout)
			}
			s.offersIn("new.xlsx", c.sheet, c.listed, c.item)
			cells := map[string]any{}
			for header, value := range c.cells {
				cells[s.columnIn("new.xlsx", c.sheet, header)+"2"] = value
			}
			s.editIn("new.xlsx", c.sheet, cells)
			s.oneLine(s.run(2, "import", "new.xlsx"), "was made for "+object, "--object "+object)
			s.counts(s.json(0, "import", "new.xlsx", "--object", object), "rows=1 created=1")
			if there := s.named(object, "Book"); there["Book"] != 1 {
				t.Errorf("there are %v", there)
			}
			s.run(0, "workbook", "-o", "old.xlsx", "--object", object, "--for", "update")
			writes := s.writes()
			got := s.json(0, "import", "old.xlsx", "--object", object)
			if got.Counts["unchanged"] != got.Counts["rows"] || got.Counts["rows"] < 2 || s.writes() != writes {
				t.Errorf("the workbook for updates as it is: %v", got.Counts)
			}
			s.locked("old.xlsx", c.sheet, c.gsid)
		})
	}
}

// locked wants a protected sheet whose column of that header alone is locked.
func (s *stage) locked(name, sheet, header string) {
	s.Helper()
	book, err := excelize.OpenFile(s.path(name))
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	protection, err := book.GetSheetProtection(sheet)
	if err != nil || protection.AutoFilter != true {
		s.Errorf("%s is not protected: %+v, %v", sheet, protection, err)
	}
	for _, column := range []struct {
		header string
		locked bool
	}{{header, true}, {map[string]string{"Gsid": "Name", "gsid": "name"}[header], false}} {
		id, err := book.GetCellStyle(sheet, s.columnIn(name, sheet, column.header)+"2")
		if err != nil {
			s.Fatal(err)
		}
		style, err := book.GetStyle(id)
		if err != nil || style.Protection == nil || style.Protection.Locked != column.locked {
			s.Errorf("column %s: %+v, %v", column.header, style, err)
		}
	}
}
