//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestGraceCutsCalls stops a run whose calls take longer than --grace: they are
// cut off, their rows are in doubt, and resume settles them.
func TestGraceCutsCalls(t *testing.T) {
	t.Parallel()
	s := newStage(t, "latency=1ms")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Grace", 60))
	if err := s.tenant.Set("faults.on=create,fault.slow=1,slow.delay=8s"); err != nil {
		t.Fatal(err)
	}
	p := s.start("import", "goals.csv", "--json", "--workers", "4", "--grace", "500ms")
	s.until("4 write calls", func() bool { return s.writes() >= 4 })
	begun := time.Now()
	p.signal(syscall.SIGTERM)
	r := s.want(143, p)
	if took := time.Since(begun); took < 400*time.Millisecond || took > 5*time.Second {
		t.Errorf("it took %v to leave", took)
	}
	got := s.summaryOf(r)
	s.counts(got, "rows=60 in_doubt=4 pending=56")
	s.resumable(got)
	if err := s.tenant.Set("defaults"); err != nil {
		t.Fatal(err)
	}
	s.until("the calls under way have ended", func() bool { return len(s.goals()) >= 4 })
	done := s.json(0, "resume")
	s.counts(done, "rows=60 created=60")
	s.neverAgain(done, 60)
}

// TestLockTimeoutRunsOut waits for a lock as long as it is told.
func TestLockTimeoutRunsOut(t *testing.T) {
	t.Parallel()
	s := newStage(t, "latency=200ms")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Held", 400))
	first := s.start("import", "goals.csv", "--workers", "1")
	s.until("a write call", func() bool { return s.writes() >= 1 })
	begun := time.Now()
	r := s.run(10, "resume", "--lock-timeout", "1s")
	if took := time.Since(begun); took < time.Second || took > 20*time.Second {
		t.Errorf("it waited for %v", took)
	}
	waited, rest, _ := strings.Cut(r.stderr, "\n")
	if !strings.HasSuffix(waited, "; waiting for it up to 1s") {
		t.Errorf("it says %q", waited)
	}
	r.stderr = rest
	s.oneLine(r, "process", fmt.Sprint(first.cmd.Process.Pid))
	// A signal ends the wait.
	second := s.start("resume", "--lock-timeout", "60s")
	s.until("it waits", func() bool { return strings.Contains(second.err.String(), "waiting") })
	second.signal(syscall.SIGTERM)
	s.want(143, second)
	first.signal(syscall.SIGTERM)
	s.want(143, first)
}

// TestResumeAtIsInTheSummary wants a supervisor to find when to go on in summary.json.
func TestResumeAtIsInTheSummary(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Again", 30))
	got := s.json(7, "import", "goals.csv", "--rate", "1000/1s", "--daily", "20")
	text, err := os.ReadFile(filepath.Join(got.dir, "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	var kept summary
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	if kept.ResumeAt == nil || got.ResumeAt == nil || !kept.ResumeAt.Equal(*got.ResumeAt) || kept.ExitCode != 7 {
		t.Errorf("summary.json: exit %d, resume_at %v; stdout: %v", kept.ExitCode, kept.ResumeAt, got.ResumeAt)
	}
	done := s.json(0, "resume", "--rate", "0")
	if done.ResumeAt != nil {
		t.Errorf("resume_at is %v after the end", done.ResumeAt)
	}
}

// TestMetricsOnEveryWayOut wants the exit code in the metrics file, however the
// command ends.
func TestMetricsOnEveryWayOut(t *testing.T) {
	t.Parallel()
	bad := func(rows [][]string) { rows[1][0] = "" }
	for name, c := range map[string]struct {
		code     int
		switches string
		spoil    func([][]string)
		args     []string
		meddle   func(*stage, *process)
	}{
		"done":       {code: 0},
		"usage":      {code: 2, args: []string{"--sheet", "Goals", "--map", "absent.yaml"}},
		"rejected":   {code: 3, spoil: refuse(1, 1, 2)},
		"refused":    {code: 4, switches: "key.revoked_after=10"},
		"invalid":    {code: 5, spoil: bad},
		"errors":     {code: 6, spoil: refuse(2, 1, 40), args: []string{"--max-errors", "3"}},
		"budget":     {code: 7, args: []string{"--max-calls", "9"}},
		"doubt":      {code: 8, switches: "faults.on=create,next.drop_after=1", args: []string{"--settle", "0"}},
		"interrupt":  {code: 130, switches: "latency=50ms", meddle: signalled(syscall.SIGINT)},
		"hang-up":    {code: 143, switches: "latency=50ms", meddle: signalled(syscall.SIGHUP)},
		"no reports": {code: 11, switches: "latency=50ms", args: []string{"--report-dir", "rep"}, meddle: func(s *stage, _ *process) { s.block("rep") }},
		"no state":   {code: 11, switches: "latency=50ms", meddle: func(s *stage, _ *process) { s.block("state") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, c.switches)
			rows := goalRows("Way out", 60)
			if c.spoil != nil {
				c.spoil(rows)
			}
			s.writeCSV("goals.csv", goalHeader(), rows)
			p := s.start(append([]string{"import", "goals.csv", "--workers", "2", "--metrics-file", "m.prom"}, c.args...)...)
			if c.meddle != nil {
				s.until("5 write calls", func() bool { return s.writes() >= 5 })
				c.meddle(s, p)
			}
			s.want(c.code, p)
			text, err := os.ReadFile(s.path("m.prom"))
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for line := range strings.Lines(string(text)) {
				found = found || strings.HasPrefix(line, "gsbatch_exit_code{") && strings.HasSuffix(line, fmt.Sprintf("} %d\n", c.code))
			}
			if !found {
				t.Errorf("exit code %d is not in the file:\n%s", c.code, text)
			}
			if left, _ := filepath.Glob(s.path(".gsbatch-metrics-*")); len(left) > 0 {
				t.Errorf("%v was left", left)
			}
		})
	}
}

func signalled(sig syscall.Signal) func(*stage, *process) {
	return func(_ *stage, p *process) { p.signal(sig) }
}

// block puts a file where a folder was.
func (s *stage) block(dir string) {
	s.Helper()
	if err := os.RemoveAll(s.path(dir)); err != nil {
		s.Fatal(err)
	}
	s.writeFile(dir, nil)
}
