package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(childRole); role != "" {
		os.Exit(child(role, os.Getenv(childFolder)))
	}
	goleak.VerifyTestMain(m)
}

// shorter is n, or with -short less: the race detector slows SQLite down tenfold.
func shorter(n, less int) int {
	if testing.Short() {
		return less
	}
	return n
}

// newRun makes a run of n planned creates in a new folder.
func newRun(t *testing.T, n int) (*Folder, *Run) {
	t.Helper()
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return folder, planRun(t, folder, "a", n, func(seq int64) Op { return Op{} })
}

// planRun plans n creates; shape may set what tells them apart.
func planRun(t *testing.T, folder *Folder, id string, n int, shape func(seq int64) Op) *Run {
	t.Helper()
	ctx := t.Context()
	run, err := folder.Create(ctx, Info{ID: id, Tenant: "acme", CreatedAt: time.Now()}, Holder{PID: 7, Command: "test"})
	if err != nil {
		t.Fatal(err)
	}
	var batch Batch
	for seq := int64(1); seq <= int64(n); seq++ {
		op := shape(seq)
		op.Seq, op.Line, op.Action = seq, int(seq)+1, "create"
		op.Item = fmt.Sprintf(`{"record":{"Name":"goal %d"}}`, seq)
		op.Lookups, op.Names = `{"CompanyId":{}}`, "company IBM"
		batch.Add(seq, op.Line, []Cell{{Text: fmt.Sprint("goal ", seq)}, {Text: "x\ty\nz", Kind: 2}}, &op, nil, nil)
	}
	err = run.Planner().Write(ctx, &batch)
	if err == nil {
		err = run.SetInfo(ctx, func(i *Info) { i.State, i.Input.Rows = Planned, int64(n) })
	}
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// journal appends events in one session, as apply does.
func journal(t *testing.T, run *Run, events ...Event) {
	t.Helper()
	j := run.Journal(func([]Event) {})
	served := make(chan error, 1)
	go func() { served <- j.Serve() }()
	for _, e := range events {
		if e.Kind == Intent {
			if err := j.Intend(e); err != nil {
				t.Fatal(err)
			}
			continue
		}
		j.Record(e)
	}
	j.Close()
	if err := <-served; err != nil {
		t.Fatal(err)
	}
}

func closeRun(t *testing.T, run *Run) {
	t.Helper()
	if err := run.Close(); err != nil {
		t.Fatal(err)
	}
}

func pendingSeqs(t *testing.T, run *Run) []int64 {
	t.Helper()
	var seqs []int64
	for op, err := range run.PendingOps(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, op.Seq)
	}
	return seqs
}

func TestIntentWithoutOutcomeIsInDoubt(t *testing.T) {
	folder, run := newRun(t, 5)
	journal(t, run,
		Event{Kind: Intent, Seq: 1, Attempt: 1, At: 10, Server: 9},
		Event{Kind: Intent, Seq: 2, Attempt: 1, At: 11, Server: 9},
		Event{Kind: Outcome, Seq: 1, Attempt: 1, At: 12, Server: 11, Status: Created, Gsid: "G1", RequestID: "r1", HTTP: 200},
		Event{Kind: Intent, Seq: 3, Attempt: 1, At: 13},
		Event{Kind: Outcome, Seq: 3, Attempt: 1, At: 14, Status: Pending, Reason: "not sent"},
	)
	closeRun(t, run)

	run, err := folder.Lock(t.Context(), "a", Holder{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeRun(t, run)
	counts, err := run.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Counts{Rows: 5, Created: 1, InDoubt: 1, Pending: 3}, counts); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int64{3, 4, 5}, pendingSeqs(t, run)); diff != "" {
		t.Error("pending:", diff)
	}
	h, err := run.History(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	want := Fate{Status: InDoubt, Attempts: 1, At: 11, Server: 9, Reason: "the process ended before the answer was seen"}
	if diff := cmp.Diff(want, h.Line.Fate); diff != "" {
		t.Error(diff)
	}
	if len(h.Events) != 1 || h.Op == nil || h.Op.Names != "company IBM" || h.Op.Lookups != `{"CompanyId":{}}` {
		t.Errorf("history %+v", h)
	}
}

// A run may be folded after every event, or only at the end, and in between
// be opened by other processes: what comes out is the same.
func TestFoldAnywhere(t *testing.T) {
	events := []Event{
		{Kind: Intent, Seq: 1, Attempt: 1}, {Kind: Outcome, Seq: 1, Attempt: 1, Status: Pending},
		{Kind: Intent, Seq: 1, Attempt: 2}, {Kind: Intent, Seq: 2, Attempt: 1},
		{Kind: Outcome, Seq: 2, Attempt: 1, Status: Rejected, Code: "8010", Reason: "a\tb\\n\nc"},
		{Kind: Outcome, Seq: 1, Attempt: 2, Status: Created, Gsid: "G"},
		{Kind: Intent, Seq: 3, Attempt: 1},
	}
	fates := func(everyStep bool) []Fate {
		_, run := newRun(t, 4)
		defer closeRun(t, run)
		for _, e := range events {
			journal(t, run, e)
			if everyStep {
				if err := run.Fold(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := run.Fold(t.Context()); err != nil {
			t.Fatal(err)
		}
		var fates []Fate
		for line, err := range run.Lines(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]Cell{{Text: fmt.Sprint("goal ", line.Seq)}, {Text: "x\ty\nz", Kind: 2}}, line.Cells); diff != "" {
				t.Error(diff)
			}
			fates = append(fates, line.Fate)
		}
		return fates
	}
	once, each := fates(false), fates(true)
	if diff := cmp.Diff(once, each); diff != "" {
		t.Error(diff)
	}
	want := []Fate{
		{Status: Created, Gsid: "G", Attempts: 2},
		{Status: Rejected, Code: "8010", Reason: "a\tb\\n\nc", Attempts: 1},
		{Status: InDoubt, Attempts: 1, Reason: "the process ended before the answer was seen"},
		{Status: Pending},
	}
	if diff := cmp.Diff(want, once); diff != "" {
		t.Error(diff)
	}
}

func TestEventsSurviveTheirText(t *testing.T) {
	e := Event{Kind: Outcome, Seq: 1 << 40, Attempt: 3, At: 1, Server: 2, Status: Rejected, Gsid: "g", HTTP: 500,
		Code: "a\\", RequestID: "\t", User: "\n\\t", Parents: "CompanyId=1", Reason: "tab\tnewline\n\\ü"}
	var back []Event
	err := eachEvent(string(appendEvent(nil, &e)), func(e *Event) error { back = append(back, *e); return nil })
	if err != nil || len(back) != 1 {
		t.Fatal(back, err)
	}
	if diff := cmp.Diff(e, back[0]); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"o\t1\t1\t1\t1\n", "i\t1\t1\t1\n", "x\t1\t1\t1\t1\n", "i\t1\t1\t1\t1\t9\n", "i\t1\t1\t1\t1"} {
		if err := eachEvent(bad, func(*Event) error { return nil }); err == nil {
			t.Errorf("%q was taken for an event", bad)
		}
	}
}

// An intent that returned is on the disk, whatever became of the process.
func TestManyWorkersShareCommits(t *testing.T) {
	_, run := newRun(t, 400)
	defer closeRun(t, run)
	committed := 0
	j := run.Journal(func(events []Event) { committed += len(events) })
	served := make(chan error, 1)
	go func() { served <- j.Serve() }()
	var workers sync.WaitGroup
	for w := range 8 {
		workers.Go(func() {
			for seq := int64(w + 1); seq <= 400; seq += 8 {
				if err := j.Intend(Event{Kind: Intent, Seq: seq, Attempt: 1}); err != nil {
					t.Error(err)
				}
				j.Record(Event{Kind: Outcome, Seq: seq, Attempt: 1, Status: Created})
			}
		})
	}
	workers.Wait()
	j.Flush()
	if committed != 800 {
		t.Errorf("after Flush %d events are durable, want 800", committed)
	}
	j.Close()
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	counts, err := run.Counts(t.Context())
	if err != nil || counts.Created != 400 || counts.Pending != 0 {
		t.Errorf("counts before the fold: %+v, %v", counts, err)
	}
	if err := j.Intend(Event{Kind: Intent, Seq: 1}); !errors.Is(err, ErrClosed) {
		t.Errorf("an intent after Close: %v", err)
	}
}

// After a commit that failed nobody gets a permission to send.
func TestNoIntentAfterFailedCommit(t *testing.T) {
	_, run := newRun(t, 10)
	if _, err := run.db.write.Exec(`CREATE TRIGGER full BEFORE INSERT ON journal WHEN NEW.batch LIKE '%	3	%' BEGIN SELECT RAISE(ABORT, 'disk full'); END`); err != nil {
		t.Fatal(err)
	}
	j := run.Journal(func([]Event) {})
	served := make(chan error, 1)
	go func() { served <- j.Serve() }()
	for seq := int64(1); seq <= 5; seq++ {
		err := j.Intend(Event{Kind: Intent, Seq: seq, Attempt: 1})
		var storage *StorageError
		if failed := errors.As(err, &storage); failed != (seq >= 3) {
			t.Errorf("intent %d: %v", seq, err)
		}
	}
	j.Record(Event{Kind: Outcome, Seq: 1, Status: Created})
	j.Flush()
	j.Close()
	if err := <-served; err == nil {
		t.Error("Serve does not tell of the failed commit")
	}
	closeRun(t, run)
	t.Log("promise R7: after a failed commit no intent is given")
}

// A Flush that comes after the end does not wait for a commit that never will be.
func TestFlushAfterClose(t *testing.T) {
	_, run := newRun(t, 2)
	defer closeRun(t, run)
	for _, events := range []int{0, 2} {
		j := run.Journal(func([]Event) {})
		served := make(chan error, 1)
		go func() { served <- j.Serve() }()
		for seq := range events {
			j.Record(outcomeOf(int64(seq+1), Created, "G"))
		}
		j.Close()
		j.Flush()
		if err := <-served; err != nil {
			t.Fatal(err)
		}
		j.Flush()
	}
}

// A fold that was cut off between a row's intent and its outcome leaves the row
// in doubt among the fates; with the rest of the journal it is counted once.
func TestCountsAcrossACutFold(t *testing.T) {
	_, run := newRun(t, 4)
	defer closeRun(t, run)
	journal(t, run, intent(1), intent(2), intent(3))
	if err := run.Fold(t.Context()); err != nil {
		t.Fatal(err)
	}
	journal(t, run, outcomeOf(1, Created, "G"), outcomeOf(2, Pending, ""), intent(2), outcomeOf(2, InDoubt, ""))
	for range 2 {
		counts, err := run.Counts(t.Context())
		if diff := cmp.Diff(Counts{Rows: 4, Created: 1, InDoubt: 2, Pending: 1}, counts); diff != "" || err != nil {
			t.Error(err, diff)
		}
		if err := run.Fold(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Whoever counts while the holder folds finds every row once.
func TestCountsDuringFold(t *testing.T) {
	const rows = 3000
	folder, run := newRun(t, rows)
	defer closeRun(t, run)
	view, err := folder.View(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer closeRun(t, view)
	var events []Event
	for seq := int64(1); seq <= rows; seq++ {
		events = append(events, outcomeOf(seq, Created, "G"))
	}
	journal(t, run, events...)
	folded := make(chan error, 1)
	go func() { folded <- run.Fold(t.Context()) }()
	for more := true; more; {
		select {
		case err := <-folded:
			if err != nil {
				t.Fatal(err)
			}
			more = false
		default:
		}
		counts, err := view.Counts(t.Context())
		if err != nil || counts != (Counts{Rows: rows, Created: rows}) {
			t.Errorf("%+v, %v", counts, err)
		}
	}
}

func TestLockNamesItsHolder(t *testing.T) {
	folder, run := newRun(t, 1)
	_, err := folder.Lock(t.Context(), "a", Holder{})
	var locked *LockedError
	if !errors.As(err, &locked) || locked.Holder.PID != 7 || locked.Holder.Command != "test" {
		t.Errorf("got %v", err)
	}
	view, err := folder.View(t.Context(), "a")
	if err != nil {
		t.Fatal("a reader was kept out:", err)
	}
	closeRun(t, view)
	if err := os.Remove(holderPath(folder.lockPath("a"))); err != nil {
		t.Fatal(err)
	}
	closeRun(t, run) // without its note the lock is dropped all the same
	again, err := folder.Lock(t.Context(), "a", Holder{})
	if err != nil {
		t.Fatal(err)
	}
	closeRun(t, again)
}

func TestFind(t *testing.T) {
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for i, id := range []string{"abc-1", "abd-1", "xyz-1"} {
		run, err := folder.Create(t.Context(), Info{ID: id, CreatedAt: start.Add(time.Duration(i) * time.Second)}, Holder{})
		if err != nil {
			t.Fatal(err)
		}
		closeRun(t, run)
	}
	if err := os.WriteFile(filepath.Join(folder.runsDir(), "torn.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"abc-1": "abc-1", "x": "xyz-1", "latest": "xyz-1"} {
		if got, err := folder.Find(t.Context(), name); got != want || err != nil {
			t.Errorf("Find(%q) = %q, %v", name, got, err)
		}
	}
	var ambiguous *AmbiguousError
	if _, err := folder.Find(t.Context(), "ab"); !errors.As(err, &ambiguous) {
		t.Errorf("a prefix of two: %v", err)
	}
	if _, err := folder.Find(t.Context(), "q"); !errors.Is(err, ErrNoRun) {
		t.Errorf("an unknown run: %v", err)
	}
}

func TestFilesArePrivate(t *testing.T) {
	folder, run := newRun(t, 3)
	journal(t, run, Event{Kind: Intent, Seq: 1, Attempt: 1})
	tenant, err := folder.Tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(folder.Dir(), func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && path != folder.Dir() && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	closeRun(t, run)
	if err := tenant.Close(); err != nil {
		t.Fatal(err)
	}
	t.Log("promise S7: every file and folder of the state is closed to others")
}

func TestSparseResume(t *testing.T) {
	_, run := newRun(t, 9000)
	defer closeRun(t, run)
	fates := map[int64]Fate{}
	for seq := int64(1); seq <= 9000; seq++ {
		if seq != 4097 && seq != 8999 {
			fates[seq] = Fate{Status: Created}
		}
	}
	if err := run.SetFates(t.Context(), fates); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{4097, 8999}, pendingSeqs(t, run)); diff != "" {
		t.Error(diff)
	}
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var storage *StorageError
	if _, err := Open(filepath.Join(file, "state")); !errors.As(err, &storage) {
		t.Errorf("got %v", err)
	}
}
