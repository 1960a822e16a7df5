//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// killed runs gsbatch until it has ended by itself or the time is up, and says
// whether it was killed.
func (s *stage) killed(after time.Duration, args ...string) (result, bool) {
	s.Helper()
	p := s.start(args...)
	select {
	case <-p.done:
	case <-time.After(after):
		p.signal(syscall.SIGKILL)
	}
	r := p.wait()
	return r, r.code == -1
}

// TestKilledAgainAndAgain kills the program whenever it has made some calls,
// until the run is done. A row that was under way has its turn first in the next
// process, so that none meets three kills, after which it would be parked.
func TestKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	rows, workers := 3000, 32
	if testing.Short() {
		rows = 1000
	}
	s := newStage(t, "latency=5ms,jitter=10ms")
	file := s.writeCSV("goals.csv", goalHeader(), goalRows("Killed", rows))
	kills := s.killedImport(file)
	if err := os.Remove(s.path(file)); err != nil {
		t.Fatal(err)
	}
	var last result
	for killed := true; killed; {
		if kills > 100 {
			t.Fatalf("not done after %d kills: %d goals", kills, len(s.goals()))
		}
		if last, killed = s.killedAfter(4*workers, "resume", "--json"); killed {
			kills++
		}
	}
	if kills < 3 {
		t.Errorf("only %d kills", kills)
	}
	got := s.summaryOf(last)
	if got.Run == "" && strings.Contains(last.stderr, "nothing to resume") { // killed between its reports and its end
		last = s.run(0, "runs", "report", "latest", "--json")
		got = s.summaryOf(last)
	}
	if got.Run == "" {
		t.Fatalf("killed between its last row and its reports, the run has none, and resume exits %d: %s", last.code, last.stderr)
	}
	doubts := got.Counts["in_doubt"]
	if doubts > kills*workers || got.Counts["created"]+doubts != rows || got.Counts["rows"] != rows {
		t.Errorf("after %d kills: %v", kills, got.Counts)
	}
	if want := map[bool]int{false: 0, true: 8}[doubts > 0]; last.code != want {
		t.Errorf("exit %d with %d rows in doubt, want %d: %s", last.code, doubts, want, ends(last.stderr))
	}
	s.proved(got.dir)
	s.neverAgain(got, rows)
	t.Logf("%d rows, %d kills, %d rows in doubt, of which %d were created", rows, kills, doubts, len(s.goals())-got.Counts["created"])
}

// killedAfter runs a command and kills it once it has made so many writes.
func (s *stage) killedAfter(writes int, args ...string) (result, bool) {
	s.Helper()
	before := s.writes()
	p := s.start(args...)
	for running := true; running && s.writes()-before < writes; {
		select {
		case <-p.done:
			running = false
		case <-time.After(2 * time.Millisecond):
		}
	}
	p.signal(syscall.SIGKILL)
	r := p.wait()
	return r, r.code == -1
}

// killedImport kills an import once it has sent something.
func (s *stage) killedImport(file string) (kills int) {
	s.Helper()
	p := s.start("import", file)
	s.until("the first writes", func() bool { return s.writes() > 0 })
	p.signal(syscall.SIGKILL)
	if r := p.wait(); r.code != -1 {
		s.Fatalf("done too early: exit %d\n%s", r.code, r.stderr)
	}
	return 1
}

// neverAgain wants no further write call from resume, nor from importing the
// file, changed or not, once more.
func (s *stage) neverAgain(done summary, rows int) {
	s.Helper()
	writes := s.writes()
	s.run(0, "resume")
	in := s.inputs[done.Input.SHA256]
	s.writeCSV("goals.csv", in.header, in.rows)
	code := 0
	if done.Counts["in_doubt"] > 0 {
		code = 8
	}
	s.run(code, "import", "goals.csv")
	changed := append([][]string{}, in.rows...)
	changed = append(changed, goalRows("Added", 1)...)
	s.writeCSV("changed.csv", in.header, changed)
	if code == 8 {
		code = 3
	}
	got := s.json(code, "import", "changed.csv", "--skip-invalid")
	if got.Counts["unchanged"] != done.Counts["created"] || got.Counts["invalid"] != done.Counts["in_doubt"] || got.Counts["created"] != 1 || got.Counts["rows"] != rows+1 {
		s.Errorf("import of the file with one more row: %v, after %v", got.Counts, done.Counts)
	}
	if s.writes() != writes+1 {
		s.Errorf("%d write calls after the run was done, want 1 for the new row", s.writes()-writes)
	}
	s.goals()
	if _, err := os.Stat(filepath.Join(done.dir, "in_doubt.csv")); done.Counts["in_doubt"] > 0 && err != nil {
		s.Error(err)
	}
}
