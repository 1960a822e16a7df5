package main

import (
	"context"
	"errors"
	"slices"
	"syscall"
)

// The exit codes. They do not change once released.
const (
	exitOK          = 0
	exitUnexpected  = 1
	exitUsage       = 2
	exitRows        = 3
	exitRefused     = 4
	exitInvalid     = 5
	exitStopped     = 6
	exitPaused      = 7
	exitDoubt       = 8
	exitChanged     = 9
	exitLocked      = 10
	exitNoWrite     = 11
	exitEmpty       = 12
	exitDiffers     = 20
	exitInterrupted = 130
	exitTerminated  = 143
)

// exitCode is an exit code with its meaning, as help tells it.
type exitCode struct {
	Code    int    `json:"code"`
	Meaning string `json:"meaning"`
}

// exitCodes returns every exit code in ascending order.
func exitCodes() []exitCode {
	return []exitCode{
		{exitOK, "done"},
		{exitUnexpected, "unexpected error"},
		{exitUsage, "usage, configuration, missing columns, or a file that cannot be read as a table"},
		{exitRows, "finished, but some rows were rejected, invalid or stale"},
		{exitRefused, "the key or this machine's address was refused"},
		{exitInvalid, "validation failed; nothing was sent"},
		{exitStopped, "stopped by an error threshold or a breaker, or the tenant cannot be reached; resumable"},
		{exitPaused, "paused by the quota or a budget of calls or time; resumable"},
		{exitDoubt, "finished, but rows in doubt or parked remain"},
		{exitChanged, "refused: the plan's tenant or picklists changed, or the same file came with other options"},
		{exitLocked, "locked by another process, which is named"},
		{exitNoWrite, "the state or report folder cannot be written; resumable"},
		{exitEmpty, "nothing to export (--if-empty fail)"},
		{exitDiffers, "changes exist (plan --detailed-exitcode)"},
		{exitInterrupted, "interrupted (Ctrl-C) after a clean drain; resumable"},
		{exitTerminated, "terminated (SIGTERM, SIGHUP) after a clean drain; resumable"},
	}
}

// worst returns the one exit code to leave with where several apply: the
// first of 130/143, 4, 11, 6, 7, 8, 3, then any other that is not 0.
func worst(codes ...int) int {
	order := []int{exitInterrupted, exitTerminated, exitRefused, exitNoWrite, exitStopped, exitPaused, exitDoubt, exitRows}
	for _, code := range order {
		if slices.Contains(codes, code) {
			return code
		}
	}
	for _, code := range codes {
		if code != exitOK {
			return code
		}
	}
	return exitOK
}

// reaction is what an error that no command dressed itself leads to.
type reaction struct {
	code int
	mend string // what to do next; "" where the error says so itself
	fits func(error) bool
}

// reactions maps the errors of the packages below to exit codes. Where several
// fit, worst decides the code and the first of that code the mend.
func reactions() []reaction {
	list := []reaction{
		{exitNoWrite, "free some space, or name another folder with --state or --report-dir", is(syscall.ENOSPC)},
		{exitNoWrite, "make the file system writable, or name another folder with --state or --report-dir", is(syscall.EROFS)},
		{exitNoWrite, "free some space in your quota, or name another folder with --state or --report-dir", is(syscall.EDQUOT)},
		{exitUnexpected, "", is(context.DeadlineExceeded)},
	}
	return append(list, packageReactions()...)
}

// exitFor returns the exit code of err and what to do about it.
func (app *App) exitFor(err error) (code int, mend string) {
	if err == nil {
		return exitOK, ""
	}
	if stopped, ok := app.stopped(err); ok {
		return stopped.code(), "what was done is kept"
	}
	if chosen, ok := errors.AsType[*failure](err); ok {
		return chosen.code, ""
	}
	if status, ok := errors.AsType[exitStatus](err); ok {
		return int(status), ""
	}
	if as[*stdoutError](err) {
		return exitUnexpected, ""
	}
	fitting := make(map[int]string)
	codes := []int{}
	for _, r := range reactions() {
		if _, seen := fitting[r.code]; !seen && r.fits(err) {
			fitting[r.code] = r.mend
			codes = append(codes, r.code)
		}
	}
	if len(codes) == 0 {
		return exitUnexpected, ""
	}
	code = worst(codes...)
	return code, fitting[code]
}

// stopped says whether err is the outcome of a signal. A command that chose
// its own code after a drain keeps it.
func (app *App) stopped(err error) (*interrupted, bool) {
	if by, ok := errors.AsType[*interrupted](err); ok {
		return by, true
	}
	by, ok := errors.AsType[*interrupted](context.Cause(app.stop))
	return by, ok && errors.Is(err, context.Canceled)
}

// is returns a test for a sentinel.
func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// as returns a test for a type.
func as[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
