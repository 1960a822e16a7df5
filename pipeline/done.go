package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gsbatch/checkpoint"
	"gsbatch/readers"
	"gsbatch/validate"
)

// doneRows finds in a report that comes back as an input the rows that are done:
// their Gsid is of a goal that a row of the same values created. They are no
// updates. Where that goal was changed since, this file does not want it.
type doneRows struct {
	tenant      *checkpoint.Tenant
	runAt, gsid int                  // indexes of the columns
	creators    *checkpoint.Creators // opened for the first row that asks
	op          validate.Operation
	reason      string // of the row last found
}

// newDoneRows is nil for a table that is no report, or has no Gsids.
func newDoneRows(s *Source) *doneRows {
	d := &doneRows{tenant: s.Tenant, runAt: slices.Index(s.Table.Header(), "_run"), gsid: -1}
	for _, c := range s.Checker.Columns() {
		if strings.EqualFold(c.Field, "Gsid") && c.Use == validate.Sent {
			d.gsid = c.Index
		}
	}
	if d.tenant == nil || d.runAt < 0 || d.gsid < 0 {
		return nil
	}
	return d
}

// settle makes op, of a row that was checked, nothing to be done if the row is
// done. The problems are given back, as far as they are still some.
func (d *doneRows) settle(ctx context.Context, checker *validate.Checker, row readers.Row, op *validate.Operation, problems []validate.Problem) ([]validate.Problem, error) {
	if d == nil {
		return problems, nil
	}
	d.reason = ""
	gsid := strings.TrimSpace(row.Cells[d.gsid].Text)
	has := func(code string) bool {
		return slices.ContainsFunc(problems, func(p validate.Problem) bool { return p.Code == code })
	}
	if gsid == "" || strings.TrimSpace(row.Cells[d.runAt].Text) == "" || has("duplicate") || op.Action != validate.Update && !has("gsid-in-create") {
		return problems, nil
	}
	problems = slices.Clone(problems) // the next check takes their memory
	for _, p := range checker.CheckAnew(row, &d.op) {
		if !p.Warning {
			return problems, nil
		}
	}
	if err := d.open(ctx); err != nil {
		return nil, err
	}
	made, known, err := d.creators.Of(ctx, d.op.Key, gsid)
	if err != nil || !known || made.Hash != validate.PayloadHash(checker.Object(), d.op.Action, d.op.Gsid, d.op.Item, d.op.Lookups) {
		return problems, err
	}
	op.Action, op.Gsid = validate.Nothing, gsid
	d.reason = fmt.Sprintf("goal %s was created by row %d of run %s with these values", gsid, made.Row, made.Run)
	return nil, nil
}

func (d *doneRows) open(ctx context.Context) (err error) {
	if d.creators != nil {
		return nil
	}
	if err = d.tenant.IndexCreated(ctx, ""); err == nil {
		d.creators, err = d.tenant.Creators(ctx)
	}
	return err
}

// close ends what the rows of one walk opened.
func (d *doneRows) close() error {
	if d == nil || d.creators == nil {
		return nil
	}
	err := d.creators.Close()
	d.creators = nil
	return err
}

// why there is nothing to do for the row that was checked last.
func (d *doneRows) why() string {
	if d == nil || d.reason == "" {
		return "the row has nothing to change"
	}
	reason := d.reason
	d.reason = ""
	return reason
}
