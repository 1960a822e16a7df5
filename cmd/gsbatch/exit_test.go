package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestWorst(t *testing.T) {
	tests := []struct {
		codes []int
		want  int
	}{
		{nil, 0},
		{[]int{0, 0}, 0},
		{[]int{3, 8, 7, 6, 11, 4, 130}, 130},
		{[]int{3, 8, 7, 6, 11, 4, 143}, 143},
		{[]int{3, 8, 7, 6, 11, 4}, 4},
		{[]int{3, 8, 7, 6, 11}, 11},
		{[]int{3, 8, 7, 6}, 6},
		{[]int{3, 8, 7}, 7},
		{[]int{3, 0, 8}, 8},
		{[]int{0, 3}, 3},
		{[]int{1, 3}, 3},
		{[]int{0, 5}, 5},
		{[]int{12}, 12},
	}
	for _, tt := range tests {
		if got := worst(tt.codes...); got != tt.want {
			t.Errorf("worst(%v) = %d, want %d", tt.codes, got, tt.want)
		}
	}
}

func TestFinish(t *testing.T) {
	tests := []struct {
		name string
		err  error
		code int
		line string
	}{
		{"none", nil, 0, ""},
		{"unexpected", errors.New("it broke"), 1, "gsbatch: it broke\n"},
		{"usage", usagef("name one", "no tenant"), 2, "gsbatch: no tenant; name one\n"},
		{"wrapped usage", fmt.Errorf("login: %w", usagef("name one", "no tenant")), 2, "gsbatch: login: no tenant; name one\n"},
		{"silent", fmt.Errorf("run: %w", leave(0, 3, 8)), 8, ""},
		{"disk full", fmt.Errorf("write x: %w", syscall.ENOSPC), 11,
			"gsbatch: write x: no space left on device; free some space, or name another folder with --state or --report-dir\n"},
		{"reader gone", fmt.Errorf("stdout: %w", syscall.EPIPE), 1, ""},
		{"hostile", errors.New("status \"a\x1b[31m\u202eb\" is\nnot known\u0085"), 1,
			`gsbatch: status "a\x1b[31m\u202eb" is not known` + "\n"},
		{"key", errors.New("server said: k3y-0123456789-secret"), 1, "gsbatch: server said: [redacted]\n"},
	}
	for _, tt := range tests {
		var stderr bytes.Buffer
		app := testApp(t, &stderr, nil)
		app.secrets.add("k3y-0123456789-secret")
		if code := app.finish(tt.err); code != tt.code || stderr.String() != tt.line {
			t.Errorf("%s: %d %q, want %d %q", tt.name, code, stderr.String(), tt.code, tt.line)
		}
	}
}

func TestFinishAfterSignal(t *testing.T) {
	for _, tt := range []struct {
		signal os.Signal
		err    error
		code   int
	}{
		{os.Interrupt, context.Canceled, 130},
		{syscall.SIGTERM, fmt.Errorf("fetch: %w", context.Canceled), 143},
		{syscall.SIGHUP, &interrupted{syscall.SIGHUP}, 143},
		{os.Interrupt, usagef("", "x"), 2},
		{os.Interrupt, leave(130, 8), 130},
	} {
		var stderr bytes.Buffer
		app := testApp(t, &stderr, nil)
		stop, cancel := context.WithCancelCause(context.Background())
		cancel(&interrupted{tt.signal})
		app.stop = stop
		if code := app.finish(tt.err); code != tt.code {
			t.Errorf("%v after %v: %d, want %d", tt.err, tt.signal, code, tt.code)
		}
	}
}

func TestExitCodesAreToldOnce(t *testing.T) {
	last := -1
	for _, c := range exitCodes() {
		if c.Code <= last || c.Meaning == "" || strings.HasSuffix(c.Meaning, ".") {
			t.Errorf("exit code %d %q", c.Code, c.Meaning)
		}
		last = c.Code
	}
}

func TestJSONErrorObject(t *testing.T) {
	stdout, stderr, code := program(t, nil, "", "rows", "--json", "--config", "/nonexistent/c.yaml", "x.csv")
	if code != 2 || !strings.HasPrefix(stdout, `{"schema_version":1,"error":"configuration: open /nonexistent/c.yaml`) || !strings.Contains(stdout, `"exit_code":2}`) {
		t.Errorf("code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func TestSignalsAreCounted(t *testing.T) {
	heard, done, again := make(chan os.Signal, 4), make(chan struct{}), make(chan *interrupted, 1)
	defer close(done)
	stop, cancel := context.WithCancelCause(context.Background())
	go count(heard, done, cancel, again)
	heard <- syscall.SIGTERM
	<-stop.Done()
	if by, ok := errors.AsType[*interrupted](context.Cause(stop)); !ok || by.code() != 143 {
		t.Fatalf("cause %v", context.Cause(stop))
	}
	heard <- syscall.SIGTERM // the echo of the first
	heard <- os.Interrupt
	select {
	case by := <-again:
		t.Fatalf("%v within the bounce", by)
	case <-time.After(bounce + bounce/4):
	}
	heard <- os.Interrupt
	if by := <-again; by.code() != 130 {
		t.Fatalf("%v, code %d", by, by.code())
	}
}
