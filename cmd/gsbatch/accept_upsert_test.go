//go:build unix

package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ibm is the Gsid of the company IBM.
const ibm = "1P0275DAZIB1U41FWUD895S0FG38OCPH697T"

func TestUpsertByTheNaturalKey(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	rows := goalRows("Up", 10)
	s.writeCSV("first.csv", goalHeader(), rows)
	s.counts(s.json(0, "import", "first.csv", "--mode", "upsert"), "rows=10 created=10")
	fetches := s.fetches()
	rows = slices.Clone(rows)
	rows[3] = slices.Clone(rows[3])
	rows[3][6] = "changed"
	rows = append(rows, goalRows("New up", 2)...)
	s.writeCSV("second.csv", goalHeader(), rows)
	// The companies were learned from the answers to the creates.
	got := s.json(0, "import", "second.csv", "--mode", "upsert")
	s.counts(got, "rows=12 created=2 updated=1 unchanged=9")
	if n := s.fetches() - fetches; n != 1 {
		t.Errorf("%d reads", n)
	}
	if g := s.goals()["Up 00004"]; g.Description != "changed" {
		t.Errorf("%+v", g)
	}
	// A row that could not be created may be an update all the same.
	s.writeCSV("third.csv", []string{"Name", "Entity Type", "CompanyId", "Description"}, [][]string{{"Up 00001", "COMPANY", ibm, "third"}, {"Up 00002", "COMPANY", ibm, "no status"}})
	r := s.run(5, "import", "third.csv", "--mode", "upsert")
	if !strings.Contains(r.stderr, "third.csv:3") || strings.Contains(r.stderr, "third.csv:2") {
		t.Errorf("%s", r.stderr)
	}
	s.counts(s.json(3, "import", "third.csv", "--mode", "upsert", "--skip-invalid"), "rows=2 updated=1 invalid=1")
	// Where nobody knows the company, the row is held.
	s.setenv("GSBATCH_STATE", s.path("state2"))
	s.writeCSV("fourth.csv", goalHeader(), rows[:2])
	r = s.run(5, "import", "fourth.csv", "--mode", "upsert")
	if !strings.Contains(r.stderr, "known by name alone") {
		t.Errorf("%s", r.stderr)
	}
}

func TestUpsertByACustomField(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	header := append(goalHeader(), "cust_string_value__gc")
	rows := goalRows("Ext", 6)
	for i := range rows {
		rows[i] = append(rows[i], "ext-"+rows[i][0])
	}
	rows[4][7] = rows[5][7]
	s.writeCSV("twice.csv", header, rows)
	r := s.run(5, "import", "twice.csv", "--mode", "upsert", "--key", "cust_string_value__gc")
	if !strings.Contains(r.stderr, "twice.csv:") || !strings.Contains(r.stderr, "same key") {
		t.Errorf("%s", r.stderr)
	}
	s.counts(s.json(0, "import", "twice.csv"), "rows=6 created=6")
	for i := range rows {
		rows[i][0] += " renamed"
	}
	s.writeCSV("renamed.csv", header, rows[:5])
	r = s.run(5, "import", "renamed.csv", "--mode", "upsert", "--key", "cust_string_value__gc")
	if !strings.Contains(r.stderr, "renamed.csv:") || !strings.Contains(r.stderr, "several goals") {
		t.Errorf("%s", r.stderr)
	}
	got := s.json(3, "import", "renamed.csv", "--mode", "upsert", "--key", "cust_string_value__gc", "--skip-invalid")
	s.counts(got, "rows=5 updated=4 invalid=1")
	// Without the key the mended rows would be looked for by name, and created.
	if !strings.Contains(got.Next, "--key=cust_string_value__gc") {
		t.Errorf("next is %q, which leaves the key out", got.Next)
	}
	if _, there := s.goals()["Ext 00001 renamed"]; !there || len(s.goals()) != 6 {
		t.Errorf("%+v", s.goals())
	}
	// A create is held by the same key, whatever its name.
	rows[0][0] = "Ext again"
	s.writeCSV("again.csv", header, rows[:1])
	r = s.run(5, "import", "again.csv", "--key", "cust_string_value__gc")
	if !strings.Contains(r.stderr, "of the same key is in the tenant already") {
		t.Errorf("%s", r.stderr)
	}
	s.oneLine(s.run(2, "plan", "renamed.csv", "--mode", "upsert", "--key", "other__gc"), "no column other__gc")
	s.oneLine(s.run(2, "import", "renamed.csv", "--mode", "upsert", "--key", "Company"), "add Name")
}

// TestAmend mends goals that were created with two columns mixed up.
func TestAmend(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	rows := goalRows("Amend", 8)
	rows[6][1] = "Ontrack"
	header := goalHeader()
	header[6] = "Notes"
	s.writeCSV("goals.csv", header, rows)
	s.writeFile("wrong.yaml", []byte("version: 1\nobject: goals\ncolumns:\n  Notes: Name\n  Name: Description\n"))
	s.writeFile("right.yaml", []byte("version: 1\nobject: goals\ncolumns:\n  Notes: Description\n  Status:\n    field: StatusName\n    values: {Ontrack: On Track}\n"))
	for i := range rows {
		rows[i][6] = "Note of " + rows[i][0]
	}
	s.writeCSV("goals.csv", header, rows)
	wrong := s.json(3, "import", "goals.csv", "--map", "wrong.yaml", "--skip-invalid")
	s.counts(wrong, "rows=8 created=7 invalid=1")
	r := s.run(20, "plan", "goals.csv", "--map", "right.yaml", "--amend", wrong.Run, "--detailed-exitcode")
	if !strings.Contains(r.stdout, `Name: "Note of Amend 00001" → "Amend 00001"`) || !strings.Contains(r.stdout, `row 8 creates "Amend 00007"`) {
		t.Errorf("%s", r.stdout)
	}
	mended := s.list().Runs[0].ID
	s.counts(s.json(0, "apply", mended), "rows=8 created=1 updated=7")
	goals := s.goals()
	for _, row := range rows {
		if g := goals[row[0]]; g.Description != row[6] {
			t.Errorf("%s is %+v", row[0], g)
		}
	}
	if len(goals) != 8 {
		t.Errorf("%d goals", len(goals))
	}
	if text := s.run(0, "runs", "show", wrong.Run).stdout; !strings.Contains(text, "superseded by  "+mended) {
		t.Errorf("%s", text)
	}
	s.oneLine(s.run(2, "retry", wrong.Run), "superseded", mended)
	s.oneLine(s.run(2, "plan", "goals.csv", "--amend", wrong.Run), "superseded", mended)
}

// TestAmendByAReport tells the rows by the columns of a report, whatever became
// of their cells and their order.
func TestAmendByAReport(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Report", 5))
	first := s.json(0, "import", "goals.csv")
	report := s.csv(filepath.Join(first.dir, "results.csv"))
	for i := range report.rows {
		report.set(i, "Name", "Renamed "+report.cell(i, "_line"))
	}
	slices.Reverse(report.rows)
	s.writeCSV("report.csv", report.header, report.rows[:3])
	s.run(0, "plan", "report.csv", "--amend", first.Run)
	s.counts(s.json(0, "apply", "latest"), "rows=3 updated=3")
	goals := s.goals()
	for i := range 3 {
		if g := goals[report.cell(i, "Name")]; g.Gsid != report.cell(i, "_gsid") {
			t.Errorf("row %s is %+v", report.cell(i, "_line"), g)
		}
	}
}

// TestAsksForWhatIsNotThere names fields that the tenant does not have, and a
// filter that a script left blank.
func TestAsksForWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.writeCSV("goals.csv", append(goalHeader(), "nowhere__gc"), [][]string{append(goalRows("Key", 1)[0], "k")})
	s.oneLine(s.run(2, "plan", "goals.csv", "--mode", "upsert", "--key", "nowhere__gc"), "nowhere__gc", "--key")
	s.oneLine(s.run(2, "export", "goals", "-o", "all.csv", "--where", " "), "--where", "leave")
}
