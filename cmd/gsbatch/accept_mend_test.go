//go:build unix

package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// goalHeader are the columns of the files that tests make.
func goalHeader() []string {
	return []string{"Name", "Status", "Goal Type", "Entity Type", "Company", "Due Date", "Description"}
}

// goalRows are n good rows, whose names begin with prefix.
func goalRows(prefix string, n int) [][]string {
	companies := []string{"IBM", "NEW", "Meta", "Baker, Hughes & Lane", "Baltic Line OÜ", "Galaxy \"Prime\" Retail", "株式会社あおば", "Vega Robotics"}
	statuses := []string{"New", "On Track", "At Risk", "Achieved"}
	rows := make([][]string, n)
	for i := range rows {
		rows[i] = []string{
			fmt.Sprintf("%s %05d", prefix, i+1), statuses[i%len(statuses)], "Default", "COMPANY", companies[i%len(companies)],
			fmt.Sprintf("2027-%02d-%02d", i%12+1, i%28+1), fmt.Sprintf("Row %d, with \"quotes\",\nand a second line", i+1),
		}
	}
	return rows
}

// spoiled is a cell made wrong, and what it has to be for the row to pass.
type spoiled struct{ row, column int }

// spoil makes 25 rows locally wrong in several ways and gives 10 others a
// company that the tenant lacks. It returns the cells with what stood there.
func spoil(rows [][]string) map[spoiled]string {
	good := map[spoiled]string{}
	put := func(row, column int, value string) {
		good[spoiled{row, column}] = rows[row][column]
		rows[row][column] = value
	}
	wrong := []struct {
		column int
		value  string
	}{{1, "Ontrack"}, {5, "2027-02-30"}, {4, ""}, {2, "Defualt"}, {6, "#N/A"}}
	for i := range 25 {
		put(40+i*77, wrong[i%5].column, wrong[i%5].value)
	}
	for i := range 10 {
		put(13+i*190, 4, fmt.Sprintf("Nowhere & Sons No. %d", i+1))
	}
	return good
}

func TestErrorsAreMendedAndImported(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	rows := goalRows("Mend", 2000)
	good := spoil(rows)
	s.writeCSV("goals.csv", goalHeader(), rows)

	unsent := s.json(5, "import", "goals.csv")
	s.counts(unsent, "rows=2000 invalid=25 pending=1975")
	if n := s.writes(); n != 0 {
		t.Errorf("%d write calls although rows are invalid", n)
	}
	if len(s.csv(filepath.Join(unsent.dir, "errors.csv")).rows) != 25 {
		t.Error("errors.csv has not the 25 invalid rows")
	}

	// errors.csv has none of the rows that were ready: it is not what comes next.
	if strings.Contains(unsent.Next, "errors.csv") {
		t.Errorf("next is %q, which leaves out 1975 rows", unsent.Next)
	}

	first := s.json(3, "import", "goals.csv", "--skip-invalid")
	s.counts(first, "rows=2000 created=1965 rejected=10 invalid=25")
	if n := s.writes(); n != 1975 {
		t.Errorf("%d write calls, want one for each of 1975 rows", n)
	}
	s.proved(first.dir)
	errors := s.csv(filepath.Join(first.dir, "errors.csv"))
	if len(errors.rows) != 35 {
		t.Fatalf("errors.csv has %d rows, want 35", len(errors.rows))
	}
	for i := range errors.rows {
		s.checkReason(errors, i)
	}
	if want := "gsbatch import " + filepath.Join(first.dir, "errors.csv"); !strings.HasPrefix(first.Next, want) {
		t.Errorf("next is %q, want %q", first.Next, want)
	}
	mend(t, errors, good)
	s.writeCSV("mended.csv", errors.header, errors.rows)
	second := s.json(0, "import", "mended.csv")
	s.counts(second, "rows=35 created=35")
	if goals := s.goals(); len(goals) != 2000 || s.writes() != 1975+35 {
		t.Errorf("the tenant has %d goals after %d write calls, want 2000 after 2010", len(goals), s.writes())
	}
}

// checkReason wants a row of errors.csv to say what is wrong and where.
func (s *stage) checkReason(errors *csvFile, i int) {
	s.Helper()
	reason, line := errors.cell(i, "_reason"), errors.cell(i, "_line")
	switch errors.cell(i, "_status") {
	case "invalid":
		if !strings.HasPrefix(reason, "goals.csv:") || errors.cell(i, "_field") == "" || errors.cell(i, "_code") == "" || !strings.Contains(reason, ";") {
			s.Errorf("line %s: invalid without place, field, code and mend: %q", line, errors.rows[i])
		}
	case "rejected":
		if reason == "" || errors.cell(i, "_code") == "" || errors.cell(i, "_request_id") == "" || errors.cell(i, "_attempts") != "1" {
			s.Errorf("line %s: rejected without reason, code, request and one attempt: %q", line, errors.rows[i])
		}
	}
}

// mend puts back what was spoiled, by the line that errors.csv tells.
func mend(t *testing.T, errors *csvFile, good map[spoiled]string) {
	t.Helper()
	for i := range errors.rows {
		var line int
		if _, err := fmt.Sscan(errors.cell(i, "_line"), &line); err != nil {
			t.Fatal(err)
		}
		for at, value := range good {
			if at.row == line-2 {
				errors.rows[i][at.column] = value
			}
		}
	}
}
