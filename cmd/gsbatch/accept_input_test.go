//go:build unix

package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestImportFromStandardInput(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	rows := goalRows("Stdin", 25)
	text := s.read(s.writeCSV("goals.csv", goalHeader(), rows))
	p := s.startWith(strings.NewReader(string(text)), "gsbatch", "import", "-", "--json", "--max-calls", "12")
	got := s.summaryOf(s.want(7, p))
	s.counts(got, "rows=25 created=9 pending=16")
	if got.Input.Path != "-" || !strings.HasPrefix(got.dir, s.path("gsbatch-out")) {
		t.Errorf("%+v", got)
	}
	s.counts(s.json(0, "resume", "--max-calls", "0"), "rows=25 created=25")
	p = s.startWith(strings.NewReader(string(text)), "gsbatch", "import", "-", "--max-calls", "0")
	s.want(0, p)
	if s.writes() != 25 {
		t.Errorf("%d write calls", s.writes())
	}
}

func TestMessySample(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.copySample("messy.csv")
	s.copySample("messy-mapping.yaml")
	got := s.json(0, "import", "messy.csv", "--map", "messy-mapping.yaml")
	s.counts(got, "rows=10 created=10")
	var names []string
	for name := range s.goals() {
		names = append(names, name)
	}
	for _, want := range []string{"Altsystem ablösen", "Portal; erste Ausbaustufe", "Schulung der Schlüsselanwender", "Single Sign-on für alle"} {
		if !slices.Contains(names, want) {
			t.Errorf("no goal %q among %q", want, names)
		}
	}
}

// TestDoubtIsNeverSentAgain loses the answers to some calls that were carried
// out, and to some that were not, and leaves the rows in doubt as they are.
func TestDoubtIsNeverSentAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, "fault.drop_after=0.05,fault.drop_before=0.05,faults.on=writes")
	s.setenv("GSBATCH_SETTLE", "0")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Doubt", 400))
	got := s.json(8, "import", "goals.csv")
	faults := s.tenant.State().Faults
	doubts := faults["drop_after"] + faults["drop_before"]
	if doubts < 10 || got.Counts["in_doubt"] != doubts || got.Counts["created"] != 400-doubts {
		t.Errorf("%v, with %d lost answers", got.Counts, doubts)
	}
	if s.writes() != 400 || len(s.goals()) != 400-faults["drop_before"] {
		t.Errorf("%d goals by %d calls", len(s.goals()), s.writes())
	}
	s.proved(got.dir)
	doubtful := s.csv(filepath.Join(got.dir, "in_doubt.csv"))
	if len(doubtful.rows) != doubts || doubtful.header[len(doubtful.header)-1] != "_decision" || doubtful.cell(0, "_reason") == "" {
		t.Errorf("in_doubt.csv has %d rows and ends with %s", len(doubtful.rows), doubtful.header[len(doubtful.header)-1])
	}
	if err := s.tenant.Set("defaults"); err != nil {
		t.Fatal(err)
	}
	s.neverAgain(got, 400)
	// Nor by importing the list of doubts.
	s.writeCSV("doubts.csv", doubtful.header, doubtful.rows)
	writes := s.writes()
	again := s.json(5, "import", "doubts.csv")
	if again.Counts["invalid"] != doubts || s.writes() != writes {
		t.Errorf("%v, %d write calls", again.Counts, s.writes()-writes)
	}
}

// TestDoubtsAreSettled has one import meet every way to lose an answer.
func TestDoubtsAreSettled(t *testing.T) {
	t.Parallel()
	s := newStage(t, "fault.drop_after=0.04,fault.cut=0.03,fault.no_gsid=0.02,fault.500_after=0.03,next.drop_before=4,next.502_before=4,faults.on=writes")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Settle", 300))
	got := s.json(0, "import", "goals.csv")
	s.counts(got, "rows=300 created=300")
	s.proved(got.dir)
	if len(s.goals()) != 300 || s.writes() == 300 {
		t.Errorf("%d goals by %d write calls", len(s.goals()), s.writes())
	}
}

// TestGuardedCellsComeBack sends cells that a spreadsheet would run, through
// errors.csv and back.
func TestGuardedCellsComeBack(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	cells := map[string]string{"=SUM(A1)": "=SUM(A1)", "@now": "@now", "-5": "-5", "'quoted'": "'quoted'", "'=shown": "=shown", "+49 170": "+49 170"}
	var rows [][]string
	for _, text := range slices.Sorted(func(yield func(string) bool) {
		for text := range cells {
			if !yield(text) {
				return
			}
		}
	}) {
		rows = append(rows, []string{"Guard " + text, "Bad", "COMPANY", "IBM", text})
	}
	header := []string{"Name", "Status", "Entity Type", "Company", "Description"}
	var file strings.Builder
	for _, row := range append([][]string{header}, rows...) {
		file.WriteString(strings.Join(row, ",") + "\n")
	}
	s.writeFile("guard.csv", []byte(file.String()))
	got := s.json(5, "import", "guard.csv")
	s.counts(got, "rows=6 invalid=6")
	errors := s.csv(filepath.Join(got.dir, "errors.csv"))
	for i := range errors.rows {
		if cell := errors.cell(i, "Description"); strings.ContainsAny(cell[:1], "=@+") {
			t.Errorf("errors.csv has a bare %q", cell)
		}
		errors.set(i, "Status", "New")
	}
	s.writeCSV("mended.csv", errors.header, errors.rows)
	s.counts(s.json(0, "import", "mended.csv"), "rows=6 created=6")
	goals := s.goals()
	for written, meant := range cells {
		if g := goals["Guard "+written]; g.Description != meant {
			t.Errorf("%q arrived as %q, want %q", written, g.Description, meant)
		}
	}
}
