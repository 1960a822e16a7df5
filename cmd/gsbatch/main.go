// Command gsbatch reads flags and environment, wires the packages, shows progress, maps the outcome to an exit code.
//
// run is the program: it makes an App (streams, environment, contexts), builds
// the command tree with newRoot, executes it and turns the error that comes
// back into an exit code by the table in exit.go. A command is a file: an
// options struct, its flags, and a function that takes the App and never sees
// cobra. Settings fill the flags that were not given before that function
// runs, so a command only ever looks at its options.
package main

import (
	"context"
	"io"
	"os"
)

func main() {
	withoutCore()
	paceCollector()
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}

// run executes the command line args and returns the exit code. The first
// signal cancels App.stop, so that the command drains; the second makes run
// return at once, with the command still running.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	hard, cancel := context.WithCancel(ctx)
	defer cancel()
	signals := watchSignals(hard)
	defer signals.close()
	app := newApp(hard, signals.stop, stdin, stdout, stderr, getenv)
	done := make(chan int, 1)
	go func() { done <- app.execute(args) }()
	select {
	case code := <-done:
		return code
	case again := <-signals.again:
		app.tell("\ngsbatch: left at once; a call that was under way leaves its row in doubt, which is never sent again unasked\n")
		return again.code()
	}
}
