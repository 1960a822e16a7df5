package pipeline

import (
	"context"

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
	rows, worth := d.names, d.names+d.updates/2
	switch d.cfg.Diff {
	case DiffAlways:
		rows += d.updates
		worth = rows
	case DiffNever: // an upsert has to find its goals all the same
		worth = rows
	}
	if worth == 0 {
		return nil
	}
	if at := d.cfg.Client.ServerTime(); d.read.At == 0 && !at.IsZero() {
		d.read.At = at.UnixMilli()
	}
	oneCall := d.tenant.of == gainsight.MetricObject // lists them all
	if worth > fewNames || rows == 0 && worth > 1 || oneCall {
		more, err := d.tenant.pages(ctx, worth, func(goals []gainsight.Goal) error { return d.goals(ctx, goals) })
		if err != nil {
			return err
		}
		if !more {
			d.read.Way = ByPages
			return nil
		}
		d.read.Over = worth
	}
	if rows == 0 {
		return nil
	}
	d.read.Way = ByRows
	return d.byRows(ctx)
}

// fewNames is up to how many names are asked for at once: to learn whether pages
// are fewer would cost as much.
const fewNames = 3

// byRows asks for the goal of each update, under --diff always, and once for
// each name that is to be created.
func (d *differ) byRows(ctx context.Context) error {
	var firsts []int64
	for group := range d.index.groups() {
		if firsts = append(firsts, group[0]); len(firsts) < batchGoals {
			continue
		}
		if err := d.askEach(ctx, firsts); err != nil {
			return err
		}
		firsts = firsts[:0]
	}
	return d.askEach(ctx, firsts)
}

func (d *differ) askEach(ctx context.Context, seqs []int64) error {
	changes, err := d.plan.Run.ChangesOf(ctx, seqs)
	if err != nil {
		return err
	}
	for i := range changes {
		if update := changes[i].Action != string(validate.Create); update && (d.cfg.Diff != DiffAlways || d.isSeen(changes[i].Seq)) {
			continue
		}
		if err := d.ask(ctx, &changes[i]); err != nil {
			return err
		}
	}
	return nil
}

// ask reads the goal of an update, or the goals of the name of a create.
func (d *differ) ask(ctx context.Context, c *checkpoint.Change) error {
	field, value := "Gsid", c.Gsid
	create := c.Action == string(validate.Create)
	if create {
		p, err := parsePayload(c.Line, c.Item)
		if err != nil {
			return err
		}
		field, value = d.cfg.Key.lead(), p.Record.lead(d.cfg.Key.lead())
	}
	goals, err := d.tenant.ask(ctx, field, value)
	switch {
	case err != nil:
		return err
	case len(goals) == 0 && !create && !d.keeping:
		return d.missing(ctx, c)
	}
	return d.goals(ctx, goals)
}

// missing makes it a problem that the tenant has no goal of the row's Gsid.
func (d *differ) missing(ctx context.Context, c *checkpoint.Change) error {
	v, of := checkpoint.Revision{Seq: c.Seq}, d.tenant.of
	if c.Action == string(validate.Delete) {
		if !d.tenant.proved {
			return nil // it may be there all the same: the tenant decides
		}
		v.Fate = &checkpoint.Fate{Status: checkpoint.Unchanged, Gsid: c.Gsid, Code: "already-gone", Reason: of.gone(c.Gsid) + ": there is nothing to delete"}
	} else {
		d.problem(&v, c.Line, validate.Problem{Field: "Gsid", Code: "no-such-" + of.noun(), Value: c.Gsid, Message: of.gone(c.Gsid),
			Mend: "correct the Gsid, or clear it for the " + of.noun() + " to be created"})
	}
	d.count(v.Fate.Status, validate.Action(c.Action))
	d.see(c.Seq)
	return d.plan.Run.Revise(ctx, []checkpoint.Revision{v})
}
