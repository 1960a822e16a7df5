//go:build unix

package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// doubtful imports rows of which some answers are lost, and leaves these rows
// in doubt: some goals are there, and some are not.
func doubtful(s *stage, rows int) summary {
	s.Helper()
	s.writeCSV("goals.csv", goalHeader(), goalRows("Doubt", rows))
	got := s.json(8, "import", "goals.csv", "--settle", "0")
	if err := s.tenant.Set("defaults"); err != nil {
		s.Fatal(err)
	}
	return got
}

// TestSettleReadsBack settles by reading alone, and resume sends the rest.
func TestSettleReadsBack(t *testing.T) {
	t.Parallel()
	s := newStage(t, "fault.drop_after=0.05,fault.drop_before=0.05,faults.on=writes")
	got := doubtful(s, 300)
	missing := s.tenant.State().Faults["drop_before"]
	writes := s.writes()
	settled := s.json(7, "settle")
	if settled.Run != got.Run || settled.Counts["pending"] != missing || settled.Counts["created"] != 300-missing || s.writes() != writes {
		t.Errorf("%v with %d rows not there, %d write calls", settled.Counts, missing, s.writes()-writes)
	}
	s.resumable(settled)
	done := s.json(0, "resume")
	s.counts(done, "rows=300 created=300")
	s.proved(done.dir)
	if len(s.goals()) != 300 || s.writes() != writes+missing {
		t.Errorf("%d goals, %d write calls", len(s.goals()), s.writes()-writes)
	}
	if r := s.run(0, "settle"); r.stderr != "nothing to settle\n" {
		t.Errorf("stderr %q", r.stderr)
	}
}

// TestSignalWhileSettling goes on with settling, though no row is left to be sent.
func TestSignalWhileSettling(t *testing.T) {
	t.Parallel()
	s := newStage(t, "next.drop_before=1,next.drop_after=1,faults.on=writes")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Doubt", 5))
	p := s.start("import", "goals.csv", "--settle", "1h", "--workers", "1", "--json")
	s.until("the first look", func() bool { return s.writes() == 5 && s.fetches() > 1 })
	p.signal(syscall.SIGINT)
	got := s.summaryOf(s.want(130, p))
	if c := got.Counts; c["in_doubt"] == 0 || c["pending"] > 0 || c["created"]+c["in_doubt"] != 5 {
		t.Errorf("%v", c)
	}
	s.resumable(got)
	done := s.json(0, "resume", "--settle", "300ms")
	s.counts(done, "rows=5 created=5")
	s.proved(done.dir)
	if len(s.goals()) != 5 || s.writes() != 6 {
		t.Errorf("%d goals, %d write calls", len(s.goals()), s.writes())
	}
}

// TestSettleLines settles the rows that are named and leaves the others.
func TestSettleLines(t *testing.T) {
	t.Parallel()
	s := newStage(t, "fault.drop_after=0.2,faults.on=writes")
	got := doubtful(s, 60)
	list := s.csv(filepath.Join(got.dir, "in_doubt.csv"))
	settled := s.json(8, "settle", got.Run, list.cell(0, "_line"), list.cell(1, "_line"))
	if settled.Counts["in_doubt"] != got.Counts["in_doubt"]-2 || settled.Counts["created"] != got.Counts["created"]+2 {
		t.Errorf("%v, then %v", got.Counts, settled.Counts)
	}
	s.oneLine(s.run(2, "settle", got.Run, list.cell(0, "_line")), "neither in doubt nor parked", "in_doubt.csv")
	s.oneLine(s.run(2, "settle", got.Run, "first"), "LINE", "_line")
	s.oneLine(s.run(2, "settle", got.Run, "--settle", "0"), "--settle", "2m")
}

// TestSettleDecisions carries out what a person decided, and refuses what
// cannot be.
func TestSettleDecisions(t *testing.T) {
	t.Parallel()
	s := newStage(t, "fault.drop_after=0.1,fault.drop_before=0.1,faults.on=writes")
	got := doubtful(s, 200)
	list := s.csv(filepath.Join(got.dir, "in_doubt.csv"))
	goals := s.goals()
	var there, missing []int // rows of the list
	for i := range list.rows {
		if goals[list.cell(i, "Name")].Gsid != "" {
			there = append(there, i)
		} else {
			missing = append(missing, i)
		}
	}
	if len(there) < 2 || len(missing) < 2 {
		t.Fatalf("%d rows in doubt are there, %d are not", len(there), len(missing))
	}
	line := func(row int) string { return list.cell(row, "_line") }
	first := goals[list.cell(there[0], "Name")].Gsid
	other := goals[list.cell(there[1], "Name")].Gsid
	for _, refused := range []struct {
		args []string
		says string
	}{
		{[]string{"settle", got.Run, line(there[0]), "--created", other}, "is named"},
		{[]string{"settle", got.Run, line(there[0]), "--created", "1CG0NOSUCHGOAL0000000000000000000000"}, "is in the tenant"},
		{[]string{"settle", got.Run, line(there[0]), "--created", "something"}, "is no Gsid"},
		{[]string{"settle", got.Run, "--send"}, "rows that you name"},
		{[]string{"settle", got.Run, line(there[0]), "--send", "--skip"}, "exclude each other"},
		{[]string{"settle", "--from", "goals.csv"}, "_decision"},
		{[]string{"settle", "--from", filepath.Join(got.dir, "in_doubt.csv")}, "no row has a _decision"},
	} {
		s.oneLine(s.run(2, refused.args...), refused.says)
	}
	s.json(8, "settle", got.Run, line(there[0]), "--created", first)
	s.json(8, "settle", got.Run, line(missing[0]), "--skip")
	for i := range list.rows {
		row := list.rows[i]
		switch {
		case i == there[0] || i == missing[0]:
		case goals[list.cell(i, "Name")].Gsid != "":
			row[len(row)-1] = goals[list.cell(i, "Name")].Gsid
		default:
			row[len(row)-1] = "Send"
		}
	}
	s.writeCSV("decided.csv", list.header, list.rows)
	settled := s.json(7, "settle", "--from", "decided.csv")
	if c := settled.Counts; c["skipped"] != 1 || c["pending"] != len(missing)-1 || c["in_doubt"] != 0 {
		t.Errorf("%v after the decisions", c)
	}
	done := s.json(0, "resume", got.Run)
	if c := done.Counts; c["created"] != 199 || c["skipped"] != 1 || len(s.goals()) != 199 {
		t.Errorf("%v with %d goals", c, len(s.goals()))
	}
}

// TestMarkerField finds rows by their markers although all goals are named
// alike, twice over.
func TestMarkerField(t *testing.T) {
	t.Parallel()
	s := newStage(t, "fault.drop_after=0.1,fault.no_gsid=0.05,next.drop_before=4,faults.on=writes")
	rows := goalRows("Twin", 60)
	for _, row := range rows {
		row[0] = "The one name"
	}
	s.writeCSV("goals.csv", goalHeader(), rows)
	s.oneLine(s.run(2, "import", "goals.csv", "--marker-field", "Name", "--on-duplicate", "create"), "--marker-field", "__gc")
	s.oneLine(s.run(2, "import", "goals.csv", "--marker-field", "gsbatch_row__gc", "--set", "gsbatch_row__gc=x", "--on-duplicate", "create"), "gsbatch_row__gc", "markers")
	got := s.json(0, "import", "goals.csv", "--marker-field", "gsbatch_row__gc", "--on-duplicate", "create", "--settle", "500ms")
	s.counts(got, "rows=60 created=60")
	var text bytes.Buffer
	if err := s.tenant.WriteGoals(&text); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text.String(), "The one name"); n != 60 {
		t.Errorf("%d goals:\n%s", n, text.String())
	}
}
