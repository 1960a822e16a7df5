//go:build unix

package main

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestSeveralProcessesOneTenant imports files that share rows, all at once.
func TestSeveralProcessesOneTenant(t *testing.T) {
	t.Parallel()
	s := newStage(t, "latency=5ms,jitter=5ms")
	shared := goalRows("Shared", 100)
	files := []string{"a.csv", "b.csv", "c.csv"}
	for _, name := range files {
		s.writeCSV(name, goalHeader(), append(goalRows(name, 50), shared...))
	}
	var started []*process
	for _, name := range files {
		started = append(started, s.start("import", name, "--workers", "8"))
	}
	var codes []int
	for _, p := range started {
		codes = append(codes, p.wait().code)
	}
	t.Logf("exit codes %v", codes)
	if !slices.Contains(codes, 0) {
		t.Errorf("none of them went through: %v", codes)
	}
	for _, name := range files { // those that were turned away come again
		s.run(0, "import", name)
	}
	if goals := s.goals(); len(goals) != 250 || s.writes() != 250 {
		t.Errorf("%d goals by %d calls, want 250", len(goals), s.writes())
	}
}

// TestProcessesShareTheRate sends from three processes at once under one limit.
func TestProcessesShareTheRate(t *testing.T) {
	t.Parallel()
	s := newStage(t, "limit=50/1s:sliding")
	s.setenv("GSBATCH_RATE", "50/1s")
	var all sync.WaitGroup
	for _, name := range []string{"a", "b", "c"} {
		s.writeCSV(name+".csv", goalHeader(), goalRows(name, 60))
		all.Go(func() { s.start("import", name+".csv").wait() })
	}
	all.Wait()
	calls := s.tenant.State().Calls
	if calls.Throttled != 0 || calls.Most > 50 || len(s.goals()) != 180 {
		t.Errorf("%d goals, %+v", len(s.goals()), calls)
	}
}

// TestAgainHoldsForTheWholeRun interrupts an import that was told to send all
// rows once more.
func TestAgainHoldsForTheWholeRun(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Once", 20))
	s.counts(s.json(0, "import", "goals.csv"), "rows=20 created=20")
	s.counts(s.json(7, "import", "goals.csv", "--again", "--max-calls", "12"), "rows=20 created=10 pending=10")
	s.counts(s.json(0, "resume", "--max-calls", "0"), "rows=20 created=20")
	s.run(0, "plan", "goals.csv", "--again")
	s.counts(s.json(0, "apply", "latest"), "rows=20 created=20")
	if s.writes() != 60 {
		t.Errorf("%d write calls, want 60", s.writes())
	}
}

// TestOnDuplicateCreate wants a second goal of a natural key when it is asked for.
func TestOnDuplicateCreate(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	rows := goalRows("Twin", 10)
	s.writeCSV("goals.csv", goalHeader(), rows)
	s.run(0, "import", "goals.csv")
	for i := range rows {
		rows[i][6] = "a second one"
	}
	s.writeCSV("second.csv", goalHeader(), rows)
	got := s.json(0, "import", "second.csv", "--on-duplicate", "create", "--max-calls", "0")
	s.counts(got, "rows=10 created=10")
	if s.writes() != 20 {
		t.Errorf("%d write calls, want 20", s.writes())
	}
	twins := append(goalRows("Pair", 5), goalRows("Pair", 5)...)
	s.writeCSV("pairs.csv", goalHeader(), twins)
	s.counts(s.json(5, "import", "pairs.csv"), "rows=10 invalid=5 pending=5")
	s.counts(s.json(7, "import", "pairs.csv", "--on-duplicate", "create", "--max-calls", "8", "--workers", "1"), "rows=10 created=6 pending=4")
	done := s.json(0, "resume", "--max-calls", "0")
	s.counts(done, "rows=10 created=10")
	gsids := map[string]bool{}
	results := s.csv(filepath.Join(done.dir, "results.csv"))
	for i := range results.rows {
		gsids[results.cell(i, "_gsid")] = true
	}
	if len(gsids) != 10 || s.writes() != 30 {
		t.Errorf("%d Gsids, %d write calls", len(gsids), s.writes())
	}
}

// TestOneFileAtOnce imports one file by three processes.
func TestOneFileAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, "latency=5ms")
	s.writeCSV("goals.csv", goalHeader(), goalRows("File", 300))
	var started []*process
	for range 3 {
		started = append(started, s.start("import", "goals.csv"))
	}
	for _, p := range started {
		// One sends; the others are turned away, or come late and find it done.
		if r := p.wait(); r.code != 0 && r.code != 10 || strings.Contains(r.stderr, "send it with --again") {
			t.Errorf("exit %d\n%s", r.code, ends(r.stderr))
		}
	}
	s.run(0, "import", "goals.csv")
	s.run(0, "resume")
	if goals := s.goals(); len(goals) != 300 || s.writes() != 300 {
		t.Errorf("%d goals by %d calls, want 300", len(goals), s.writes())
	}
}
