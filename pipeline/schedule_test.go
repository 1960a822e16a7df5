package pipeline

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

// schedules is how many seeds TestSchedules tries; GSBATCH_SCHEDULES asks for
// more. One seed is tried with -run 'TestSchedules/seed=7'.
const schedules = 200

// Runs under random faults, stopped, broken and lost at random moments, and
// resumed until every row is decided: no row is created twice, none is lost,
// and what is told of each is true.
func TestSchedules(t *testing.T) {
	t.Parallel()
	n := uint64(schedules)
	if testing.Short() {
		n = schedules / 10
	}
	if text := os.Getenv("GSBATCH_SCHEDULES"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	var next atomic.Uint64
	var workers sync.WaitGroup
	for range 8 { // a schedule mostly waits
		workers.Go(func() {
			for seed := next.Add(1); seed <= n; seed = next.Add(1) {
				t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { schedule(t, seed) })
			}
		})
	}
	workers.Wait()
}

// schedule plans some rows and sees them through.
func schedule(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 42))
	s := newStage(t, "slow.delay=90ms,late.delay=30ms")
	if random.IntN(2) == 0 {
		s.limits = gainsight.Limits{Calls: 400, Window: 40 * time.Millisecond}
	}
	d := s.desk()
	s.closeRun(s.plan(d, creates(1, 4+random.IntN(16)), planOptions{}).Run)
	s.leave(d)
	s.timeout = 60 * time.Millisecond
	settle := time.Duration(random.IntN(2)) * scheduleSettle
	d = s.desk()
	run := s.lock(d, "a")
	s.set(anyFaults(random))
	for session := 0; ; session++ {
		if session == 4 {
			s.set("defaults")
		}
		out, lost := s.session(d, run, random, session < 4, settle)
		time.Sleep(time.Until(out.ResumeAt)) // windows are short here, and so is the day
		s.closeRun(run)
		s.leave(d)
		if lost != "" {
			s.dir = lost
		}
		d = s.desk()
		run = s.lock(d, "a")
		if counts, err := run.Counts(t.Context()); err != nil || counts.Pending == 0 && (settle == 0 || counts.InDoubt == 0) {
			break
		}
		if session > 40 {
			t.Errorf("rows stay pending: %+v", out)
			break
		}
	}
	rows := s.rows(run)
	s.intents("a", rows)
	s.closeRun(run)
	s.leave(d)
	s.end()
	s.truth(rows)
	for _, r := range rows {
		if r.fate.Status == checkpoint.Pending {
			t.Errorf("%s is lost", r.name)
		}
		if settle > 0 && r.fate.Status != checkpoint.Created && r.fate.Status != checkpoint.Rejected {
			t.Logf("%s: %s: %s", r.name, r.fate.Status, r.fate.Reason)
		}
	}
}

// scheduleSettle is far longer than a fault of a schedule may delay a commit.
const scheduleSettle = 400 * time.Millisecond

// anyFaults are settings of up to four faults that befall creates.
func anyFaults(random *rand.Rand) string {
	all := []string{"drop_before", "drop_after", "500_before", "500_after", "502_before", "502_after", "503_before", "503_after",
		"slow", "stall", "late", "throttle", "unauthorized", "cut", "html", "no_gsid", "failure_list"}
	settings := []string{"faults.on=create", "jitter=2ms"}
	for range random.IntN(5) {
		settings = append(settings, fmt.Sprintf("fault.%s=%.2f", all[random.IntN(len(all))], 0.02+random.Float64()*0.22))
	}
	return strings.Join(settings, ",")
}

// session applies the run once. With mishaps it may be stopped, find its
// database broken, or be lost with its machine: then lost is the state folder
// as it was at that moment.
func (s *stage) session(d *desk, run *checkpoint.Run, random *rand.Rand, mishaps bool, settle time.Duration) (out Outcome, lost string) {
	s.Helper()
	stop, cancel := context.WithCancel(s.Context())
	defer cancel()
	at, mishap := 1+random.IntN(12), random.IntN(4)
	executed := random.IntN(2) == 0
	cfg := ApplyConfig{Workers: 1 + random.IntN(8), Grace: time.Duration(random.IntN(2)) * 20 * time.Millisecond, Settle: settle}
	s.watch.onWrite(nil)
	if mishaps {
		switch mishap {
		case 0:
			s.watch.onWrite(func(n int) bool {
				if n == at {
					cancel()
				}
				return true
			})
		case 1:
			defer s.breakJournal(run, random.IntN(8))()
		case 2:
			lost = s.TempDir()
			s.watch.onWrite(s.loseMachine(at, lost, executed, cancel))
		}
	}
	out, err := s.apply(stop, d, run, cfg)
	var storage *checkpoint.StorageError
	if err != nil && (!mishaps || mishap != 1 || !errors.As(err, &storage)) {
		s.Errorf("apply: %v", err)
	}
	if _, err := os.Stat(filepath.Join(lost, "runs")); err != nil {
		lost = "" // it ended before its machine was lost
	}
	return out, lost
}

// loseMachine copies the state folder at the n-th write; what arrives later
// was sent by a machine that is no more.
func (s *stage) loseMachine(at int, to string, executed bool, cancel func()) func(int) bool {
	var gone atomic.Bool
	var once sync.Once
	return func(n int) bool {
		if gone.Load() {
			return false
		}
		if n < at {
			return true
		}
		gone.Store(true)
		once.Do(func() {
			copyState(s, s.dir, to)
			cancel()
		})
		return executed && n == at
	}
}

// copyState copies a state folder in use, databases before their logs: the
// copy is what a disk would hold. Shared memory and locks die with the machine.
func copyState(s *stage, from, to string) {
	for _, suffix := range []string{".db", ".db-wal"} {
		err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, suffix) {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(from, path)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(filepath.Dir(filepath.Join(to, rel)), 0o700); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(to, rel), text, 0o600)
		})
		if err != nil {
			s.Error(err)
		}
	}
}

// breakJournal lets the run's journal fail after so many more records, until
// what it returns is called.
func (s *stage) breakJournal(run *checkpoint.Run, after int) (mend func()) {
	s.Helper()
	id := run.Info().ID
	s.exec(id, fmt.Sprintf(`CREATE TABLE IF NOT EXISTS mark AS SELECT 0 n; UPDATE mark SET n = (SELECT count(*) FROM journal) + %d;
		CREATE TRIGGER broken BEFORE INSERT ON journal WHEN (SELECT count(*) FROM journal) >= (SELECT n FROM mark)
		BEGIN SELECT RAISE(ABORT, 'disk full'); END`, after))
	return func() { s.exec(id, `DROP TRIGGER broken`) }
}

// exec changes a run's database from outside.
func (s *stage) exec(id, statements string) {
	s.Helper()
	db, err := sql.Open("sqlite", s.runFile(id))
	if err != nil {
		s.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statements); err != nil {
		s.Error(err)
	}
}
