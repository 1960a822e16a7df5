package main

import (
	"context"
	"os"
	"strings"
	"testing"
)

// TestProfiled runs the command line in GSBATCH_ARGS in this process, so that
// go test can profile it:
//
//	GSBATCH_ARGS="validate large.csv" go test -run '^TestProfiled$' -cpuprofile /tmp/cpu.prof -o /tmp/gsbatch.test ./cmd/gsbatch
func TestProfiled(t *testing.T) {
	args := os.Getenv("GSBATCH_ARGS")
	if args == "" {
		t.Skip("for profiles: GSBATCH_ARGS is a command line")
	}
	if code := run(context.Background(), strings.Fields(args), os.Stdin, os.Stdout, os.Stderr, os.Getenv); code != 0 {
		t.Errorf("exit %d", code)
	}
}
