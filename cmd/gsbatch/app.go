package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"gsbatch/emulator"
)

// App is what a command knows of the world it runs in.
type App struct {
	stdin  io.Reader
	stdout io.Writer // data only; made harmless on a terminal
	stderr *console  // all else
	getenv func(string) string
	cwd    string
	now    func() time.Time

	// stop is done after the first signal: no new work. hard is done when the
	// program leaves: calls in flight use it.
	stop, hard context.Context

	inTTY, outTTY, errTTY bool
	// color says that stderr takes ANSI sequences and colour is welcome.
	color bool

	general  general
	settings *settings
	secrets  *redactor
	log      *slog.Logger
	metrics  *metricsFile
	emulated bool // the embedded tenant is in use; stamped on every JSON object
	emitted  bool // stdout has its JSON object
}

// newApp returns the App of one execution, before any flag was read.
func newApp(hard, stop context.Context, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) *App {
	secrets := newRedactor()
	app := &App{
		stdin: stdin, getenv: getenv, now: time.Now, stop: stop, hard: hard,
		inTTY: isTerminal(stdin), outTTY: isTerminal(stdout), errTTY: isTerminal(stderr),
		secrets: secrets,
	}
	app.cwd, _ = os.Getwd() // "" where the folder is gone: names then stay relative
	dumb := getenv("TERM") == "dumb"
	app.color = app.errTTY && !dumb && getenv("NO_COLOR") == ""
	app.stderr = newConsole(stderr, secrets)
	app.stdout = &cleanWriter{w: stdout, secrets: secrets, terminal: app.outTTY}
	app.log = slog.New(slog.DiscardHandler)
	app.settings = newSettings()
	app.hide(getenv("GSBATCH_ACCESS_KEY"))
	return app
}

// execute runs the command line and returns its exit code. A panic becomes an
// error like any other, so that it passes the redactor.
func (app *App) execute(args []string) (code int) {
	defer func() {
		if p := recover(); p != nil {
			app.tell("gsbatch: unexpected: %v; please report this with the lines below\n%s", p, debug.Stack())
			code = exitUnexpected
		}
	}()
	root := newRoot(app)
	root.SetArgs(args)
	// A flag that is wrong ends the reading of flags, also before --json.
	app.general.json = slices.Contains(args, "--json")
	_, err := root.ExecuteContextC(app.stop)
	code = app.finish(err)
	if err := app.metrics.finish(code); err != nil {
		app.tell("gsbatch: metrics file: %v\n", err) // the run itself is as it is
	}
	return code
}

// attended says whether somebody can be asked: questions are written to
// stderr and answered on stdin.
func (app *App) attended() bool { return app.inTTY && app.errTTY }

// hide makes a key unprintable. The embedded tenant's own is known to all, and
// a word that we use.
func (app *App) hide(key string) {
	if key != emulator.DefaultAccessKey {
		app.secrets.add(strings.TrimSpace(key))
	}
}

// tell writes to stderr, redacted and harmless. When stderr is gone there is
// nobody left to tell that.
func (app *App) tell(format string, args ...any) { _, _ = fmt.Fprintf(app.stderr, format, args...) }

// isTerminal says whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
