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
// length of files everywhere. Where the reserve can be used no row is in doubt.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	const rows, workers = 1200, 8
	for name, c := range map[string]struct {
		run    func(*stage, string) (result, bool)
		doubts int
	}{
		"file system":          {(*stage).onSmallDisk, 0}, // the reserve takes what is under way
		"file system, greedy":  {(*stage).onGreedyDisk, workers},
		"longest file allowed": {(*stage).underFileLimit, workers},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "latency=5ms")
			s.setenv("GSBATCH_WORKERS", fmt.Sprint(workers))
			s.writeCSV("goals.csv", goalHeader(), goalRows("Disk", rows))
			r, tried := c.run(s, "goals.csv")
			if !tried {
				return
			}
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
			if left, _ := filepath.Glob(s.path("*/state/runs/*.reserve")); len(left) > 0 {
				t.Errorf("%v was left", left)
			}
			got := s.summaryOf(s.start("resume", "--json", "--settle", "0").wait())
			doubts := got.Counts["in_doubt"]
			if doubts > c.doubts || got.Counts["created"] != rows-doubts || s.writes() != rows {
				t.Errorf("resumed: %v after %d write calls", got.Counts, s.writes())
			}
			if doubts > 0 {
				got = s.json(0, "settle", got.Run)
			}
			s.counts(got, fmt.Sprintf("rows=%d created=%d", rows, rows))
			s.proved(got.dir)
			if n := len(s.goals()); n != rows {
				t.Errorf("%d goals", n)
			}
			t.Logf("promise R7: disk full (%s) after %d rows, %d in doubt since their outcome could not be written, then 0 duplicated and 0 lost", name, sent, doubts)
		})
	}
}

// onSmallDisk imports with the state folder on a disk that is filled up once.
func (s *stage) onSmallDisk(file string) (result, bool) { return s.onDisk(file, false) }

// onGreedyDisk is onSmallDisk where somebody takes all room that is made, the
// reserve too.
func (s *stage) onGreedyDisk(file string) (result, bool) { return s.onDisk(file, true) }

// onDisk imports with the state folder on a disk of 7 MiB that is filled up
// meanwhile. There is room again when it returns.
func (s *stage) onDisk(file string, greedy bool) (r result, tried bool) {
	s.Helper()
	disk := s.path("disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		s.Fatal(err)
	}
	if !s.mount(disk, 0, "size=7m") {
		return r, false
	}
	s.setenv("GSBATCH_STATE", filepath.Join(disk, "state"))
	p := s.start("import", file)
	s.until("100 write calls", func() bool { return s.writes() >= 100 })
	if held, _ := filepath.Glob(filepath.Join(disk, "state/runs/*.reserve")); len(held) != 1 {
		s.Errorf("the reserve is %v", held)
	}
	filler := filepath.Join(disk, "filler")
	s.fill(filler, p, greedy)
	r = p.wait()
	if err := os.Remove(filler); err != nil {
		s.Fatal(err)
	}
	return r, true
}

// mount mounts a small file system. Where that is not permitted the test says
// so aloud: what it is about was not tried.
func (s *stage) mount(dir string, flags uintptr, options string) bool {
	s.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
		fmt.Fprintf(os.Stderr, "%s: NOT TRIED, since no file system can be mounted here: %v\n", s.Name(), err)
		return false
	}
	s.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			s.Error(err)
		}
	})
	return true
}

// fill writes until there is no room, and if greedy again while p makes some.
func (s *stage) fill(name string, p *process, greedy bool) {
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
		if !greedy {
			return
		}
		select {
		case <-p.done:
			return
		default:
		}
	}
}

// underFileLimit plans, and applies the plan where no file may grow beyond 150 KB.
func (s *stage) underFileLimit(file string) (result, bool) {
	s.Helper()
	s.run(0, "plan", file)
	return s.startWith(nil, "sh", "-c", "ulimit -f 150 && exec gsbatch apply latest").wait(), true
}

// smallDisk is where a disk of three megabytes has the state folder from now
// on; false where the machine does not let one be mounted.
func (s *stage) smallDisk() (disk string, mounted bool) {
	s.Helper()
	disk = s.path("disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		s.Fatal(err)
	}
	s.setenv("GSBATCH_STATE", filepath.Join(disk, "state"))
	return disk, s.mount(disk, 0, "size=3m")
}

// TestFullDiskAtTheLastRow wants a run of which every row had its turn to be
// told as that, once its reports can be written.
func TestFullDiskAtTheLastRow(t *testing.T) {
	t.Parallel()
	s := newStage(t, "latency=200ms")
	const rows = 30 // fewer find room in the log that the plan left
	s.writeCSV("goals.csv", goalHeader(), goalRows("Last", rows))
	disk, mounted := s.smallDisk()
	if !mounted {
		return
	}
	p := s.start("import", "goals.csv", "--workers", "1")
	s.until("the last write call", func() bool { return s.writes() == rows })
	s.fill(filepath.Join(disk, "filler"), p, false)
	s.want(11, p)
	if err := os.Remove(filepath.Join(disk, "filler")); err != nil {
		t.Fatal(err)
	}
	done := s.json(0, "resume")
	s.counts(done, "rows=30 created=30")
	s.proved(done.dir)
	if n := s.writes(); n != rows || done.Next != "" {
		t.Errorf("%d write calls, next %q", n, done.Next)
	}
}

// TestFullDiskWhileSettling fills the disk while rows are read back: each is
// settled by the next process, which sends none again that is there.
func TestFullDiskWhileSettling(t *testing.T) {
	t.Parallel()
	for name, greedy := range map[string]bool{"with the reserve": false, "without it": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "next.drop_before=4,next.drop_after=4,faults.on=writes")
			s.writeCSV("goals.csv", goalHeader(), goalRows("Settled", 40))
			disk, mounted := s.smallDisk()
			if !mounted {
				return
			}
			p := s.start("import", "goals.csv", "--settle", "2s", "--workers", "4")
			s.until("a look for each row", func() bool { return s.writes() == 40 && s.fetches() >= 8 })
			s.fill(filepath.Join(disk, "filler"), p, greedy)
			s.oneLine(s.want(11, p), "state", "make room", "resume")
			if err := os.Remove(filepath.Join(disk, "filler")); err != nil {
				t.Fatal(err)
			}
			done := s.json(0, "resume", "--settle", "500ms")
			s.counts(done, "rows=40 created=40")
			s.proved(done.dir)
			if n := s.writes(); n != 44 || len(s.goals()) != 40 {
				t.Errorf("%d write calls, %d goals", n, len(s.goals()))
			}
		})
	}
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

// TestReadOnlyFolders wants a state or report folder that can only be read to
// be found out before the first call.
func TestReadOnlyFolders(t *testing.T) {
	t.Parallel()
	for name, setup := range map[string]func(*stage, string){
		"state":  func(s *stage, dir string) { s.setenv("GSBATCH_STATE", dir) },
		"report": func(s *stage, dir string) { s.setenv("GSBATCH_REPORT_DIR", filepath.Join(dir, "rep")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "")
			s.writeCSV("goals.csv", goalHeader(), goalRows("Read only", 10))
			dir := s.path("fixed")
			if err := os.Mkdir(dir, 0o500); err != nil {
				t.Fatal(err)
			}
			// The mode of a folder does not bind root, a mount does.
			if os.Geteuid() == 0 && !s.mount(dir, syscall.MS_RDONLY, "size=1m") {
				return
			}
			setup(s, dir)
			r := s.run(11, "import", "goals.csv")
			s.oneLine(r, name, "fixed", "--"+map[string]string{"state": "state", "report": "report-dir"}[name])
			if n := s.writes(); n != 0 {
				t.Errorf("%d write calls", n)
			}
		})
	}
}
