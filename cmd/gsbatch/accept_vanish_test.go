//go:build unix

package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestStateVanishes takes the state folder, or a database in it, from under a
// run: nothing is sent that no file will tell of.
func TestStateVanishes(t *testing.T) {
	t.Parallel()
	type act func(*stage) (mend func() error, err error)
	none := func() error { return nil }
	for name, c := range map[string]struct {
		rate string
		act  act
		lost bool
	}{
		"moved": {"0", func(s *stage) (func() error, error) {
			back := func() error { return os.Rename(s.path("aside"), s.path("state")) }
			return back, os.Rename(s.path("state"), s.path("aside"))
		}, false},
		"deleted": {"0", func(s *stage) (func() error, error) { return none, os.RemoveAll(s.path("state")) }, true},
		"run replaced by a copy": {"0", func(s *stage) (func() error, error) {
			run := s.onlyRun()
			back := func() error { return os.Rename(run+".aside", run) }
			text, err := os.ReadFile(run)
			if err == nil {
				err = os.Rename(run, run+".aside")
			}
			if err == nil {
				err = os.WriteFile(run, text, 0o600)
			}
			return back, err
		}, false},
		"tenant.db moved": {"6000/1m", func(s *stage) (func() error, error) {
			from, to := s.path("state/tenant.db"), s.path("state/aside.db")
			return func() error { return os.Rename(to, from) }, os.Rename(from, to)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const rows, workers = 400, "4"
			s := newStage(t, "latency=20ms")
			s.setenv("GSBATCH_RATE", c.rate)
			s.writeCSV("goals.csv", goalHeader(), goalRows("Vanish", rows))
			p := s.start("import", "goals.csv", "--workers", workers, "--report-dir", "rep", "--log-level", "info")
			s.until("40 write calls", func() bool { return s.writes() >= 40 })
			mend, err := c.act(s)
			if err != nil {
				t.Fatal(err)
			}
			sent := s.writes()
			r := s.want(11, p)
			s.oneLine(r, "moved or replaced while in use", "nothing more was sent", "resume")
			// Those under way, and those whose intent was durable when it was looked.
			if more := s.writes() - sent; more > 8 {
				t.Errorf("%d rows were sent after it", more)
			}
			kept := s.summaries()
			if len(kept) != 1 || kept[0].Counts["created"] < 40 || kept[0].ExitCode != 11 {
				t.Errorf("the reports do not tell what was sent: %+v\n%s", kept, r.stderr)
			}
			if c.lost {
				return
			}
			if err := mend(); err != nil {
				t.Fatal(err)
			}
			done := s.json(0, "resume")
			s.counts(done, "rows=400 created=400")
			if n := len(s.goals()); n != rows {
				t.Errorf("%d goals", n)
			}
			s.proved(done.dir)
		})
	}
}

// onlyRun is the file of the one run there is.
func (s *stage) onlyRun() string {
	s.Helper()
	runs, err := filepath.Glob(s.path("state/runs/*.db"))
	if err != nil || len(runs) != 1 {
		s.Fatalf("runs %v, %v", runs, err)
	}
	return runs[0]
}
