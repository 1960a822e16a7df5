package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gsbatch": main, "gsbatch-panics": panics})
}

// panics is the program with a stream that panics: GSBATCH_PANICS says which,
// and at the n-th write that holds a text: stderr outcome 20.
func panics() {
	withoutCore()
	var stream, text string
	var n int
	if _, err := fmt.Sscan(os.Getenv("GSBATCH_PANICS"), &stream, &text, &n); err != nil {
		panic(err)
	}
	var out, errs io.Writer = os.Stdout, os.Stderr
	if stream == "stdout" {
		out = &panicWriter{out, text, n}
	} else {
		errs = &panicWriter{errs, text, n}
	}
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, out, errs, os.Getenv))
}

type panicWriter struct {
	io.Writer
	text string
	n    int
}

func (w *panicWriter) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(w.text)) {
		w.n--
	}
	if w.n == 0 {
		w.n = -1
		panic(fmt.Errorf("provoked by %d bytes", len(p)))
	}
	return w.Writer.Write(p)
}

// TestScripts runs what a user could type. Each script has a home of its own
// and no keyring.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir+"/home")
			env.Setenv("XDG_CONFIG_HOME", env.WorkDir+"/config")
			env.Setenv("XDG_STATE_HOME", env.WorkDir+"/state")
			env.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"waitfor": waitFor,
		},
	})
}

// waitFor waits until a file holds a text: waitfor FILE TEXT.
func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: waitfor FILE TEXT")
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(ts.MkAbs(args[0])) // not there yet: try again
		if err == nil && strings.Contains(string(text), args[1]) {
			return
		}
	}
	ts.Fatalf("%s: no %q within 10 s", args[0], args[1])
}

// program runs the program in this process and returns what it printed.
func program(t *testing.T, env map[string]string, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	getenv := func(name string) string { return env[name] }
	code = run(context.Background(), args, strings.NewReader(stdin), &out, &errs, getenv)
	return out.String(), errs.String(), code
}

// testApp returns an App that writes stderr to w.
func testApp(t *testing.T, w io.Writer, env map[string]string) *App {
	t.Helper()
	ctx := context.Background()
	getenv := func(name string) string { return env[name] }
	return newApp(ctx, ctx, strings.NewReader(""), io.Discard, w, getenv)
}
