package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/validate"
)

// ExportConfig is what Export needs.
type ExportConfig struct {
	Client *gainsight.Client
	// Spool is that of this very query; what it holds is not fetched again.
	Spool *checkpoint.Spool
	Query gainsight.Query
	// Asked are fields of Query.Select that were asked for by name: one that
	// the tenant refuses is an error. Others are left out.
	Asked []string
	Links bool // with columns of the associations
	// Labels gives names for ids of statuses and goal types; nil: ids are written.
	Labels *validate.Labels
	Names  *validate.IDMap // of parents; may be nil
	Sort   Sort
	Target Target
	// Started is the server's time before the first page; zero if unknown.
	Started time.Time
	// Progress, which may be nil, is told the number of records read.
	Progress func(goals int)
}

// Exported is the account of an export.
type Exported struct {
	Rows       int
	Resumed    int // of them, read by an earlier process
	Duplicates int
	Proved     bool
	Why        string // where not proved
	Select     []string
	Dropped    []string // fields that the tenant refused
	Started    time.Time
	Columns    []string
	Files      []ExportFile
	Notes      []string // cells that could not be written as they were
	NotesTotal int
	Leftover   string // a file that an earlier export with more files left
	Empty      bool   // nothing was found, and so nothing written
}

// RefusedFieldError says that the tenant refused a field that was asked for.
type RefusedFieldError struct {
	Fields []string
	Err    error
}

func (e *RefusedFieldError) Error() string {
	return "the tenant has no field " + strings.Join(e.Fields, ", ") + " that can be read: " + e.Err.Error()
}

func (e *RefusedFieldError) Unwrap() error { return e.Err }

// Export reads the goals or templates of a query into the spool and, once all are there,
// writes them to the target's files, which appear together. When it fails, the
// pages so far stay in the spool, and no file has changed.
func Export(ctx context.Context, cfg ExportConfig) (Exported, error) {
	e := &export{cfg: &cfg, head: exportHead{Select: cfg.Query.Select, Started: cfg.Started}}
	if err := e.fetch(ctx); err != nil {
		return e.out, err
	}
	e.out.Select, e.out.Dropped, e.out.Started, e.out.Rows = e.head.Select, e.head.Dropped, e.head.Started, cfg.Spool.Len()
	if e.out.Rows == 0 && cfg.Target.SkipEmpty {
		e.out.Empty = true
		return e.out, nil
	}
	return e.out, e.write(ctx)
}

// export is an Export under way.
type export struct {
	cfg  *ExportConfig
	head exportHead
	out  Exported
}

// exportHead is what the spool's head keeps beside the records.
type exportHead struct {
	Select  []string  `json:"select"`
	Dropped []string  `json:"dropped,omitempty"`
	Started time.Time `json:"started"`
}

// fetch brings the spool to the end of the walk. A refused field that nobody
// asked for is left out, and the walk begun again.
func (e *export) fetch(ctx context.Context) error {
	spool := e.cfg.Spool
	if text := spool.Head(); text == nil || json.Unmarshal(text, &e.head) != nil {
		if err := e.begin(); err != nil {
			return err
		}
	}
	for {
		err := e.walk(ctx)
		if again, err := e.without(err); !again {
			return err
		}
		if err := e.begin(); err != nil {
			return err
		}
	}
}

func (e *export) begin() error {
	text, err := json.Marshal(e.head)
	if err != nil {
		return err
	}
	return e.cfg.Spool.Begin(text)
}

// without takes the fields out of the query that the walk was refused for.
func (e *export) without(err error) (again bool, _ error) {
	failed, ok := errors.AsType[*gainsight.Error](err)
	if !ok || e.cfg.Spool.Len() > 0 {
		return false, err
	}
	var asked []string
	for _, name := range failed.RefusedFields() {
		i := slices.Index(e.head.Select, name)
		switch {
		case slices.Contains(e.cfg.Asked, name):
			asked = append(asked, name)
		case i >= 0 && name != "Gsid":
			e.head.Select = slices.Delete(slices.Clone(e.head.Select), i, i+1)
			e.head.Dropped = append(e.head.Dropped, name)
			again = true
		}
	}
	if len(asked) > 0 {
		return false, &RefusedFieldError{asked, err}
	}
	return again, err
}

// walk reads on from the spool's position to the end.
func (e *export) walk(ctx context.Context) error {
	query := e.cfg.Query
	query.Select = e.head.Select
	w, err := newGoalWalk(e.cfg.Client, query, e.cfg.Spool, e.cfg.Links)
	if err != nil {
		return err
	}
	e.out.Resumed = w.resumed
	err = w.run(ctx, e.cfg.Progress)
	e.out.Duplicates, e.out.Proved, e.out.Why = w.end.Duplicates, w.end.Proved, w.end.Why
	return err
}
