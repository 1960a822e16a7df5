package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

// StaleError says that goals were edited or made since a run was planned, under
// --on-stale fail.
type StaleError struct {
	Run   string
	Noun  string // of what was edited: goal, template, metric
	Rows  int
	Lines []int // the first of them
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("the %ss of %d rows were edited or made since run %s was planned (lines %s)", e.Noun, e.Rows, e.Run, linesText(e.Lines, e.Rows))
}

func linesText(lines []int, rows int) string {
	text := ""
	for i, line := range lines {
		if i > 0 {
			text += ", "
		}
		text += strconv.Itoa(line)
	}
	if rows > len(lines) {
		text += ", …"
	}
	return text
}

// gatewaySlack is by how much the clock that told when the plan was made may be
// ahead of the one that dates goals.
const gatewaySlack = 15 * time.Minute

// recheck looks, before the first call of a plan that was made earlier, which
// goals somebody edited since, and which of those to be created somebody made.
// Only rows that were compared with their goals, or searched for, can be told.
// It asks for the goals modified since the plan, which is a call
// or two; where the tenant does not know that question it reads by pages or by
// rows, whichever is less.
type recheck struct {
	*apply
	reader *goalReader
	differ *differ  // that compares natural keys
	index  rowIndex // of updates
	names  rowIndex // of creates
	stale  map[int64]checkpoint.Fate
	lines  []int
}

// outdated takes out of the run the updates whose goals were edited since the
// plan, and the creates whose goals were made, or refuses the run, as --on-stale
// says.
func (a *apply) outdated(ctx context.Context) error {
	if !a.cfg.Recheck {
		return nil
	}
	r := &recheck{apply: a, stale: map[int64]checkpoint.Fate{}}
	if err := r.gather(ctx); err != nil || r.index.rows+r.names.rows == 0 {
		return err
	}
	taught, err := a.cfg.Tenant.LearnedParents(ctx)
	if err != nil {
		return err
	}
	r.differ = &differ{learned: newLearned(taught)}
	r.reader = newGoalReader(a.cfg.Client, a.cfg.Run.Info().Object, nil)
	r.differ.tenant = r.reader
	if err := r.read(ctx); err != nil {
		return err
	}
	if len(r.lines) > 0 && a.cfg.OnStale == StaleFail {
		slices.Sort(r.lines)
		return &StaleError{Noun: a.of.noun(), Run: a.cfg.Run.Info().ID, Rows: len(r.lines), Lines: r.lines[:min(len(r.lines), maxLines)]}
	}
	return a.cfg.Run.SetFates(ctx, r.stale)
}

// gather indexes the rows to look at.
func (r *recheck) gather(ctx context.Context) error {
	var err error
	if r.cfg.OnStale != StaleOverwrite {
		err = r.cfg.Run.PendingCompared(ctx, func(seq int64, gsid string) { r.index.add(gsidHash(gsid), seq) })
	}
	if err == nil && r.searched() {
		err = r.gatherCreates(ctx)
	}
	r.index.sort()
	r.names.sort()
	return err
}

// read asks the tenant. A failure that is not the checkpoint's ends the run.
func (r *recheck) read(ctx context.Context) error {
	var kept error // of the checkpoint
	do := func(goals []gainsight.Goal) error {
		kept = r.goals(ctx, goals)
		return kept
	}
	err := r.modified(do)
	var refused *gainsight.Error
	if errors.As(err, &refused) && refused.Answer.Verdict == gainsight.Rejected {
		err = r.all(ctx, do)
	}
	if err != nil && kept == nil {
		r.fault(err)
	}
	return kept
}

// modified asks for what was modified since the plan.
func (r *recheck) modified(do func([]gainsight.Goal) error) error {
	since := r.cfg.Run.Info().ReadAt
	if since == 0 {
		return &gainsight.Error{Answer: gainsight.Answer{Verdict: gainsight.Rejected}} // no time is known to ask for
	}
	since -= gatewaySlack.Milliseconds()
	return r.reader.each(r.stops.ctx, []gainsight.Condition{{Field: "ModifiedDate", Operator: "GTE",
		Values: []gainsight.Value{gainsight.Number(strconv.FormatInt(since, 10))}}}, do)
}

// all reads every goal, or each of the run's, whichever takes fewer calls.
func (r *recheck) all(ctx context.Context, do func([]gainsight.Goal) error) error {
	more, err := r.reader.pages(r.stops.ctx, r.index.rows+r.names.distinct(), do)
	if err != nil || !more {
		return err
	}
	for group := range r.names.groups() {
		changes, err := r.cfg.Run.ChangesOf(ctx, group[:1])
		if err != nil {
			return err
		}
		p, err := parsePayload(changes[0].Line, changes[0].Item)
		if err != nil {
			return err
		}
		if err := r.reader.each(r.stops.ctx, equal("Name", p.Record.text("Name")), do); err != nil {
			return err
		}
	}
	for seq := range r.index.all() {
		changes, err := r.cfg.Run.ChangesOf(ctx, []int64{seq})
		if err != nil {
			return err
		}
		if err := r.reader.each(r.stops.ctx, equal("Gsid", changes[0].Gsid), do); err != nil {
			return err
		}
	}
	return nil
}

// goals compares goals that were read with what the plan had seen of them.
func (r *recheck) goals(ctx context.Context, goals []gainsight.Goal) error {
	seqs, byGsid := r.index.of(goals)
	changes, err := r.cfg.Run.ChangesOf(ctx, seqs)
	for i := range changes {
		c := &changes[i]
		g := byGsid[c.Gsid]
		if g == nil {
			continue
		}
		if modified, known := millis(g, "ModifiedDate"); known && modified != c.Before.Modified {
			r.lines = append(r.lines, c.Line)
			r.stale[c.Seq] = checkpoint.Fate{Status: checkpoint.Stale, Gsid: c.Gsid, Field: "ModifiedDate", Code: "edited-since-plan",
				Reason: fmt.Sprintf("%s %s was edited at %s%s, after the run was planned", object(r.cfg.Run.Info().Object).noun(), c.Gsid, clock(modified), by(g.Text("ModifiedById")))}
		}
	}
	if err != nil {
		return err
	}
	return r.made(ctx, goals)
}
