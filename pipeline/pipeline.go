// Package pipeline moves rows into records and records into rows: plan, apply, settle, export, undo, report.
//
// A Source is an opened table bound to its checker. Check reads it once, in
// blocks side by side, and tells what is wrong; Plan walks it once and writes operations, cells and
// problems into a new run. Then a differ reads the tenant, where that pays,
// with a goalReader: a comparison takes out of an update what its goal has
// already and keeps a before-image of the rest, and creates that the tenant has
// are held. Under Upsert the tenant is read first, for the goals of rows
// without a Gsid; with Amend an earlier run tells them. Changes tells what a
// plan does, field by field, and Undo plans the reverse of a run. Apply carries
// a run out: the run's pending operations go to workers in input order, and
// each becomes an intent that is durable, a call, a verdict and an outcome.
// Report then writes the files of the report folder, which are views of the
// run. Between those steps nothing is passed but the run, so that any of them
// can be done by another process after this one has died.
//
// Export goes the other way: a walk over the goals of a query fills a spool,
// page by page, and the rows that its records make go into a Target's files,
// under columns that a Source reads back.
package pipeline

import (
	"context"
	"errors"

	"gsbatch/checkpoint"
	"gsbatch/readers"
	"gsbatch/validate"
	"gsbatch/writers"
)

// Source is an input to be planned: a table, and the checker compiled for it.
type Source struct {
	Table   *readers.Table
	Checker *validate.Checker
	Rows    RowSet // the lines to take; the zero set takes all
	// Stored says that the rows were read before: their cells are bare already.
	Stored bool
	// Compared says that the rows are to be compared with the tenant, which
	// decides about updates that write an inactive status or goal type.
	Compared bool
	// matched, which may be nil, is the Gsid of the goal that a row without one is
	// known to be, or why that cannot be told; its rows rise.
	matched func(seq int64, row *readers.Row) (gsid string, problem *validate.Problem, err error)
	// Runs, which may be nil, is where the runs are whose reports may come back
	// as an input.
	Runs *checkpoint.Folder
	// Tenant, which may be nil, knows what was created: rows of such a report
	// that are done are nothing to be done.
	Tenant *checkpoint.Tenant
	done   *doneRows
	// fleeting says that nobody who is given a row keeps a text of it.
	fleeting bool
}

// unguard takes off cells of a CSV file the guard that keeps a spreadsheet
// from running them as formulas, which our own reports put there.
func (s Source) unguard(row *readers.Row) {
	if s.Stored || s.Table.Format() != readers.CSV {
		return
	}
	for i := range row.Cells {
		if text := row.Cells[i].Text; text != "" && text[0] == '\'' {
			row.Cells[i].Text = writers.Unguard(text)
		}
	}
}

// Findings are what a walk over a source found.
type Findings struct {
	Counts  checkpoint.Counts
	Creates int // operations among the pending rows
	Updates int
	Deletes int
	// HeaderErrors are problems of the header, which forbid sending any row.
	HeaderErrors int
	Groups       *validate.Groups
	inactive     int // updates that write an inactive item, where Source.Compared leaves them to the comparison
}

// progressRows is after how many rows progress is told.
const progressRows = 1000

// walk checks every row in order. do gets the row with either its operation or
// nil: then the row is invalid or, where it has no error among its problems, skipped.
func (s Source) walk(ctx context.Context, progress func(int64), do func(seq int64, row *readers.Row, op *validate.Operation, problems []validate.Problem) error) (found Findings, err error) {
	if s.done == nil {
		s.done = newDoneRows(&s)
	}
	defer func() { err = errors.Join(err, s.done.close()) }()
	found = s.begin()
	var op validate.Operation
	err = s.each(ctx, func(seq int64, row *readers.Row) error {
		found.Counts.Rows++
		if !s.Rows.Has(row.Line) {
			found.Counts.Skipped++
			return do(seq, row, nil, nil)
		}
		problems, err := s.check(ctx, seq, *row, &op)
		if err != nil {
			return err
		}
		planned := found.add(&op, problems)
		if progress != nil && seq%progressRows == 0 {
			progress(seq)
		}
		return do(seq, row, planned, problems)
	})
	if err == nil && progress != nil {
		progress(int64(found.Counts.Rows))
	}
	return found, err
}

// begin is what is found in the header.
func (s Source) begin() Findings {
	found := Findings{Groups: new(validate.Groups)}
	for _, p := range s.Checker.HeaderProblems() {
		found.Groups.Add(p)
		if !p.Warning {
			found.HeaderErrors++
		}
	}
	return found
}

// each gives every row in order, with its number from 1, as it was before it
// was reported.
func (s Source) each(ctx context.Context, do func(seq int64, row *readers.Row) error) (err error) {
	past := newLineage(s.Runs, s.Table)
	defer func() { err = errors.Join(err, past.close()) }()
	seq := int64(0)
	rows := s.Table.Rows
	if s.fleeting {
		rows = s.Table.FleetingRows
	}
	for row, err := range rows() {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		seq++
		s.unguard(&row)
		if err := past.restore(ctx, &row); err != nil {
			return err
		}
		if err := do(seq, &row); err != nil {
			return err
		}
	}
	return nil
}

// check is the checker's, and refuses what can be refused only while the
// record is not read: an update that writes an inactive status or goal type.
func (s Source) check(ctx context.Context, seq int64, row readers.Row, op *validate.Operation) ([]validate.Problem, error) {
	problems, err := s.checkMatched(seq, row, op)
	if err == nil {
		problems, err = s.done.settle(ctx, s.Checker, row, op, problems)
	}
	if s.Compared || err != nil || op.Action == validate.Nothing {
		return problems, err
	}
	for _, field := range op.Inactive {
		problem := inactiveProblem(field)
		problem.Place, problem.Line, problem.Column = row.Place(-1), row.Line, -1
		problems = append(problems, problem)
	}
	return problems, nil
}

// checkMatched is the checker's, by what is known of the goal of the row.
func (s Source) checkMatched(seq int64, row readers.Row, op *validate.Operation) ([]validate.Problem, error) {
	if s.matched == nil {
		return s.Checker.Check(row, op), nil
	}
	gsid, problem, err := s.matched(seq, &row)
	if err != nil {
		return nil, err
	}
	if gsid != "" {
		return s.Checker.CheckUpdate(row, gsid, op), nil
	}
	problems := s.Checker.Check(row, op)
	if problem != nil {
		problem.Place, problem.Line, problem.Column = row.Place(-1), row.Line, -1
		problems = append(problems, *problem)
	}
	return problems, nil
}

// add enters a checked row into the accounts, and gives back its operation if
// nothing forbids it.
func (f *Findings) add(op *validate.Operation, problems []validate.Problem) *validate.Operation {
	invalid := false
	for _, p := range problems {
		f.Groups.Add(p)
		invalid = invalid || !p.Warning
	}
	if invalid {
		f.Counts.Invalid++
		return nil
	}
	if op.Action == validate.Nothing {
		f.Counts.Unchanged++
		return op
	}
	if len(op.Inactive) > 0 {
		f.inactive++
	}
	f.count(op.Action)
	return op
}

// count enters an operation that is to be carried out.
func (f *Findings) count(action validate.Action) {
	switch action {
	case validate.Create:
		f.Creates++
	case validate.Delete:
		f.Deletes++
	default:
		f.Updates++
	}
	f.Counts.Pending++
}
