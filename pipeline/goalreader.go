package pipeline

import (
	"context"
	"errors"
	"math/bits"
	"slices"

	"gsbatch/gainsight"
)

// goalReader reads goals of the tenant, or its templates or metrics, without the
// fields that it refuses.
type goalReader struct {
	client  *gainsight.Client
	of      object
	told    func(goals int) // may be nil
	columns []string
	refused map[string]bool
	dropped []string // the refused fields, in the order of their refusal
	count   int      // goals read
	before  int      // fetches of the client before
	size    int      // goals of a page
	proved  bool     // the last reading of each missed nothing that was there all along
}

func newGoalReader(client *gainsight.Client, of string, told func(int)) *goalReader {
	r := &goalReader{client: client, of: object(of), told: told, refused: map[string]bool{}}
	r.columns = append([]string{"Gsid", "Name", "ModifiedDate", "ModifiedById"}, r.of.places()...)
	r.before, r.size = client.Calls()[r.of.reads()], gainsight.DefaultPageSize
	return r
}

// want adds a field to those that are read.
func (r *goalReader) want(field string) {
	if !slices.Contains(r.columns, field) && !r.refused[field] {
		r.columns = append(r.columns, field)
	}
}

// calls is how many were made.
func (r *goalReader) calls() int { return r.client.Calls()[r.of.reads()] - r.before }

// drop takes the fields that a fetch was refused for out of the columns, and
// says whether there were any.
func (r *goalReader) drop(err error) bool {
	var failure *gainsight.Error
	if !errors.As(err, &failure) {
		return false
	}
	fewer := false
	for _, field := range failure.RefusedFields() {
		if at := slices.Index(r.columns, field); at >= 0 && field != "Gsid" && field != "Name" {
			r.columns = slices.Delete(r.columns, at, at+1)
			r.refused[field], fewer = true, true
			r.dropped = append(r.dropped, field)
		}
	}
	return fewer
}

// pages reads every goal, if that takes at most about limit calls; more says
// that it takes more, and that only some of the goals were read. Small tenants
// are just read; after some pages one call asks whether there is a goal beyond
// those that the limit is worth.
func (r *goalReader) pages(ctx context.Context, limit int, do func([]gainsight.Goal) error) (more bool, err error) {
	started, goals, looked := r.calls(), 0, false
	unasked := max(bits.Len(uint(limit))-1, limit/100, 1)
	tooMany := errors.New("more pages than they are worth")
	err = r.each(ctx, nil, func(batch []gainsight.Goal) error {
		if r.calls()-started > 2*limit+2 { // whatever the server said of it
			return tooMany
		}
		if err := do(batch); err != nil {
			return err
		}
		if goals += len(batch); looked || goals < unasked*r.size {
			return nil
		}
		looked = true
		beyond, err := r.beyond(ctx, limit)
		if err == nil && beyond {
			err = tooMany
		}
		return err
	})
	if errors.Is(err, tooMany) {
		return true, nil
	}
	return false, err
}

// beyond says whether the tenant has more goals than limit pages hold.
func (r *goalReader) beyond(ctx context.Context, limit int) (bool, error) {
	page, err := r.client.FetchPage(ctx, gainsight.Query{Object: r.of.name(), Select: []string{"Gsid"}}, limit*r.size+1, 1)
	var refused *gainsight.Error
	if errors.As(err, &refused) && refused.Answer.Verdict == gainsight.Rejected {
		return false, nil // there is no such page
	}
	return len(page.Goals) > 0, err
}

// each reads the goals that where asks for, all without it, and gives them to
// do in batches.
func (r *goalReader) each(ctx context.Context, where []gainsight.Condition, do func([]gainsight.Goal) error) error {
	for {
		batch := make([]gainsight.Goal, 0, batchGoals)
		var err error
		walk := r.client.Walk(gainsight.Query{Object: r.of.name(), Select: r.columns, Where: where})
		for g, failed := range walk.Goals(ctx) {
			if err = failed; err != nil {
				break
			}
			if batch = append(batch, g); len(batch) < batchGoals {
				continue
			}
			r.size = walk.Position().Size
			if err := r.give(batch, do); err != nil {
				return err
			}
			batch = batch[:0]
		}
		if err == nil {
			r.proved = walk.Report().Proved
			return r.give(batch, do)
		}
		if !r.drop(err) {
			return err
		}
	}
}

// give hands goals to do, batch by batch.
func (r *goalReader) give(goals []gainsight.Goal, do func([]gainsight.Goal) error) error {
	r.count += len(goals)
	if r.told != nil {
		r.told(r.count)
	}
	for len(goals) > 0 {
		n := min(len(goals), batchGoals)
		if err := do(goals[:n]); err != nil {
			return err
		}
		goals = goals[n:]
	}
	return nil
}

// ask reads the goals of which field is value.
func (r *goalReader) ask(ctx context.Context, field, value string) ([]gainsight.Goal, error) {
	var goals []gainsight.Goal
	err := r.each(ctx, equal(field, value), func(batch []gainsight.Goal) error {
		for i := range batch {
			goals = append(goals, batch[i].Clone())
		}
		return nil
	})
	return goals, err
}

func equal(field, value string) []gainsight.Condition {
	return []gainsight.Condition{{Field: field, Operator: "EQ", Values: []gainsight.Value{gainsight.String(value)}}}
}
