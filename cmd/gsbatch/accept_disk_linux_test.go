package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFullDisk fills the disk of the state folder while rows are sent: as a
// small file system where this machine may mount one, and as a limit on the
// length of files everywhere.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	const rows, workers = 1200, 8
	for name, run := range map[string]func(*stage, string) result{"file system": (*stage).onSmallDisk, "file size": (*stage).underFileLimit} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "latency=5ms")
			s.setenv("GSBATCH_WORKERS", fmt.Sprint(workers))
			s.writeCSV("goals.csv", goalHeader(), goalRows("Disk", rows))
			r := run(s, "goals.csv")
			if r.code != 11 {
				t.Fatalf("exit %d, want 11\n%s\n%s", r.code, r.stdout, r.stderr)
			}
			s.oneLine(r, "state", "make room", "resume")
			if n := strings.Count(r.stderr, ".db:"); n != 1 {
				t.Errorf("the same trouble is told %d times: %s", n, r.stderr)
			}
			sent := s.writes()
			if sent == 0 || sent == rows {
				t.Errorf("%d of %d rows were sent", sent, rows)
			}
			got := s.summaryOf(s.start("resume", "--json").wait())
			doubts := got.Counts["in_doubt"]
			if doubts > workers || got.Counts["created"] != rows-doubts || s.writes() != rows {
				t.Errorf("resumed: %v after %d write calls", got.Counts, s.writes())
			}
			s.proved(got.dir)
			t.Logf("promise R7: disk full (%s) after %d rows, then resumed: 0 duplicated, 0 lost", name, sent)
		})
	}
}

// onSmallDisk imports with the state folder on a disk of 6 MiB that is filled
// up meanwhile. There is room again when it returns. Where nothing can be
// mounted a limit on the length of files stands in.
func (s *stage) onSmallDisk(file string) result {
	s.Helper()
	disk := s.path("disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		s.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=6m"); err != nil {
		s.Logf("no small file system here: %v", err)
		return s.underFileLimit(file)
	}
	s.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			s.Error(err)
		}
	})
	s.setenv("GSBATCH_STATE", filepath.Join(disk, "state"))
	p := s.start("import", file)
	s.until("100 write calls", func() bool { return s.writes() >= 100 })
	filler := filepath.Join(disk, "filler")
	s.fill(filler, p)
	r := p.wait()
	if err := os.Remove(filler); err != nil {
		s.Fatal(err)
	}
	return r
}

// fill writes until there is no room, and again while p makes some.
func (s *stage) fill(name string, p *process) {
	s.Helper()
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for piece := make([]byte, 4096); ; {
		if _, err = file.Write(piece); err == nil {
			continue
		}
		select {
		case <-p.done:
			return
		default:
		}
	}
}

// underFileLimit plans, and applies the plan where no file may grow beyond 150 KB.
func (s *stage) underFileLimit(file string) result {
	s.Helper()
	s.run(0, "plan", file)
	return s.startWith(nil, "sh", "-c", "ulimit -f 150 && exec gsbatch apply latest").wait()
}

// TestNoRoomForThePlan wants no call to be made when the plan does not fit, and
// nothing of it to stay.
func TestNoRoomForThePlan(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Plan", 3000))
	r := s.want(11, s.startWith(nil, "sh", "-c", "ulimit -f 300 && exec gsbatch import goals.csv"))
	s.oneLine(r, "state", "--state")
	if n := s.writes(); n != 0 {
		t.Errorf("%d write calls", n)
	}
	for _, run := range s.list().Runs {
		if run.State != "planning" {
			t.Errorf("run %s is %s", run.ID, run.State)
		}
	}
	s.counts(s.json(0, "import", "goals.csv"), "rows=3000 created=3000")
}

// A report folder that cannot be is found out before the first call.
func TestNoReportFolder(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Report", 10))
	s.writeFile("gsbatch-out", nil) // no folder can be made there
	r := s.run(11, "import", "goals.csv")
	s.oneLine(r, "gsbatch-out", "--report-dir")
	if n := s.writes(); n != 0 {
		t.Errorf("%d write calls", n)
	}
}

// TestReportsThatCannotBeWritten wants the reports from resume once there is
// room for them.
func TestReportsThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	s := newStage(t, "fault.drop_after=0.1,faults.on=writes,latency=10ms")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Report", 100))
	p := s.start("import", "goals.csv", "--report-dir", "rep", "--workers", "2")
	s.until("some writes", func() bool { return s.writes() > 10 })
	if err := os.RemoveAll(s.path("rep")); err != nil {
		t.Fatal(err)
	}
	s.writeFile("rep", nil)
	r := s.want(11, p)
	if !strings.Contains(r.stderr, "gsbatch runs report") {
		t.Errorf("stderr %q", r.stderr)
	}
	if err := os.Remove(s.path("rep")); err != nil {
		t.Fatal(err)
	}
	if err := s.tenant.Set("defaults"); err != nil {
		t.Fatal(err)
	}
	got := s.json(0, "resume")
	if got.Counts["created"] != 100 || got.dir == "" || s.writes() != 100 {
		t.Errorf("%+v after %d write calls", got, s.writes())
	}
	s.proved(got.dir)
}
