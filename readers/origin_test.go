package readers_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"gsbatch/readers"
)

// filledIn makes a workbook with a table on the sheet table, a sheet to read
// and, on _gsbatch, these rows.
func filledIn(t *testing.T, table string, origin ...[]string) string {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	path := file(t, "a.xlsx", "")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(f.SetSheetName("Sheet1", table))
	must(f.SetSheetRow(table, "A1", &[]string{"Name"}))
	must(f.SetSheetRow(table, "A2", &[]string{"Adopt"}))
	for _, name := range []string{"Read me", "_gsbatch"} {
		_, err := f.NewSheet(name)
		must(err)
	}
	must(f.SetSheetRow("Read me", "A1", &[]string{"How to"}))
	for i, row := range origin {
		cell, err := excelize.CoordinatesToCellName(1, i+1)
		must(err)
		must(f.SetSheetRow("_gsbatch", cell, &row))
	}
	must(f.SetSheetVisible("_gsbatch", false, true))
	must(f.SaveAs(path))
	return path
}

func TestOrigin(t *testing.T) {
	rows := [][]string{{"gsbatch workbook", "1"}, {"sheet", "Goals"}, {"object", "goals"}, {"for", "update"}, {"tenant", "acme"},
		{"picklists", "ab"}, {"created", "2026-01-31T00:00:00Z"}, {"list", "item", "Gsid"}, {"tenant", "a status of this name"}}
	path := filledIn(t, "Goals", rows...)
	if notices := wantRows(t, path, readers.Options{}, "Name", "2|Adopt"); len(notices) > 0 {
		t.Errorf("notices %q", notices)
	}
	table, err := readers.Open(context.Background(), path, readers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	want := &readers.Origin{Sheet: "Goals", Object: "goals", Purpose: "update", Tenant: "acme", Picklists: "ab", Created: "2026-01-31T00:00:00Z"}
	if d := cmp.Diff(want, table.Origin()); d != "" || table.Sheet() != "Goals" {
		t.Error(table.Sheet(), d)
	}
	wantRows(t, path, readers.Options{Sheet: "Read me"}, "How to")
	renamed := filledIn(t, "Mine", rows...)
	wantError(t, renamed, readers.Options{}, readers.ErrAmbiguous, `a.xlsx: has 2 sheets with data: "Mine", "Read me"`)
	wantRows(t, renamed, readers.Options{Sheet: "Mine"}, "Name", "2|Adopt")
	other := filledIn(t, "Goals", []string{"something else", "1"}, []string{"sheet", "Goals"})
	wantError(t, other, readers.Options{}, readers.ErrAmbiguous, `a.xlsx: has 2 sheets with data`)
	later := filledIn(t, "Goals", []string{"gsbatch workbook", "2"})
	wantError(t, later, readers.Options{}, readers.ErrNotTable, `a.xlsx:_gsbatch: is a gsbatch workbook of version "2"`)
}
