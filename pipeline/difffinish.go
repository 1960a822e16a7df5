package pipeline

import (
	"context"
	"fmt"
	"strings"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/validate"
)

// maxConfirmed is how many goals that the pages did not show are asked for one
// by one; the server decides about those beyond.
const maxConfirmed = 100

// finish decides what is left: updates whose goal was not among the pages,
// those that were not compared and write an inactive item, and creates that the
// tenant has or may have.
func (d *differ) finish(ctx context.Context) error {
	if d.read.Way == ByPages && d.read.Updates > 0 {
		if err := d.confirm(ctx); err != nil {
			return err
		}
	}
	if d.plan.inactive > 0 {
		if err := d.inactive(ctx); err != nil {
			return err
		}
	}
	return d.held(ctx)
}

// confirm asks for goals that no page showed, where the pages do not prove that
// there are none.
func (d *differ) confirm(ctx context.Context) error {
	do, most := d.ask, maxConfirmed
	if d.tenant.proved {
		do, most = d.missing, d.index.rows
	}
	for seq := range d.index.all() {
		if d.isSeen(seq) || most == 0 {
			continue
		}
		most--
		changes, err := d.plan.Run.ChangesOf(ctx, []int64{seq})
		for i := 0; err == nil && i < len(changes); i++ {
			err = do(ctx, &changes[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// inactive makes problems of updates that were not compared and write an
// inactive status or goal type.
func (d *differ) inactive(ctx context.Context) error {
	for c, err := range d.plan.Run.Changes(ctx) {
		if err != nil {
			return err
		}
		if c.Fate.Status != checkpoint.Pending || c.Aside == "" || c.Before != nil {
			continue
		}
		one := comparison{change: &c}
		var res result
		p, err := parsePayload(c.Line, c.Item)
		if err != nil {
			return err
		}
		if !one.inactive(&p, &res) {
			continue
		}
		res.revision.Seq, res.line = c.Seq, c.Line
		if err := d.enter(ctx, []result{res}); err != nil {
			return err
		}
	}
	return nil
}

// candidates are the goals of a create's name that are, or may be, the one to
// be created.
func (d *differ) candidates(c *checkpoint.Change, byLead map[string][]*gainsight.Goal) ([]checkpoint.Candidate, error) {
	p, err := parsePayload(c.Line, c.Item)
	if err != nil {
		return nil, err
	}
	var found []checkpoint.Candidate
	for _, g := range byLead[validate.Fold(p.Record.lead(d.cfg.Key.lead()))] {
		may, sure := d.sameKey(c, p.Record, g)
		if !may {
			continue
		}
		one := checkpoint.Candidate{Seq: c.Seq, Gsid: g.Gsid, Sure: sure}
		if d.keeping {
			one.Doc = docOf(g)
		}
		found = append(found, one)
	}
	return found, nil
}

// held decides about the creates that goals were found for. Another run of ours
// may have made them while the tenant was read.
func (d *differ) held(ctx context.Context) error {
	if d.read.Way == Unread || !d.searches() {
		return nil
	}
	if err := d.plan.matchCreated(ctx, d.cfg); err != nil {
		return err
	}
	return d.eachFound(ctx, d.hold)
}

// eachFound gives do the rows that goals were found for, some at a time.
func (d *differ) eachFound(ctx context.Context, do func(context.Context, []checkpoint.Found) error) error {
	var batch []checkpoint.Found
	for found, err := range d.plan.Run.Candidates(ctx) {
		if err != nil {
			return err
		}
		if batch = append(batch, found); len(batch) == batchGoals {
			if err := do(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return do(ctx, batch)
}

func (d *differ) hold(ctx context.Context, batch []checkpoint.Found) error {
	var seqs []int64
	for _, f := range batch {
		seqs = append(seqs, f.Seq)
	}
	changes, err := d.plan.Run.ChangesOf(ctx, seqs)
	if err != nil {
		return err
	}
	revisions := make([]checkpoint.Revision, 0, len(changes))
	for i := range changes { // both are in input order, and each row has its operation
		if changes[i].Fate.Status != checkpoint.Pending {
			continue
		}
		v := checkpoint.Revision{Seq: changes[i].Seq}
		d.decide(&v, &changes[i], batch[i].Goals)
		d.count(v.Fate.Status, validate.Create)
		revisions = append(revisions, v)
	}
	return d.plan.Run.Revise(ctx, revisions)
}

// gsidsOf names candidates: those that are sure, and all.
func gsidsOf(goals []checkpoint.Candidate) (sure, all []string) {
	for _, g := range goals {
		all = append(all, g.Gsid)
		if g.Sure {
			sure = append(sure, g.Gsid)
		}
	}
	return sure, all
}

// mendNamesake is what to do about a goal of the same name whose parent cannot be compared.
const mendNamesake = "give the parent's Gsid, or its name in --id-map; to create the goal in any case, --on-duplicate create"

// decide is what becomes of a create that the tenant has or may have already.
func (d *differ) decide(v *checkpoint.Revision, c *checkpoint.Change, goals []checkpoint.Candidate) {
	sure, all := gsidsOf(goals)
	switch {
	case len(sure) == 0:
		d.problem(v, c.Line, validate.Problem{Code: "namesake",
			Message: fmt.Sprintf("a goal of this name is in the tenant (%s), and whether it has the same parent is not known: %s is known by name alone", listed(all), strings.ReplaceAll(c.Names, "\n", ", ")),
			Mend:    mendNamesake})
	case d.cfg.OnDuplicate == DuplicateSkip:
		v.Fate = &checkpoint.Fate{Status: checkpoint.Skipped, Code: "in-tenant", Reason: d.inTenant(sure)}
		if len(sure) == 1 {
			v.Fate.Gsid = sure[0]
		}
	default:
		d.problem(v, c.Line, validate.Problem{Code: "in-tenant", Message: d.inTenant(sure),
			Mend: "to change it, add a Gsid column with its Gsid; to leave it, --on-duplicate skip; for a second one, --on-duplicate create"})
	}
}

func (d *differ) inTenant(gsids []string) string {
	key, noun := "natural key", d.tenant.of.noun()
	if len(d.cfg.Key.Fields) > 0 {
		key = "key"
	}
	if len(gsids) == 1 {
		return noun + " " + gsids[0] + " of the same " + key + " is in the tenant already"
	}
	return noun + "s of the same " + key + " are in the tenant already: " + listed(gsids)
}
