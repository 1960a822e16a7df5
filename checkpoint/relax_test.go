package checkpoint

import (
	"context"
	"testing"
)

// A run whose commits cannot be made durable stays relaxed, so that whoever
// needs them durable tries again; then they are.
func TestTightenAgain(t *testing.T) {
	t.Parallel()
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	run, err := folder.Create(t.Context(), Info{ID: "again"}, Holder{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := run.Close(); err != nil {
			t.Error(err)
		}
	})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run.tighten(gone); err == nil || run.relaxed == nil {
		t.Fatalf("error %v; the run is taken for durable: %t", err, run.relaxed == nil)
	}
	if err := run.tighten(t.Context()); err != nil || run.relaxed != nil {
		t.Fatalf("error %v; the run is still relaxed: %t", err, run.relaxed != nil)
	}
	level := 0
	if err := run.db.write.QueryRow(`PRAGMA synchronous`).Scan(&level); err != nil || level != 2 {
		t.Errorf("synchronous is %d (2 is FULL), error %v", level, err)
	}
}
