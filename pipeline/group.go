package pipeline

import (
	"context"
	"slices"
	"strings"
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
// whether those before it were carried out: its rows are in doubt. Deletes are
// repeated one by one at once, since a second delete of an id changes nothing;
// others are settled as any doubt, and what is proved absent goes alone. So do
// all that follow.

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
			a.journal.Flush() // so that what it came to may end the run before the next
			group = nil
			if a.stops.stopping() {
				return context.Cause(ctx)
			}
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
		if tries > 0 {
			a.retried.Add(1)
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
				a.repeatAlone(ops, tries)
			}
			return
		}
	}
}

// repeatAlone makes a call for each of the deletes of one that was refused as a
// whole.
func (a *apply) repeatAlone(ops []checkpoint.Op, tries int) {
	for i := range ops {
		if a.stops.stopping() {
			return // the rest is in doubt, which settles it
		}
		op := ops[i]
		op.Attempts += 1 + tries
		a.journal.Record(checkpoint.Event{Kind: checkpoint.Settled, Was: checkpoint.InDoubt, Status: checkpoint.Pending, Seq: op.Seq, Attempt: op.Attempts,
			At: time.Now().UnixMilli(), Server: a.serverTime.Load(), Code: "alone", Reason: "a delete may be repeated, so it is made alone"})
		a.group([]checkpoint.Op{op})
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
	e := outcome(op, attempt, answer)
	switch {
	case len(answer.Strays) > 0:
		e.Code, e.Reason = straysListed, e.Reason+"; records that it gives to no row: "+listed(answer.Strays)
	case whole:
		e.Status, e.Reason = checkpoint.InDoubt, "the call was refused as a whole, which leaves open what it did: "+e.Reason
	case op.Action != string(validate.Delete):
	case e.Status == checkpoint.Deleted:
		e.Gsid = op.Gsid
	case e.Status == checkpoint.Rejected:
		a.refusedDelete(op, &e)
	}
	return e
}

// straysListed is the code of a create whose answer lists new records without
// telling of which row they are: that the row's name is not in the tenant proves
// nothing, since one of them may be the row's under another.
const straysListed = "records-of-no-row"

// refusedUnproved begins the code of a delete that the tenant refused while it
// is open whether the record is there at all; the tenant's own follows behind a colon.
const refusedUnproved = "refused-unproved"

// refusedDelete tells a delete of what is gone from one that the tenant does
// not allow. Where that is not proved, since the tenant's list cannot be read,
// or may be older than the call that was refused, it is left to settling.
func (a *apply) refusedDelete(op *checkpoint.Op, e *checkpoint.Event) {
	there, known := a.there(op.Gsid)
	switch sent := a.sentBefore(op); {
	case known && !there && sent:
		e.Status, e.Gsid, e.Code, e.Reason = checkpoint.Deleted, op.Gsid, "already-gone", a.of.gone(op.Gsid)+" any more, after a call of this row"
	case known && !there:
		e.Status, e.Gsid, e.Code, e.Reason = checkpoint.Unchanged, op.Gsid, "already-gone", a.of.gone(op.Gsid)+": there is nothing to delete"
	case known && strings.HasSuffix(e.Code, "8026"): // in use, and so it is there
	case !known || sent || strings.Contains(strings.ToLower(e.Reason), "gsid"):
		e.Status, e.Code = checkpoint.InDoubt, strings.TrimSuffix(refusedUnproved+":"+e.Code, ":")
	}
}

// sentBefore says whether a call of the row was made, in this process or an
// earlier one, of which it is not known what it did.
func (a *apply) sentBefore(op *checkpoint.Op) bool {
	a.mu.Lock()
	_, before := a.ended[op.Seq]
	a.mu.Unlock()
	if before || op.Attempts == 0 {
		return before
	}
	if a.earlier == nil {
		doubts, err := a.cfg.Run.Doubts(a.stops.ctx)
		if err != nil {
			return true
		}
		a.earlier = map[int64]bool{}
		for i := range doubts.Rows {
			a.earlier[doubts.Rows[i].Seq] = true
		}
	}
	return a.earlier[op.Seq]
}

// there says whether the tenant lists the record; known is false where its list
// cannot be read, or not as a whole.
func (a *apply) there(gsid string) (there, known bool) {
	if !a.withinBudget() {
		return false, false
	}
	walk := a.cfg.Client.Walk(gainsight.Query{Object: a.of.name(), Select: []string{"Gsid"}, Where: equal("Gsid", gsid)})
	for g, err := range walk.Goals(a.stops.ctx) {
		if err != nil {
			return false, false
		}
		there = there || g.Gsid == gsid
	}
	return there, there || walk.Report().Proved
}

// observeGroup draws what follows from a call for those after it.
func (a *apply) observeGroup(ops []checkpoint.Op, answers []gainsight.Answer) {
	if a.refusedWhole(ops, answers) {
		a.alone = true
		a.breaker.reset()
		for i := range ops { // nothing of the call is still to land, but what the tenant lists may lag
			a.inDoubt(&ops[i], ended{time.Now(), true})
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
			a.inDoubt(&ops[i], ended{time.Now(), false})
			continue
		}
		a.observe(&ops[i], answers[i])
	}
	if doubt {
		a.breaker.doubt(a.probe)
	}
}
