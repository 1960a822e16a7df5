package main

import (
	"io"
	"slices"
	"sync"
	"unicode/utf8"
)

// console is stderr: every write is redacted and made harmless, and clears the
// progress bar first where one is on the screen. It may be used by many
// goroutines; a write is one piece.
type console struct {
	mu    sync.Mutex
	out   cleanWriter
	raw   io.Writer
	dirty bool // a progress bar stands on the current line
}

func newConsole(w io.Writer, secrets *redactor) *console {
	// The text is made harmless on a pipe as well: logs are read on terminals.
	return &console{raw: w, out: cleanWriter{w: w, secrets: secrets, terminal: true}}
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dirty {
		c.dirty = false
		if _, err := io.WriteString(c.raw, "\r\x1b[2K"); err != nil {
			return 0, err
		}
	}
	return c.out.Write(p)
}

// flush writes what an incomplete character held back.
func (c *console) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.flush()
}

// painter returns the writer of those who draw: no redaction, ANSI sequences
// pass. bar says that what is written stays on the line until cleared.
func (c *console) painter(bar bool) io.Writer { return &painter{console: c, bar: bar} }

type painter struct {
	console *console
	bar     bool
}

func (p *painter) Write(b []byte) (int, error) {
	p.console.mu.Lock()
	defer p.console.mu.Unlock()
	if p.console.dirty && !p.bar {
		if _, err := io.WriteString(p.console.raw, "\r\x1b[2K"); err != nil {
			return 0, err
		}
	}
	p.console.dirty = p.bar
	return p.console.raw.Write(b)
}

// cleanWriter redacts what passes and, for a terminal, neutralises it. A
// character cut by the end of a write is held back until the next.
type cleanWriter struct {
	w        io.Writer
	secrets  *redactor
	terminal bool
	rest     []byte
}

func (c *cleanWriter) Write(p []byte) (int, error) {
	if !c.terminal {
		return c.plain(p)
	}
	text := slices.Concat(c.rest, p)
	cut := len(text) - incomplete(text)
	c.rest = append([]byte(nil), text[cut:]...)
	if _, err := io.WriteString(c.w, neutral(c.secrets.redact(string(text[:cut])))); err != nil {
		return 0, &stdoutError{err}
	}
	return len(p), nil
}

// stdoutError says that stdout takes no more: it has no folder and no room
// that a setting could change.
type stdoutError struct{ err error }

func (e *stdoutError) Error() string { return e.err.Error() }
func (e *stdoutError) Unwrap() error { return e.err }

// plain writes p as it is unless it holds a secret.
func (c *cleanWriter) plain(p []byte) (int, error) {
	if !c.secrets.within(p) {
		n, err := c.w.Write(p)
		if err != nil {
			err = &stdoutError{err}
		}
		return n, err
	}
	if _, err := io.WriteString(c.w, c.secrets.redact(string(p))); err != nil {
		return 0, &stdoutError{err}
	}
	return len(p), nil
}

// flush writes a cut character, escaped.
func (c *cleanWriter) flush() {
	if len(c.rest) > 0 {
		_, _ = io.WriteString(c.w, neutral(string(c.rest))) // last words; nobody to tell
		c.rest = nil
	}
}

// incomplete returns how many bytes at the end of p begin a character that p
// does not finish.
func incomplete(p []byte) int {
	for back := 1; back < utf8.UTFMax && back <= len(p); back++ {
		if b := p[len(p)-back]; utf8.RuneStart(b) {
			if utf8.FullRune(p[len(p)-back:]) {
				return 0
			}
			return back
		}
	}
	return 0
}
