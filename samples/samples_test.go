// Package samples_test holds that every sample file is what README.md says of it.
//
// goals.xlsx and messy.csv are generated: go test ./samples -update writes them.
package samples_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gsbatch/readers"
	"gsbatch/validate"
)

var update = flag.Bool("update", false, "write the generated sample files")

func TestMain(m *testing.M) {
	flag.Parse()
	if *update {
		if err := generate(); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func TestGoalsWorkbook(t *testing.T) {
	fresh := filepath.Join(t.TempDir(), "goals.xlsx")
	if err := writeGoals(fresh); err != nil {
		t.Fatal(err)
	}
	want, _ := readTable(t, fresh)
	got, table := readTable(t, "goals.xlsx")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("goals.xlsx is not what go test ./samples -update writes (-fresh +file):\n%s", diff)
	}
	if table.Sheet() != "Goals" || len(got) != 120 {
		t.Errorf("sheet %q has %d rows, want Goals with 120", table.Sheet(), len(got))
	}
	due := slices.Index(table.Header(), "Due Date")
	for i, row := range got {
		if kind := row[due].Kind; kind != readers.Date && kind != readers.Blank {
			t.Errorf("row %d: due date %q is no date cell", i+2, row[due].Text)
		}
	}
}

func TestMessyCSV(t *testing.T) {
	want, err := messy()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("messy.csv")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("messy.csv is not what go test ./samples -update writes")
	}
	rows, table := readTable(t, "messy.csv")
	if len(rows) != len(messyRows()) {
		t.Errorf("%d rows, want %d", len(rows), len(messyRows()))
	}
	header := []string{"Lfd. Nr.", "Kunde", "Ziel", "Ampel", "Fällig am", "Notiz", "Betreuer"}
	if diff := cmp.Diff(header, table.Header()); diff != "" {
		t.Error(diff)
	}
	if got := rows[1][5].Text; got != "Abstimmung mit \"Einkauf\";\r\nBudget: 12.000 €" {
		t.Errorf("the note with a line break reads %q", got)
	}
}

func TestMessyMapping(t *testing.T) {
	src, err := os.ReadFile("messy-mapping.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := validate.LoadMapping("messy-mapping.yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	rows, table := readTable(t, "messy.csv")
	for _, rule := range m.Columns {
		column := slices.Index(table.Header(), rule.Header)
		if column < 0 {
			t.Errorf("messy.csv has no column %q", rule.Header)
			continue
		}
		for _, row := range rows {
			text := strings.ToLower(strings.TrimSpace(row[column].Text))
			if _, known := rule.Values[text]; rule.Values != nil && !known {
				t.Errorf("column %q: the mapping knows no %q", rule.Header, text)
			}
		}
	}
}

func TestProblemsCSV(t *testing.T) {
	rows, table := readTable(t, "problems.csv")
	note := slices.Index(table.Header(), "_wrong")
	if note < 0 {
		t.Fatalf("no column says what is wrong: %q", table.Header())
	}
	seen := map[string]bool{}
	for i, row := range rows {
		text := row[note].Text
		if text == "" || seen[text] {
			t.Errorf("row %d does not say what is wrong with it, or says what another says: %q", i+2, text)
		}
		seen[text] = true
	}
}

func TestIDMap(t *testing.T) {
	rows, table := readTable(t, "id-map.csv")
	if diff := cmp.Diff([]string{"Object", "Name", "Gsid"}, table.Header()); diff != "" {
		t.Error(diff)
	}
	gsid := regexp.MustCompile(`^[A-Z0-9]{36}$`)
	var names []string
	for i, row := range rows {
		if !gsid.MatchString(row[2].Text) {
			t.Errorf("row %d: %q is no Gsid", i+2, row[2].Text)
		}
		if row[0].Text == "company" {
			names = append(names, row[1].Text)
		}
	}
	for _, c := range companies() {
		if !slices.Contains(names, c) {
			t.Errorf("no company %s, which the other samples use", c)
		}
	}
	if _, err := validate.ReadIDMap(context.Background(), "id-map.csv"); err != nil {
		t.Error(err)
	}
}

// TestReadme holds that README.md names every sample here, and no other file.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{"README.md": true}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllSubmatch(text, -1) {
		listed[string(m[1])] = true
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if ext != ".go" && ext != ".sh" && !listed[e.Name()] && !e.IsDir() {
			t.Errorf("README.md does not list %s", e.Name())
		}
		delete(listed, e.Name())
	}
	for name := range listed {
		t.Errorf("README.md lists %s, which is not here", name)
	}
}

// TestCSVSamplesAreForEverybody holds that the CSV files for plain use are read
// alike by a standard reader.
func TestCSVSamplesAreForEverybody(t *testing.T) {
	for _, name := range []string{"problems.csv", "id-map.csv"} {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		records, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		rows, _ := readTable(t, name)
		if len(rows) != len(records)-1 {
			t.Errorf("%s: %d rows, encoding/csv sees %d", name, len(rows), len(records)-1)
		}
	}
}

// readTable reads a whole file, closed at the end of the test.
func readTable(t *testing.T, path string) ([][]readers.Cell, *readers.Table) {
	t.Helper()
	table, err := readers.Open(context.Background(), path, readers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = table.Close() })
	var rows [][]readers.Cell
	for row, err := range table.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		cells := slices.Clone(row.Cells)
		for i := range cells {
			cells[i].Text = strings.Clone(cells[i].Text)
		}
		rows = append(rows, cells)
	}
	return rows, table
}

// Templates and metrics have no problem beside the names that this small
// tenant lacks; cmd/gsbatch imports them into the emulated one.
func TestOtherObjects(t *testing.T) {
	for object, path := range map[string]string{"templates": "templates.csv", "metrics": "metrics.csv"} {
		for line, codes := range check(t, path, validate.Config{Object: object}) {
			for _, code := range codes {
				if code != "unknown-goal-type" && code != "unknown-metric" {
					t.Errorf("%s:%d: %s", path, line, code)
				}
			}
		}
	}
}
