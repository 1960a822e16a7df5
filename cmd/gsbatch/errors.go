package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// failure is an error whose exit code and mend were chosen where it was found.
type failure struct {
	code   int
	err    error
	mend   string // what to do next, "" where the error says it
	source string // lines of the file with a caret, "" for none
}

func (f *failure) Error() string {
	if f.mend == "" {
		return f.err.Error()
	}
	return f.err.Error() + "; " + f.mend
}

func (f *failure) Unwrap() error { return f.err }

// failf returns a failure with an exit code, what to do and what is wrong.
func failf(code int, mend, format string, args ...any) error {
	return &failure{code: code, mend: mend, err: fmt.Errorf(format, args...)}
}

// usagef returns a failure of usage or configuration: exit 2.
func usagef(mend, format string, args ...any) error {
	return failf(exitUsage, mend, format, args...)
}

// withSource returns a usage failure from an error whose first line says what
// is wrong and whose other lines show where.
func withSource(err error) error {
	what, source, _ := strings.Cut(err.Error(), "\n")
	return &failure{code: exitUsage, err: errors.New(what), source: source}
}

// exitStatus leaves with a code and without another word: the command has said
// all there is to say.
type exitStatus int

func (s exitStatus) Error() string { return "exit " + strconv.Itoa(int(s)) }

// leave returns the error for the worst of codes, nil for 0.
func leave(codes ...int) error {
	if code := worst(codes...); code != exitOK {
		return exitStatus(code)
	}
	return nil
}

// finish tells the user what err means and returns its exit code. Every error
// is one line on stderr, followed by lines of source where a caret helps; with
// --json stdout gets an object even so.
func (app *App) finish(err error) int {
	code, mend := app.exitFor(err)
	defer app.stderr.flush()
	if err == nil {
		return code
	}
	_, silent := errors.AsType[exitStatus](err)
	if silent || errors.Is(err, syscall.EPIPE) {
		return code // said already, or nobody listens
	}
	if by, ok := app.stopped(err); ok {
		err = by // what the signal broke off is no trouble of its own
	}
	line := oneLine(err.Error())
	if mend != "" {
		line += "; " + mend
	}
	app.tell("gsbatch: %s\n", line)
	if f, ok := errors.AsType[*failure](err); ok && f.source != "" {
		app.tell("%s\n", strings.TrimRight(f.source, "\n"))
	}
	if app.general.json && !app.emitted {
		_ = app.emit(failed{Error: line, Code: code}) // stderr has it already
	}
	return code
}

// failed is the JSON object of a command that has nothing else to show.
type failed struct {
	Error string `json:"error"`
	Code  int    `json:"exit_code"`
}

// flagError words pflag's errors: one line with the nearest flag.
func flagError(cmd *cobra.Command, err error) error {
	see := "see " + cmd.CommandPath() + " --help"
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name := unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			return usagef(see, "unknown flag -%s", name)
		}
		if near := nearest(name, flagNames(cmd)); near != "" {
			see = "did you mean --" + near + "?"
		}
		return usagef(see, "unknown flag --%s", name)
	}
	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return usagef(see, "--%s wants a value", missing.GetSpecifiedName())
	}
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return usagef(see, "--%s: %s", bad.GetFlag().Name, wrongValue(bad.GetFlag(), bad.GetValue(), bad.Unwrap()))
	}
	return usagef(see, "%w", err)
}

// wrongValue says why a flag does not take a value.
func wrongValue(f *pflag.Flag, value string, why error) string {
	if _, ours := errors.AsType[*badValue](why); ours {
		return fmt.Sprintf("%q: %v", value, why)
	}
	kind := map[string]string{"bool": "true or false", "int": "a whole number", "int64": "a whole number", "duration": "a duration like 30s, 5m or 8h"}[f.Value.Type()]
	if kind == "" {
		return fmt.Sprintf("%q: %v", value, why)
	}
	return fmt.Sprintf("%q is not %s", value, kind)
}

// flagNames lists the flags that a command takes.
func flagNames(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// takes returns a check for between least and most arguments (most < 0: any
// number), worded after the command's usage line.
func takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		usage := "usage: " + cmd.UseLine()
		switch {
		case len(args) < least:
			names := strings.Fields(cmd.Use)[1:]
			missing := "an argument"
			if len(args) < len(names) {
				missing = strings.Trim(names[len(args)], "[].…")
			}
			return usagef(usage, "%s: %s is missing", cmd.Name(), missing)
		case most >= 0 && len(args) > most:
			return usagef(usage, "%s: unexpected argument %q", cmd.Name(), args[most])
		}
		return nil
	}
}

// unknownCommand is the argument check of a command that only has others below it.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	mend := "see " + cmd.CommandPath() + " --help"
	if near := nearest(args[0], names); near != "" {
		mend = "did you mean " + cmd.CommandPath() + " " + near + "?"
	}
	return usagef(mend, "unknown command %q", args[0])
}

// jsonLine encodes v in one line, without escaping <, > and &.
func jsonLine(v any) ([]byte, error) {
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode JSON: %w", err)
	}
	return []byte(text.String()), nil
}
