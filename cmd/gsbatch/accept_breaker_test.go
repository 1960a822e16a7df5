//go:build unix

package main

import (
	"fmt"
	"testing"
)

// TestSameErrorAtFirst stops a file whose rows are all wrong in one way; who
// resumes it all the same is heeded.
func TestSameErrorAtFirst(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	header := []string{"Name", "Status", "Goal Type", "Entity Type", "Company Id"}
	rows := make([][]string, 60)
	for i := range rows {
		rows[i] = []string{fmt.Sprintf("Same %d", i), "New", "Default", "COMPANY", "1P02000000000000000000000000000000ZZ"}
	}
	s.writeCSV("goals.csv", header, rows)
	r := s.run(6, "import", "goals.csv", "--json", "--workers", "1")
	got := s.summaryOf(r)
	if n := got.Counts["rejected"]; n < 10 || n > 12 || got.Counts["pending"] != 60-n || s.writes() != n {
		t.Errorf("%v after %d write calls", got.Counts, s.writes())
	}
	s.oneLine(r, "the first rows were all rejected", "resume")
	s.resumable(got)
	s.counts(s.json(3, "resume", "--workers", "1"), "rows=60 rejected=60")
}
