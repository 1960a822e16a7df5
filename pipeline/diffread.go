package pipeline

import (
	"context"
	"errors"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/validate"
)

// readTenant reads in the way that costs the fewest calls, or not at all.
//
// A goal to be created is worth a call: it cannot be deleted again. An update
// is worth half a call under --diff auto, since whether its row differs is not
// known before, and a row that does differ gains nothing: so pages are read
// where they are at most half as many as the rows that they may spare, and no
// row is ever asked for alone. Under --diff always each update is worth a call.
func (d *differ) readTenant(ctx context.Context) error {
	rows, worth := d.read.Names, d.read.Names+d.read.Updates/2
	if d.cfg.Diff == DiffAlways {
		rows += d.read.Updates
		worth = rows
	}
	if worth == 0 {
		return nil
	}
	if worth > 1 {
		whole, err := d.gallop(ctx, worth)
		if err != nil {
			return err
		}
		if whole != nil {
			d.read.Way = ByPages
			return d.pageOf(ctx, whole)
		}
		if !d.read.More {
			d.read.Way = ByPages
			return d.byPages(ctx)
		}
	}
	if rows == 0 {
		return nil
	}
	d.read.Way = ByRows
	return d.byRows(ctx)
}

// gallop learns whether reading by pages takes at most limit calls. A tenant of
// one page is given back whole.
func (d *differ) gallop(ctx context.Context, limit int) ([]gainsight.Goal, error) {
	for page := 1; ; page = min(2*page, limit) {
		got, err := d.page(ctx, page)
		if err != nil {
			return nil, err
		}
		d.read.Pages = page
		switch {
		case page == 1 && len(got) < gainsight.DefaultPageSize && len(got)%10 != 0, page == 1 && len(got) == 0:
			return append([]gainsight.Goal{}, got...), nil
		case len(got) < gainsight.DefaultPageSize:
			return nil, nil
		case page == limit:
			d.read.More = true
			return nil, nil
		}
	}
}

// page fetches one page, without the fields that the tenant refuses.
func (d *differ) page(ctx context.Context, number int) ([]gainsight.Goal, error) {
	for {
		page, err := d.cfg.Client.FetchPage(ctx, gainsight.Query{Select: d.columns()}, number, gainsight.DefaultPageSize)
		if err == nil || !d.drop(err) {
			return page.Goals, err
		}
	}
}

// drop takes the fields that a fetch was refused for out of the comparison, and
// says whether there were any.
func (d *differ) drop(err error) bool {
	var failure *gainsight.Error
	if !errors.As(err, &failure) {
		return false
	}
	dropped := false
	for _, field := range failure.RefusedFields() {
		if field != "Gsid" && field != "Name" && !d.refused[field] {
			d.refused[field], dropped = true, true
			d.read.Refused = append(d.read.Refused, field)
		}
	}
	return dropped
}

// pageOf enters goals that were read.
func (d *differ) pageOf(ctx context.Context, goals []gainsight.Goal) error {
	d.read.Goals += len(goals)
	if d.cfg.Reading != nil {
		d.cfg.Reading(d.read.Goals)
	}
	for len(goals) > 0 {
		n := min(len(goals), batchGoals)
		if err := d.goals(ctx, goals[:n]); err != nil {
			return err
		}
		goals = goals[n:]
	}
	return nil
}

// byPages reads every goal of the tenant.
func (d *differ) byPages(ctx context.Context) error {
	batch := make([]gainsight.Goal, 0, batchGoals)
	for g, err := range d.cfg.Client.Goals(ctx, gainsight.Query{Select: d.columns()}) {
		if err != nil {
			return err
		}
		if batch = append(batch, g); len(batch) == batchGoals {
			if err := d.pageOf(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return d.pageOf(ctx, batch)
}

// byRows asks for the goal of each update, under --diff always, and once for
// each name that is to be created.
func (d *differ) byRows(ctx context.Context) error {
	var firsts []int64
	for i := range d.index {
		if i > 0 && d.index[i].hash == d.index[i-1].hash {
			continue
		}
		if firsts = append(firsts, d.index[i].seq); len(firsts) == batchGoals {
			if err := d.askAll(ctx, firsts); err != nil {
				return err
			}
			firsts = firsts[:0]
		}
	}
	return d.askAll(ctx, firsts)
}

func (d *differ) askAll(ctx context.Context, seqs []int64) error {
	changes, err := d.plan.Run.ChangesOf(ctx, seqs)
	if err != nil {
		return err
	}
	for i := range changes {
		c := &changes[i]
		if c.Action != string(validate.Create) && d.cfg.Diff != DiffAlways {
			continue
		}
		goals, err := d.ask(ctx, c)
		if err == nil {
			err = d.pageOf(ctx, goals)
		}
		if err == nil && len(goals) == 0 && c.Action != string(validate.Create) {
			err = d.missing(ctx, c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ask fetches the goal of an update, or the goals of the name of a create.
func (d *differ) ask(ctx context.Context, c *checkpoint.Change) ([]gainsight.Goal, error) {
	field, value := "Gsid", c.Gsid
	if c.Action == string(validate.Create) {
		p, err := parsePayload(c.Line, c.Item)
		if err != nil {
			return nil, err
		}
		field, value = "Name", p.Record.text("Name")
	}
	for {
		var goals []gainsight.Goal
		var err error
		for g, failed := range d.cfg.Client.Goals(ctx, gainsight.Query{Select: d.columns(),
			Where: []gainsight.Condition{{Field: field, Operator: "EQ", Values: []gainsight.Value{gainsight.String(value)}}}}) {
			if err = failed; err != nil {
				break
			}
			goals = append(goals, g.Clone())
		}
		if err == nil || !d.drop(err) {
			return goals, err
		}
	}
}

// missing makes it a problem that the tenant has no goal of the row's Gsid.
func (d *differ) missing(ctx context.Context, c *checkpoint.Change) error {
	v := checkpoint.Revision{Seq: c.Seq}
	d.problem(&v, c.Line, validate.Problem{Field: "Gsid", Code: "no-such-goal", Value: c.Gsid, Message: "no goal " + c.Gsid + " is in the tenant",
		Mend: "correct the Gsid, or clear it for the goal to be created"})
	d.count(v.Fate.Status, validate.Update)
	d.see(c.Seq)
	return d.plan.Run.Revise(ctx, []checkpoint.Revision{v})
}
