package checkpoint

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A machine loses its power while rows are in doubt: of what was not on the
// disk yet any part may be missing, and any byte be another one. What is left
// of the run is what was written down until some moment, no less than what had
// been synced by then, and its rows are told by that.
func TestLogIsCut(t *testing.T) {
	t.Parallel()
	_, run := newRun(t, 6)
	if err := run.tighten(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := run.db.write.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		t.Fatal(err)
	}
	settled := outcomeOf(2, Pending, "")
	settled.Kind, settled.Was = Settled, InDoubt
	history := []Event{intent(1), outcomeOf(1, Created, "G1"), intent(2), outcomeOf(2, InDoubt, ""), intent(3), settled, intent(2), intent(4), outcomeOf(4, Rejected, ""), intent(5)}
	synced := make([]int64, len(history)) // length of the log by then
	for i := range history {
		journal(t, run, history[i])
		if i == 5 {
			if err := run.Fold(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		info, err := os.Stat(run.db.path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		synced[i] = info.Size()
	}
	file, err := os.ReadFile(run.db.path)
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(run.db.path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	closeRun(t, run)
	const header, frame = 32, 24 + 4096
	step := shorter(257, 1999)
	for n := 0; n <= len(log); n += step {
		cutAfter(t, file, log[:n], history, synced)
		torn := bytes.Clone(log)
		if n < len(torn) {
			torn[n] ^= 0x55
			cutAfter(t, file, torn, history, slices.DeleteFunc(slices.Clone(synced), func(size int64) bool { return size > int64(n) }))
		}
	}
	t.Logf("promise R7: a log of %d bytes cut and falsified at each %dth: what was synced is kept", len(log), step)
	for n := header; n <= len(log); n += frame { // at the edges of what SQLite writes at once
		for _, by := range []int{-1, 0, 1} {
			cutAfter(t, file, log[:min(n+by, len(log))], history, synced)
		}
	}
}

// cutAfter takes up a run of which the log is what is left of it.
func cutAfter(t *testing.T, file, log []byte, history []Event, synced []int64) {
	t.Helper()
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for suffix, text := range map[string][]byte{"": file, "-wal": log} {
		if err := os.WriteFile(filepath.Join(folder.runsDir(), "a.db"+suffix), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run, err := folder.Lock(t.Context(), "a", Holder{})
	if err != nil {
		t.Fatalf("%d bytes of the log: %v", len(log), err)
	}
	defer closeRun(t, run)
	var kept []Event
	err = run.eachRecord(t.Context(), run.db.read, 0, func(_ int64, text string) (bool, error) {
		return true, eachEvent(text, func(e *Event) error {
			kept = append(kept, *e)
			return nil
		})
	})
	least := 0
	for _, size := range synced {
		if size <= int64(len(log)) {
			least++
		}
	}
	if err != nil || len(kept) < least || len(kept) > len(history) || !slices.Equal(kept, history[:len(kept)]) {
		t.Fatalf("%d bytes of the log: %d events, %v; at least %d were synced", len(log), len(kept), err, least)
	}
	want := map[int64]Status{}
	for i := range kept {
		want[kept[i].Seq] = kept[i].fate().Status
	}
	for seq := range int64(6) {
		var status Status
		if err := run.db.read.QueryRow(`SELECT coalesce((SELECT status FROM fates WHERE seq = ?), '')`, seq+1).Scan(&status); err != nil || status != want[seq+1] {
			t.Fatalf("%d bytes of the log: row %d is %s, want %s; %v", len(log), seq+1, status, want[seq+1], err)
		}
	}
}
