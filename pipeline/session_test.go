package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gsbatch/checkpoint"
)

// What befalls a session of a schedule.
const (
	nothing = iota
	askedToStop
	brokenJournal
	lostMachine
	fullWhileSending
	fullWhileSettling
	noReserve // the disk was full when the session began
)

// misfortune draws what befalls a session.
func misfortune(random *rand.Rand) int {
	often := []int{nothing, askedToStop, askedToStop, brokenJournal, brokenJournal, lostMachine, lostMachine,
		fullWhileSending, fullWhileSending, fullWhileSettling, fullWhileSettling, fullWhileSettling, noReserve}
	return often[random.IntN(len(often))]
}

// session has work done on the run once. Until it is calm it may be stopped,
// find its database broken or its disk full, or be lost with its machine: then
// lost is the state folder as it was at that moment.
func (s *stage) session(d *desk, m *model, run *checkpoint.Run, random *rand.Rand, calm bool, settle time.Duration) (out Outcome, lost string) {
	s.Helper()
	stop, cancel := context.WithCancel(s.Context())
	defer cancel()
	calls := 25
	if s.batch > 1 {
		calls = 10
	}
	at, befalls := 1+random.IntN(max(calls, int(run.Info().Input.Rows)/4)), misfortune(random)
	cfg := ApplyConfig{Workers: 1 + random.IntN(8), Grace: time.Duration(random.IntN(2)) * 20 * time.Second, Settle: settle}
	var before func(int) bool
	work := s.work(stop, m, run, random, calm, settle)
	if calm {
		befalls = nothing
	}
	switch befalls {
	case askedToStop:
		before = func(n int) bool {
			if n == at {
				cancel()
			}
			return true
		}
	case brokenJournal:
		defer s.breakJournal(run, random.IntN(12))()
	case lostMachine:
		lost = s.TempDir()
		before = s.loseMachine(at, lost, random.IntN(2) == 0, cancel)
	case fullWhileSending, fullWhileSettling:
		defer s.makeRoom()
		cfg.Waiting = s.fillUp(run, befalls == fullWhileSettling, random)
	case noReserve:
		defer s.fillPlace(run)()
	}
	m.session(calm, before)
	m.log("settle %v, befallen by %d", settle, befalls)
	out, err := s.carryOut(d, run, cfg, work)
	s.allowed(err, befalls)
	if _, err := os.Stat(filepath.Join(lost, "runs")); err != nil {
		lost = "" // it ended before its machine was lost
	}
	return out, lost
}

// allowed holds that the session ended with an error only where its state could
// not be written.
func (s *stage) allowed(err error, befalls int) {
	s.Helper()
	var storage *checkpoint.StorageError
	switch befalls {
	case nothing, askedToStop, lostMachine:
	default:
		if errors.As(err, &storage) {
			return
		}
	}
	if err != nil {
		s.Errorf("befallen by %d: %v", befalls, err)
	}
}

// work is what the session does: most often apply.
func (s *stage) work(stop context.Context, m *model, run *checkpoint.Run, random *rand.Rand, calm bool, settle time.Duration) func(ApplyConfig) (Outcome, error) {
	s.Helper()
	kind := random.IntN(8)
	if !calm && run.Info().State != checkpoint.Planned {
		switch {
		case kind == 0 && settle > 0:
			lines, _ := s.undecided(run)
			if random.IntN(2) == 0 {
				lines = nil // those in doubt; parked ones are left
			}
			return func(cfg ApplyConfig) (Outcome, error) { return Settle(s.Context(), stop, cfg, lines) }
		case kind == 1:
			time.Sleep(10 * time.Minute) // a person who looks sees all that landed
			decisions := s.personDecides(m, run, random)
			return func(cfg ApplyConfig) (Outcome, error) {
				out, err := Decide(s.Context(), stop, cfg, decisions)
				var refused *DecisionError
				if errors.As(err, &refused) && m.names != nil { // the goal's name is no longer the row's
					err = nil
				}
				return out, err
			}
		}
	}
	return func(cfg ApplyConfig) (Outcome, error) { return Apply(s.Context(), stop, cfg) }
}

// undecided are the lines of rows in doubt or parked, and their doubts.
func (s *stage) undecided(run *checkpoint.Run) (lines []int, doubts []checkpoint.Doubt) {
	s.Helper()
	all, err := run.Doubts(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	for i := range all.Rows {
		if d := &all.Rows[i]; undecided(d) {
			lines, doubts = append(lines, d.Line), append(doubts, *d)
		}
	}
	return lines, doubts
}

// personDecides decides some of the undecided rows, by what is in the tenant.
func (s *stage) personDecides(m *model, run *checkpoint.Run, random *rand.Rand) (decisions []Decision) {
	s.Helper()
	keys := map[int]string{}
	for _, r := range s.rows(run) {
		keys[r.line] = r.key
	}
	_, doubts := s.undecided(run)
	for i := range doubts {
		line, action := doubts[i].Line, doubts[i].Action
		made := m.made(keys[line])
		switch {
		case random.IntN(3) == 0: // left open
		case random.IntN(4) == 0: // whether or not it is there
			decisions = append(decisions, Decision{line, checkpoint.Skipped, ""})
		case len(made) == 0:
			decisions = append(decisions, Decision{line, checkpoint.Pending, ""})
		case action != "delete":
			decisions = append(decisions, Decision{line, checkpoint.Created, made[0]})
		}
	}
	m.log("decided: %+v", decisions)
	return decisions
}

// fillUp fills the disk up: soon, or when the session waits for the settle time,
// and gives what cfg.Waiting must be. What is under way then fits into the
// reserve, or somebody takes that, too.
func (s *stage) fillUp(run *checkpoint.Run, settling bool, random *rand.Rand) func(time.Time, string) {
	s.Helper()
	spare := []int{plenty, 0, 1, 2, 5, 20}[random.IntN(6)]
	lines, _ := s.undecided(run)
	switch {
	case !settling:
		s.fillDisk(random.IntN(100), spare).fill()
		return nil
	case len(lines) > 0 && random.IntN(2) == 0: // settling comes first
		s.fillDisk(random.IntN(40), spare).fill()
		return nil
	}
	disk, waits := s.fillDisk(random.IntN(25), spare), int32(1+random.IntN(2))
	var waited atomic.Int32
	return func(_ time.Time, why string) {
		if why == WhySettle && waited.Add(1) == waits {
			disk.fill()
		}
	}
}

// fillPlace leaves no room for the run's reserve.
func (s *stage) fillPlace(run *checkpoint.Run) (clear func()) {
	s.Helper()
	place := filepath.Join(s.dir, "runs", run.Info().ID+".reserve")
	if err := os.MkdirAll(filepath.Join(place, "full"), 0o700); err != nil {
		s.Fatal(err)
	}
	return func() {
		if err := os.RemoveAll(place); err != nil {
			s.Error(err)
		}
	}
}

// loseMachine copies the state folder at the n-th call; what arrives later
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
	path := s.runFile(run.Info().ID)
	s.exec(path, fmt.Sprintf(`CREATE TABLE IF NOT EXISTS mark AS SELECT 0 n; UPDATE mark SET n = (SELECT count(*) FROM journal) + %d;
		CREATE TRIGGER broken BEFORE INSERT ON journal WHEN (SELECT count(*) FROM journal) >= (SELECT n FROM mark)
		BEGIN SELECT RAISE(ABORT, 'broken'); END`, after))
	return func() { s.exec(path, `DROP TRIGGER broken`) }
}
