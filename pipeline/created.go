package pipeline

import (
	"context"
	"fmt"

	"gsbatch/checkpoint"
	"gsbatch/readers"
	"gsbatch/validate"
)

// matchCreated takes out of the plan what earlier runs created: the same
// payload is unchanged; another payload of the same natural key is what
// --on-duplicate says.
func (p *Planned) matchCreated(ctx context.Context, cfg PlanConfig) error {
	matches, err := createdElsewhere(ctx, cfg.Tenant, p.Run)
	if err != nil {
		return err
	}
	revisions := make([]checkpoint.Revision, 0, len(matches))
	for _, m := range matches {
		v, decided := p.decide(m, cfg)
		if !decided {
			continue
		}
		v.Seq = m.Seq
		revisions = append(revisions, v)
		p.Counts.Pending--
		p.Creates--
		*p.Counts.Of(v.Fate.Status)++
	}
	return p.Run.Revise(ctx, revisions)
}

func createdElsewhere(ctx context.Context, tenant *checkpoint.Tenant, run *checkpoint.Run) ([]checkpoint.Match, error) {
	if err := tenant.IndexCreated(ctx, run.Info().ID); err != nil {
		return nil, err
	}
	matches, err := tenant.MatchCreated(ctx, run)
	if err != nil {
		return nil, err
	}
	return matches, underWay(tenant, matches)
}

// underWay is a *checkpoint.LockedError where a match is in doubt only because
// its call is under way at this moment, in a run that a process is applying.
func underWay(tenant *checkpoint.Tenant, matches []checkpoint.Match) error {
	looked := map[string]bool{}
	for _, m := range matches {
		if m.Gsid != "" || looked[m.Run] {
			continue
		}
		looked[m.Run] = true
		holder, err := tenant.Holder(m.Run)
		if err != nil {
			return err
		}
		if holder != nil {
			return sameGoal(m.Line, m.Row, holder)
		}
	}
	return nil
}

// sameGoal refuses a run while another one is at work on the same goal.
func sameGoal(line, row int, holder *checkpoint.LockedError) error {
	return fmt.Errorf("row %d is the same record as row %d of run %s, which is being applied now; go on when that one has ended: %w", line, row, holder.Run, holder)
}

// decide is what becomes of a row that another run created or may have created.
func (p *Planned) decide(m checkpoint.Match, cfg PlanConfig) (checkpoint.Revision, bool) {
	settled := func(f checkpoint.Fate) (checkpoint.Revision, bool) { return checkpoint.Revision{Fate: &f}, true }
	noun := object(cfg.Info.Object).noun()
	switch {
	case m.Gsid == "":
		return p.heldBack(m, cfg, "in-doubt-elsewhere",
			fmt.Sprintf("run %s may have created the same %s: its call is in doubt", m.Run, noun),
			fmt.Sprintf("look for the %s in the tenant (gsbatch runs show %s); then leave this row out, or send it from a file of its own with --again", noun, m.Run)), true
	case m.Same:
		return settled(checkpoint.Fate{Status: checkpoint.Unchanged, Gsid: m.Gsid, Reason: createdBy(noun, m)})
	case cfg.OnDuplicate == DuplicateCreate:
		return checkpoint.Revision{}, false
	case cfg.OnDuplicate == DuplicateSkip:
		return settled(checkpoint.Fate{Status: checkpoint.Skipped, Gsid: m.Gsid, Code: "created-before", Reason: createdBy(noun, m)})
	}
	return p.heldBack(m, cfg, "created-before", createdBy(noun, m)+" with other values",
		fmt.Sprintf("to change that %s, add a Gsid column with %s; to leave it, --on-duplicate skip; for a second one, --on-duplicate create", noun, m.Gsid)), true
}

func createdBy(noun string, m checkpoint.Match) string {
	return fmt.Sprintf(noun+" %s of the same natural key was created by row %d of run %s", m.Gsid, m.Row, m.Run)
}

// heldBack makes the match a problem of its row, for the person to decide on.
func (p *Planned) heldBack(m checkpoint.Match, cfg PlanConfig, code, message, mend string) checkpoint.Revision {
	problems := []validate.Problem{rowProblem(cfg.Source.Table, m.Line, validate.Problem{Code: code, Message: message, Mend: mend})}
	p.Groups.Add(problems[0])
	return checkpoint.Revision{Fate: invalidFate(problems), Problems: storedProblems(problems)}
}

// rowProblem is the problem p of a whole row, with its place.
func rowProblem(table *readers.Table, line int, p validate.Problem) validate.Problem {
	p.Place = readers.Place{File: table.Name(), Sheet: table.Sheet(), Line: line}
	if p.Place.Sheet != "" {
		p.Place.Cell = fmt.Sprint(line)
	}
	p.Line, p.Column = line, -1
	return p
}

// staleCreates takes rows out of a run about to be applied that another run
// has created, or may have created, since the plan was made. What the plan
// allowed with --on-duplicate stays allowed.
func staleCreates(ctx context.Context, tenant *checkpoint.Tenant, run *checkpoint.Run) error {
	matches, err := createdElsewhere(ctx, tenant, run)
	if err != nil {
		return err
	}
	onDuplicate, noun := OnDuplicate(run.Info().OnDuplicate), object(run.Info().Object).noun()
	fates := make(map[int64]checkpoint.Fate, len(matches))
	for _, m := range matches {
		switch {
		case m.Gsid == "":
			fates[m.Seq] = checkpoint.Fate{Status: checkpoint.Stale, Code: "in-doubt-elsewhere",
				Reason: fmt.Sprintf("row %d of run %s is the same record and may have been created: its call is in doubt", m.Row, m.Run)}
		case m.Same:
			fates[m.Seq] = checkpoint.Fate{Status: checkpoint.Unchanged, Gsid: m.Gsid, Reason: createdBy(noun, m)}
		case onDuplicate == DuplicateCreate:
		case onDuplicate == DuplicateSkip:
			fates[m.Seq] = checkpoint.Fate{Status: checkpoint.Skipped, Gsid: m.Gsid, Code: "created-before", Reason: createdBy(noun, m)}
		default:
			fates[m.Seq] = checkpoint.Fate{Status: checkpoint.Stale, Gsid: m.Gsid, Code: "created-meanwhile", Reason: createdBy(noun, m) + " after this run was planned"}
		}
	}
	return run.SetFates(ctx, fates)
}

// refuseClash refuses a run of which some row is the same goal as one that a
// run of live, which are being applied now, is about to create.
func refuseClash(ctx context.Context, tenant *checkpoint.Tenant, run *checkpoint.Run, live []string) error {
	for _, id := range live {
		clash, err := tenant.FindClash(ctx, run, id)
		if err != nil {
			return err
		}
		if clash != nil {
			return sameGoal(clash.Line, clash.Row, clash.Locked)
		}
	}
	return nil
}
