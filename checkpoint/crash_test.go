package checkpoint

import (
	"database/sql"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A process that was killed while it made a run leaves a folder that every
// command can still read.
func TestKilledWhileMakingARun(t *testing.T) {
	t.Parallel()
	for range shorter(25, 5) {
		dir := t.TempDir()
		start(t, "create", dir).killAfter(rand.N(12 * time.Millisecond))
		folder, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := folder.List(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// The same at the one moment that matters, when the file is written and its
// rollback journal is there still.
func TestTornBirthIsUndone(t *testing.T) {
	made := filepath.Join(t.TempDir(), "made.db")
	db, err := sql.Open("sqlite", dsn(made, "rwc", "_pragma=cache_size(1)"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(`CREATE TABLE info AS SELECT randomblob(100000) doc FROM (VALUES (1), (2), (3))`); err != nil {
		t.Fatal(err)
	}
	folder, run := newRun(t, 1)
	closeRun(t, run)
	for _, suffix := range []string{"", "-journal"} {
		text, err := os.ReadFile(made + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(folder.runPath("torn")+suffix, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	infos, err := folder.List(t.Context())
	if err != nil || len(infos) != 1 || infos[0].ID != "a" {
		t.Errorf("got %v, %v", infos, err)
	}
}

// facts are what a journal says of its rows.
func facts(t *testing.T, run *Run) (intended map[int64]bool, created map[int64]string) {
	t.Helper()
	intended, created = map[int64]bool{}, map[int64]string{}
	err := run.eachRecord(t.Context(), run.db.read, 0, func(_ int64, text string) (bool, error) {
		return true, eachEvent(text, func(e *Event) error {
			switch {
			case e.Kind == Intent && intended[e.Seq]:
				t.Errorf("row %d was sent twice", e.Seq)
			case e.Kind == Intent:
				intended[e.Seq] = true
			case !intended[e.Seq]:
				t.Errorf("row %d has an outcome before its intent", e.Seq)
			default:
				created[e.Seq] = e.Gsid
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return intended, created
}

// Killed again and again while 16 workers journal: every intent that returned
// is found, with the outcomes that were recorded before it, each row's fate is
// what the journal says, and no row is handed out twice.
func TestKilledWhileJournaling(t *testing.T) {
	t.Parallel()
	rows := shorter(60_000, 10_000)
	folder, run := newRun(t, rows)
	closeRun(t, run)
	sent := map[int64]bool{}
	for round := range shorter(8, 3) {
		for _, line := range start(t, "journal", folder.Dir()).killAfter(rand.N(60 * time.Millisecond)) {
			seq, err := strconv.ParseInt(line, 10, 64)
			if err != nil {
				t.Fatalf("the child says %q", line)
			}
			sent[seq] = true
		}
		run, err := folder.Lock(t.Context(), "a", Holder{})
		if err != nil {
			t.Fatal(err)
		}
		intended, created := facts(t, run)
		last := map[int64]int64{}
		for seq := range sent {
			if !intended[seq] {
				t.Errorf("round %d: the intent of row %d returned and is lost", round, seq)
			}
			last[seq%childWorkers] = max(last[seq%childWorkers], seq)
		}
		for seq := range sent {
			if _, ok := created[seq]; !ok && seq < last[seq%childWorkers] && round == 0 {
				t.Errorf("the outcome of row %d is lost, though its worker had gone on", seq)
			}
		}
		want := Counts{Rows: rows, Created: len(created), InDoubt: len(intended) - len(created), Pending: rows - len(intended)}
		counts, err := run.Counts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, counts); diff != "" {
			t.Errorf("round %d: %s", round, diff)
		}
		closeRun(t, run)
	}
	if len(sent) == 0 {
		t.Error("no child got as far as an intent")
	}
}

// Killed at any moment of the fold, the sum of fates and the rest of the
// journal is the same; the next one to lock the run ends the work.
func TestKilledWhileFolding(t *testing.T) {
	t.Parallel()
	rows := int64(shorter(40_000, 17_000)) // of three events each: more than one or two transactions
	folder, run := newRun(t, int(rows))
	j := run.Journal(func([]Event) {})
	served := make(chan error, 1)
	go func() { served <- j.Serve() }()
	for seq := int64(1); seq <= rows; seq++ {
		e := outcomeOf(seq, Created, "G")
		if seq%4 == 0 {
			e.Status = Rejected
		}
		j.Record(intent(seq))
		j.Record(outcomeOf(seq, Pending, ""))
		j.Record(e)
		if seq%1000 == 0 {
			j.Flush() // many records
		}
	}
	j.Close()
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	closeRun(t, run)
	want := Counts{Rows: int(rows), Created: int(rows) / 4 * 3, Rejected: int(rows) / 4}
	whole := false
	for i := 0; !whole; i++ {
		start(t, "fold", folder.Dir()).killAfter(time.Duration(i*shorter(70, 150)) * time.Millisecond)
		view, err := folder.View(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		counts, err := view.Counts(t.Context())
		if diff := cmp.Diff(want, counts); diff != "" || err != nil {
			t.Errorf("after kill %d: %v %s", i, err, diff)
		}
		upto, err := view.foldedUpto(t.Context(), view.db.read)
		if err != nil {
			t.Fatal(err)
		}
		last, _, err := view.sumUp(t.Context(), upto)
		if err != nil {
			t.Fatal(err)
		}
		whole = last == upto
		closeRun(t, view)
	}
}

// On a full disk the journal takes no event after the first that failed; all
// that it took are there when the disk has room again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		return // no such limit; the trigger of TestNoIntentAfterFailedCommit stands in
	}
	folder, run := newRun(t, 5000)
	closeRun(t, run)
	p := start(t, "full", folder.Dir())
	told := p.killAfter(time.Minute)
	if !p.ProcessState.Success() {
		t.Fatal(p.ProcessState)
	}
	if len(told) == 0 || len(told) == 5000 {
		t.Fatalf("the disk was full after %d rows", len(told))
	}
	run, err := folder.Lock(t.Context(), "a", Holder{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeRun(t, run)
	intended, _ := facts(t, run)
	for _, line := range told {
		if seq, _ := strconv.ParseInt(line, 10, 64); !intended[seq] {
			t.Errorf("the intent of row %s is lost", line)
		}
	}
	if extra := len(intended) - len(told); extra > 1 {
		t.Errorf("%d rows are in doubt that were never allowed", extra)
	}
	journal(t, run, intent(4999), outcomeOf(4999, Created, "G"))
}
