package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// bounce is how soon after the first signal another one counts as the same:
// timeout(1), a closing terminal and some supervisors deliver one twice.
const bounce = 100 * time.Millisecond

// interrupted is the cause of a stopped App.stop: a signal asked for it.
type interrupted struct{ signal os.Signal }

func (e *interrupted) Error() string {
	switch e.signal {
	case os.Interrupt:
		return "stopped by an interrupt (Ctrl-C)"
	case syscall.SIGTERM:
		return "stopped by SIGTERM"
	case syscall.SIGHUP:
		return "stopped by SIGHUP"
	}
	return "stopped by " + e.signal.String()
}

// code is 130 after an interrupt from the keyboard, 143 after SIGTERM and SIGHUP.
func (e *interrupted) code() int {
	if e.signal == os.Interrupt {
		return exitInterrupted
	}
	return exitTerminated
}

// signals counts the signals that ask the program to leave.
type signals struct {
	stop  context.Context     // done after the first; its cause is an *interrupted
	again <-chan *interrupted // the second
	close func()
}

// watchSignals listens until close. A signal that the parent had ignored
// (nohup, a shell's background job) stays ignored.
func watchSignals(ctx context.Context) signals {
	stop, cancel := context.WithCancelCause(ctx)
	heard := make(chan os.Signal, 4)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(heard, s)
		}
	}
	// Listening to SIGPIPE turns the death by a closed pipe into a write error,
	// so that `gsbatch import … | head` still drains; ignoring it would be
	// inherited by the key command.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	again := make(chan *interrupted, 1)
	done := make(chan struct{})
	go count(heard, done, cancel, again)
	return signals{stop: stop, again: again, close: func() {
		signal.Stop(heard)
		signal.Stop(pipe)
		close(done)
		cancel(nil)
	}}
}

// count passes the first signal to first and the second, unless it is an echo
// of the first, to again.
func count(heard <-chan os.Signal, done <-chan struct{}, first context.CancelCauseFunc, again chan<- *interrupted) {
	var since time.Time
	for {
		select {
		case <-done:
			return
		case s := <-heard:
			switch {
			case since.IsZero():
				since = time.Now()
				first(&interrupted{signal: s})
			case time.Since(since) > bounce:
				again <- &interrupted{signal: s}
				return
			}
		}
	}
}
