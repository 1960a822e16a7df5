//go:build unix

package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSameFileAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	rows := goalRows("Again", 40)
	rows[7][4] = "Nowhere Inc."
	s.writeCSV("goals.csv", goalHeader(), rows)
	first := s.json(3, "import", "goals.csv")
	s.counts(first, "rows=40 created=39 rejected=1")

	calls := s.tenant.State().Calls.Total
	again := s.json(3, "import", "goals.csv")
	if again.Run != first.Run || s.tenant.State().Calls.Total != calls {
		t.Errorf("run %s again as %s, with %d calls", first.Run, again.Run, s.tenant.State().Calls.Total-calls)
	}
	// Under another name it is the same file; with other options it is refused.
	s.writeCSV("copy.csv", goalHeader(), rows)
	s.run(3, "import", "copy.csv")
	r := s.run(9, "import", "goals.csv", "--mode", "create")
	s.oneLine(r, first.Run, "--again")
	if s.tenant.State().Calls.Total != calls {
		t.Errorf("%d calls for a file that is done", s.tenant.State().Calls.Total-calls)
	}
}

func TestOneChangedCellIsOneDecision(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	rows := goalRows("Changed", 30)
	s.writeCSV("goals.csv", goalHeader(), rows)
	first := s.json(0, "import", "goals.csv")
	gsid := s.csv(filepath.Join(first.dir, "results.csv")).cell(11, "_gsid")

	writes := s.writes()
	rows = slices.Clone(rows)
	rows[11] = slices.Clone(rows[11])
	rows[11][6] = "another description"
	s.writeCSV("changed.csv", goalHeader(), rows)
	stopped := s.start("import", "changed.csv", "--json").wait()
	got := s.summaryOf(stopped)
	s.counts(got, "rows=30 unchanged=29 invalid=1")
	if stopped.code != 5 || !strings.Contains(stopped.stderr, first.Run) || !strings.Contains(stopped.stderr, gsid) || !strings.Contains(stopped.stderr, "changed.csv:13") {
		t.Errorf("exit %d, want 5 naming line 13, run %s and goal %s:\n%s", stopped.code, first.Run, gsid, stopped.stderr)
	}
	if reason := s.csv(filepath.Join(got.dir, "errors.csv")).cell(0, "_reason"); !strings.Contains(reason, first.Run) || !strings.Contains(reason, gsid) {
		t.Errorf("reason %q", reason)
	}
	skipped := s.json(0, "import", "changed.csv", "--on-duplicate", "skip")
	s.counts(skipped, "rows=30 unchanged=29 skipped=1")
	if results := s.csv(filepath.Join(skipped.dir, "results.csv")); results.cell(11, "_status") != "skipped" || results.cell(11, "_gsid") != gsid {
		t.Errorf("row 13 is %q", results.rows[11])
	}
	if s.writes() != writes {
		t.Errorf("%d write calls", s.writes()-writes)
	}

	// The goal itself can be changed by its Gsid.
	update := [][]string{{gsid, "another description"}}
	s.writeCSV("update.csv", []string{"Gsid", "Description"}, update)
	s.counts(s.json(0, "import", "update.csv"), "rows=1 updated=1")
	if g := s.goals()[rows[11][0]]; g.Description != "another description" {
		t.Errorf("the goal is %+v", g)
	}
}

func TestErrorValueClearsNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.writeCSV("goals.csv", goalHeader(), goalRows("NA", 3))
	first := s.json(0, "import", "goals.csv")
	results := s.csv(filepath.Join(first.dir, "results.csv"))
	before := s.goals()["NA 00002"]

	writes := s.writes()
	update := [][]string{{results.cell(0, "_gsid"), "new text"}, {results.cell(1, "_gsid"), "#N/A"}, {results.cell(2, "_gsid"), ""}}
	s.writeCSV("update.csv", []string{"Gsid", "Description"}, update)
	got := s.json(5, "import", "update.csv", "--clear-token", "CLEAR")
	s.counts(got, "rows=3 unchanged=1 invalid=1 pending=1")
	if s.writes() != writes || s.goals()["NA 00002"] != before {
		t.Errorf("%d write calls; the goal is %+v", s.writes()-writes, s.goals()["NA 00002"])
	}
	if reason := s.csv(filepath.Join(got.dir, "errors.csv")).cell(0, "_reason"); !strings.Contains(reason, "#N/A") || !strings.Contains(reason, "update.csv:3") {
		t.Errorf("reason %q", reason)
	}
	got = s.json(3, "import", "update.csv", "--skip-invalid")
	s.counts(got, "rows=3 updated=1 unchanged=1 invalid=1")
	if goals := s.goals(); goals["NA 00002"] != before || goals["NA 00001"].Description != "new text" || goals["NA 00003"].Description == "" {
		t.Errorf("%+v", goals)
	}
}

// oneLine wants one line of error on stderr that says all these words.
func (s *stage) oneLine(r result, words ...string) {
	s.Helper()
	var lines []string
	for line := range strings.Lines(r.stderr) {
		if strings.HasPrefix(line, "gsbatch: ") {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 {
		s.Errorf("%d lines of error, want one:\n%s", len(lines), r.stderr)
		return
	}
	for _, word := range words {
		if !strings.Contains(lines[0], word) {
			s.Errorf("%q does not say %q", lines[0], word)
		}
	}
}
