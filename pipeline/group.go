package pipeline

import (
	"context"
	"slices"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/validate"
)

// Templates and metrics go several a call, one call after the other: the API
// takes them so, and answers for each in successList or failureList. What makes
// that safe is that each row has its intent before the call and its outcome
// behind it, that a row which was sent before goes alone, and that the rows of
// a call can be told apart in its answer, by Gsid or by name.
//
// A call that is refused as a whole does not tell which record was meant, nor
// whether those before it were carried out. Deletes are repeated one by one,
// since a second delete of an id changes nothing; other rows are in doubt, are
// read back at once, and what is proved absent goes alone. So do all that follow.

// DefaultBatch is how many templates or metrics go in a call, MaxBatch how many may.
const (
	DefaultBatch = 10
	MaxBatch     = 50
)

// maxBatchBytes bounds the body of a call with several records.
const maxBatchBytes = 256 << 10

// groups hands operations in input order to calls, at most limit of them (0: all).
func (a *apply) groups(ctx context.Context, next func() (checkpoint.Op, error, bool), limit int) error {
	var group []checkpoint.Op
	for n := 0; limit == 0 || n < limit; n++ {
		if a.stops.stopping() {
			return context.Cause(ctx)
		}
		op, err, more := next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if len(group) > 0 && !a.joins(group, &op) {
			a.group(group)
			group = nil
		}
		group = append(group, op)
	}
	if len(group) > 0 && !a.stops.stopping() {
		a.group(group)
	}
	return nil
}

// joins says whether an operation may go with those of the group.
func (a *apply) joins(group []checkpoint.Op, op *checkpoint.Op) bool {
	most := a.cfg.Batch
	if most <= 0 {
		most = DefaultBatch
	}
	if a.alone || len(group) >= most || op.Attempts > 0 || group[0].Attempts > 0 {
		return false
	}
	size := len(op.Item)
	for i := range group {
		other := &group[i]
		size += len(other.Item)
		if other.Action != op.Action || other.Lookups != op.Lookups || other.Key == op.Key && op.Key != ([16]byte{}) {
			return false
		}
	}
	return size <= maxBatchBytes
}

// group sees the operations of one call through: they leave with an outcome
// recorded, or pending because something ended the run.
func (a *apply) group(ops []checkpoint.Op) {
	ops = a.enter(ops)
	defer a.leave(ops)
	for tries := 0; len(ops) > 0; {
		for i := range ops {
			if !a.mayRepeat(tries > 0 || a.doubtful(&ops[i])) {
				return
			}
		}
		answers, sent := a.sendGroup(ops, tries)
		if !sent {
			return
		}
		switch answers[0].Verdict { // of all, where it is one of these
		case gainsight.Throttled:
			a.throttled.Add(1)
		case gainsight.NotSent:
			if tries++; !a.mayTryAgain(answers[0], tries) {
				return
			}
		default:
			a.observeGroup(ops, answers)
			if a.refusedWhole(ops, answers) && ops[0].Action == string(validate.Delete) {
				for i := range ops {
					a.group(ops[i : i+1])
				}
			}
			return
		}
	}
}

// enter takes the keys of the creates, and leaves out rows whose key is in
// doubt and those whose names the server has refused already.
func (a *apply) enter(ops []checkpoint.Op) []checkpoint.Op {
	return slices.DeleteFunc(slices.Clone(ops), func(op checkpoint.Op) bool {
		create := op.Action == string(validate.Create)
		if create && !a.keys.enter(op.Key) {
			return true
		}
		if !a.rejectUnsent(&op) {
			return false
		}
		if create {
			a.keys.leave(op.Key)
		}
		return true
	})
}

func (a *apply) leave(ops []checkpoint.Op) {
	for i := range ops {
		if ops[i].Action == string(validate.Create) {
			a.keys.leave(ops[i].Key)
		}
	}
}

// sendGroup makes one call: slot, intents on the disk, call, outcomes.
func (a *apply) sendGroup(ops []checkpoint.Op, tries int) (answers []gainsight.Answer, sent bool) {
	slot := a.slot()
	if slot == nil {
		return nil, false
	}
	intents := make([]checkpoint.Event, len(ops))
	write := gainsight.Write{Object: a.of.name(), Action: ops[0].Action}
	for i := range ops {
		intents[i] = checkpoint.Event{Kind: checkpoint.Intent, Seq: ops[i].Seq, Attempt: ops[i].Attempts + 1 + tries, At: time.Now().UnixMilli(), Server: a.tenantTime()}
		write.Items = append(write.Items, []byte(a.marked(&ops[i])))
	}
	if ops[0].Lookups != "" {
		write.Lookups = []byte(ops[0].Lookups)
	}
	if err := a.journal.Intend(intents...); err != nil {
		slot.Cancel()
		a.stops.add(Stop{Reason: StopStorage, Err: err})
		return nil, false
	}
	answers = a.cfg.Client.Write(a.calling, slot, write)
	for i := range answers {
		seen(&a.serverTime, answers[i].ServerTime)
		seen(&a.recorded, answers[i].Recorded)
	}
	whole := a.refusedWhole(ops, answers)
	for i := range ops {
		a.journal.Record(a.groupOutcome(&ops[i], intents[i].Attempt, &answers[i], whole))
	}
	return answers, true
}

// refusedWhole says that a call of several records was refused without a word
// of the single ones.
func (a *apply) refusedWhole(ops []checkpoint.Op, answers []gainsight.Answer) bool {
	return len(ops) > 1 && answers[0].Whole && answers[0].Verdict == gainsight.Rejected
}

// groupOutcome is outcome for one row of a call.
func (a *apply) groupOutcome(op *checkpoint.Op, attempt int, answer *gainsight.Answer, whole bool) checkpoint.Event {
	deletes := op.Action == string(validate.Delete)
	e := outcome(op, attempt, answer)
	switch {
	case whole && deletes:
		e.Status, e.Reason = checkpoint.Pending, "the call was refused as a whole: "+e.Reason
	case whole:
		e.Status, e.Reason = checkpoint.InDoubt, "the call was refused as a whole, which leaves open what it did: "+e.Reason
	case deletes && e.Status == checkpoint.Deleted:
		e.Gsid = op.Gsid
	case deletes && e.Status == checkpoint.Rejected && a.absent(op.Gsid):
		e.Status, e.Gsid, e.Code, e.Reason = checkpoint.Unchanged, op.Gsid, "already-gone", a.of.gone(op.Gsid)+": it is deleted already"
		if attempt > 1 {
			e.Status, e.Reason = checkpoint.Deleted, a.of.gone(op.Gsid)+" any more, after a call of this row"
		}
	}
	return e
}

// absent says whether the tenant proves, after a delete that it refused, that
// there is no such record.
func (a *apply) absent(gsid string) bool {
	if !a.withinBudget() {
		return false
	}
	walk := a.cfg.Client.Walk(gainsight.Query{Object: a.of.name(), Select: []string{"Gsid"}, Where: equal("Gsid", gsid)})
	for g, err := range walk.Goals(a.stops.ctx) {
		if err != nil || g.Gsid == gsid {
			return false
		}
	}
	return walk.Report().Proved
}

// observeGroup draws what follows from a call for those after it.
func (a *apply) observeGroup(ops []checkpoint.Op, answers []gainsight.Answer) {
	if a.refusedWhole(ops, answers) {
		a.alone = true
		a.breaker.reset()
		if ops[0].Action == string(validate.Delete) {
			return
		}
		for i := range ops { // the server answered: nothing of the call is still to land
			a.inDoubt(&ops[i], time.Now().Add(-a.cfg.Settle))
		}
		return
	}
	if answers[0].Verdict == gainsight.Fatal {
		a.observe(&ops[0], answers[0])
		return
	}
	doubt := false
	for i := range ops {
		if answers[i].Verdict == gainsight.InDoubt {
			doubt = true
			a.inDoubt(&ops[i], time.Now())
			continue
		}
		a.observe(&ops[i], answers[i])
	}
	if doubt {
		a.breaker.doubt(a.probe)
	}
}
