package checkpoint

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Once the reserve was given back nobody gets a permission to send, but outcomes
// are kept.
func TestOutcomesAfterTheReserve(t *testing.T) {
	t.Parallel()
	folder, run := newRun(t, 10)
	if err := run.Reserve(t.Context()); err != nil {
		t.Fatal(err)
	}
	held, err := os.Stat(filepath.Join(folder.Dir(), "runs", "a.reserve"))
	if err != nil || held.Size() != reserveBytes {
		t.Fatalf("reserve %v, %v", held, err)
	}
	j := run.Journal(func([]Event) {})
	served := make(chan error, 1)
	go func() { served <- j.Serve() }()
	if err := j.Intend(intent(1)); err != nil {
		t.Fatal(err)
	}
	full := &StorageError{Path: "a.db", Err: errors.New("full")}
	if !run.reserve.spend(full) || run.reserve.spend(full) {
		t.Error("the reserve can be spent once")
	}
	if err := j.Intend(intent(2)); !errors.Is(err, full) {
		t.Errorf("an intent without a reserve: %v", err)
	}
	j.Record(outcomeOf(1, Created, "G"))
	j.Close()
	if err := <-served; !errors.Is(err, full) || !errors.Is(run.Trouble(), full) {
		t.Errorf("Serve says %v", err)
	}
	intended, outcomes := facts(t, run)
	if len(intended) != 1 || len(outcomes) != 1 {
		t.Errorf("intents %v, outcomes %v", intended, outcomes)
	}
	closeRun(t, run)
	noReserve(t, folder)
}

// A batch that needed the reserve keeps its outcomes, and no intent that nobody
// was allowed to follow.
func TestBatchDropsItsIntents(t *testing.T) {
	t.Parallel()
	b := newBatch()
	for _, e := range []Event{intent(1), outcomeOf(2, Created, "G"), intent(3), outcomeOf(4, Rejected, "")} {
		b.text = appendEvent(b.text, &e)
		b.events = append(b.events, e)
	}
	b.dropIntents()
	var kept []int64
	err := eachEvent(string(b.text), func(e *Event) error {
		kept = append(kept, e.Seq)
		return nil
	})
	if err != nil || len(kept) != 2 || kept[0] != 2 || kept[1] != 4 || len(b.events) != 2 {
		t.Errorf("kept %v, %d events, %v", kept, len(b.events), err)
	}
}

// The reserve of a killed process is taken over, and goes with its run.
func TestReserveIsRemoved(t *testing.T) {
	t.Parallel()
	folder, run := newRun(t, 1)
	left := filepath.Join(folder.Dir(), "runs", "a.reserve")
	if err := os.WriteFile(left, []byte("of a killed process"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run.Reserve(t.Context()); err != nil {
		t.Fatal(err)
	}
	closeRun(t, run)
	noReserve(t, folder)
	if err := os.WriteFile(left, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	run, err := folder.Lock(t.Context(), "a", Holder{})
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Discard(); err != nil {
		t.Fatal(err)
	}
	noReserve(t, folder)
}

func noReserve(t *testing.T, folder *Folder) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(folder.Dir(), "runs", "a.reserve")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the reserve is left: %v", err)
	}
}

// No intent is allowed that stands in a file without a name.
func TestVanishedFileAllowsNothing(t *testing.T) {
	t.Parallel()
	folder, run := newRun(t, 10)
	path := filepath.Join(folder.Dir(), "runs", "a.db")
	j := run.Journal(func([]Event) {})
	served := make(chan error, 1)
	go func() { served <- j.Serve() }()
	if err := j.Intend(intent(1)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".aside"); err != nil {
		return // a system on which a file in use keeps its name
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := j.Intend(intent(2)); !errors.Is(err, ErrVanished) {
		t.Errorf("the intent is allowed: %v", err)
	}
	j.Record(outcomeOf(1, Created, "G"))
	j.Close()
	if err := <-served; !errors.Is(err, ErrVanished) {
		t.Errorf("Serve says %v", err)
	}
	if err := run.SetInfo(t.Context(), func(*Info) {}); !errors.Is(err, ErrVanished) {
		t.Errorf("SetInfo says %v", err)
	}
	if err := os.Rename(path+".aside", path); err != nil {
		t.Fatal(err)
	}
	if _, outcomes := facts(t, run); len(outcomes) != 1 {
		t.Errorf("outcomes %v", outcomes)
	}
	closeRun(t, run)
}
