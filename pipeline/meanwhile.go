package pipeline

import (
	"context"
	"fmt"
	"slices"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/validate"
)

// searched says whether the plan was held against the goals of the tenant, so
// that one made since holds its row back, too. Once the run was begun that is
// not asked again: its own goals, those of rows in doubt among them, are there.
func (r *recheck) searched() bool {
	info := r.cfg.Run.Info()
	return r.of.isGoals() && info.State == checkpoint.Planned && !r.cfg.Again && OnDuplicate(info.OnDuplicate) != DuplicateCreate && info.ReadAt > 0
}

// gatherCreates indexes the rows that are to be created by their names.
func (r *recheck) gatherCreates(ctx context.Context) error {
	for op, err := range r.cfg.Run.PendingOps(ctx) {
		if err != nil {
			return err
		}
		if op.Action != string(validate.Create) {
			continue
		}
		name, err := storedLead(&op, "Name")
		if err != nil {
			return err
		}
		if name != "" {
			r.names.add(keyHash(name), op.Seq)
		}
	}
	return nil
}

// made takes out of the run the creates of which goals that were read have the
// natural key, or may have it: somebody made them since the plan, which found
// none.
func (r *recheck) made(ctx context.Context, goals []gainsight.Goal) error {
	var seqs []int64
	byName := map[string][]*gainsight.Goal{}
	for i := range goals {
		name := goals[i].Text("Name")
		seqs = r.names.find(seqs, keyHash(name))
		byName[validate.Fold(name)] = append(byName[validate.Fold(name)], &goals[i])
	}
	slices.Sort(seqs)
	changes, err := r.cfg.Run.ChangesOf(ctx, slices.Compact(seqs))
	if err != nil {
		return err
	}
	for i := range changes {
		c := &changes[i]
		found, err := r.differ.candidates(c, byName)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			fate := r.meanwhile(found)
			if r.stale[c.Seq] = fate; fate.Status == checkpoint.Stale {
				r.lines = append(r.lines, c.Line)
			}
		}
	}
	return nil
}

// meanwhile is the fate of a create whose goal may be there by now.
func (r *recheck) meanwhile(found []checkpoint.Candidate) checkpoint.Fate {
	sure, all := gsidsOf(found)
	fate := checkpoint.Fate{Status: checkpoint.Stale, Code: "made-meanwhile",
		Reason: fmt.Sprintf("a goal of this name came into the tenant after the run was planned (%s), and whether it has the same parent is not known", listed(all))}
	if len(sure) > 0 {
		fate.Reason = r.differ.inTenant(sure) + ": it came after the run was planned"
		if OnDuplicate(r.cfg.Run.Info().OnDuplicate) == DuplicateSkip {
			fate.Status = checkpoint.Skipped
		}
	}
	if len(sure) == 1 {
		fate.Gsid = sure[0]
	}
	return fate
}
