//go:build unix

package readers_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"gsbatch/readers"
)

// A pipe that nobody writes to holds nobody who wants to leave.
func TestPipeWithoutWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe.csv")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := readers.Open(ctx, path, readers.Options{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	go func() { // also lets go of the reader that was left behind
		w, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			_, _ = w.WriteString("Name,B\nx,y\n")
			_ = w.Close()
		}
	}()
	// The one left behind may take the line; both leave when the writer does.
	ctx, cancel = context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if table, err := readers.Open(ctx, path, readers.Options{}); err == nil {
		if table.Name() != "pipe.csv" {
			t.Error(table.Name())
		}
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	}
}
