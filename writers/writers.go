// Package writers creates CSV, XLSX and JSONL tables that appear whole or not at all; owns the columns of the reports and the drop-down workbook.
//
// A File is written under a temporary name in the folder of its target and
// takes its own name at Commit; until then, and after a crash, the target is
// what it was before. A Table encodes rows into a File by a Format and guards
// the cells that a spreadsheet would run as a formula. A Book makes of a Table a
// workbook to be filled in. A Report is a Table of
// the user's own columns followed by those of Result. A Summary is the account
// of a run: its Counts obey a law that WriteSummary checks. A Page is the same
// account for people, in HTML: what it is given is laid out and drawn here.
//
// Every failure to write is an *Error, which names the file and the mend.
package writers

import (
	"errors"
	"io/fs"
	"syscall"
)

// ErrTooLarge says that a table does not fit its format: an XLSX sheet has at
// most 1,048,576 rows, 16,384 columns and 4 GiB. It is wrapped in an *Error.
var ErrTooLarge = errors.New("the table does not fit this format")

// Error says which file could not be written, and why. The target is as it was
// before, and nothing of the new content is left under any name.
type Error struct {
	Path  string // as the caller gave it
	Doing string // create, write, sync, rename …
	Err   error
	Mend  string // what to do; "" where the cause alone tells
}

// Error returns one line: file, what was tried, why, and how to mend it.
func (e *Error) Error() string {
	s := e.Path + ": " + e.Doing + ": " + e.Err.Error()
	if e.Mend != "" {
		s += "; " + e.Mend
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// newError wraps err, which is not nil, once: an *Error stays as it is. The
// name of a temporary file says nothing to a user, so it is left out.
func newError(path, doing string, err error) error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return err
	}
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		err = p.Err
	}
	return &Error{Path: path, Doing: doing, Err: err, Mend: mend(err)}
}

func mend(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "free some space there, or choose another folder"
	case errors.Is(err, syscall.EFBIG):
		return "raise the file size limit, or choose another folder"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "choose a folder that you may write to"
	}
	return ""
}
