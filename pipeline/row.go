package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/validate"
)

// maxAttempts is how often a row is sent at most; being throttled does not count.
const maxAttempts = 3

// row sees one operation through: it leaves with an outcome recorded, or
// pending because something ended the run or a row of its natural key is in doubt.
func (a *apply) row(op *checkpoint.Op) {
	if op.Action == string(validate.Create) {
		if !a.keys.enter(op.Key) {
			return
		}
		defer a.keys.leave(op.Key)
	}
	if a.rejectUnsent(op) {
		return
	}
	attempt := op.Attempts + 1
	if !a.mayRepeat(a.doubtful(op)) {
		return
	}
	for repeated := false; ; repeated = true {
		answer, sent := a.send(op, attempt)
		if !sent {
			return
		}
		if repeated {
			a.retried.Add(1)
		}
		a.observe(op, answer)
		switch answer.Verdict {
		case gainsight.Throttled:
			a.throttled.Add(1) // the client told the gate, where the next turn of the loop waits
		case gainsight.NotSent:
			if !a.mayTryAgain(answer, attempt-op.Attempts) {
				return
			}
			if attempt++; !a.mayRepeat(true) {
				return
			}
		default:
			return
		}
	}
}

// doubtful says whether this process sent the row before, without an answer.
// What an earlier one left is no sign of trouble now, nor is an answer that
// refused a call as a whole.
func (a *apply) doubtful(op *checkpoint.Op) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	last, before := a.ended[op.Seq]
	return before && !last.answered
}

// mayRepeat takes a call for a row that this process sent before off the retry
// budget; the run ends where that is used.
func (a *apply) mayRepeat(again bool) bool {
	calls := a.sends.Add(1)
	if !again {
		return true
	}
	repeats := a.repeats.Add(1)
	if !overRetried(repeats, calls) {
		return true
	}
	a.stops.add(Stop{Reason: StopRetries, Detail: fmt.Sprintf("%d of %d calls were made for rows that had been sent before", repeats, calls)})
	return false
}

// mayTryAgain waits after a call that did not leave, and says whether it may be
// made once more; otherwise the run ends.
func (a *apply) mayTryAgain(answer gainsight.Answer, tries int) bool {
	var used *gainsight.DayUsedError
	switch {
	case a.calling.Err() != nil: // its grace was over before it could leave
		return false
	case errors.As(answer.Err, &used):
		a.fault(answer.Err)
		return false
	case tries < maxAttempts:
		return a.stops.sleep(backoff(tries))
	}
	a.stops.add(Stop{Reason: StopUnreachable, Detail: reasonOf(answer)})
	return false
}

// backoff is how long to wait before a call that did not leave is tried again.
func backoff(tries int) time.Duration { return 250 * time.Millisecond << (2 * (tries - 1)) }

// rejectUnsent rejects a row whose names the server has refused already.
func (a *apply) rejectUnsent(op *checkpoint.Op) bool {
	if op.Names == "" {
		return false
	}
	a.mu.Lock()
	reason, refused := a.refused[op.Names]
	a.mu.Unlock()
	if refused {
		a.journal.Record(checkpoint.Event{Kind: checkpoint.Outcome, Seq: op.Seq, At: time.Now().UnixMilli(),
			Status: checkpoint.Rejected, Code: "name-refused", Reason: reason})
	}
	return refused
}

// send makes one call for the row: slot, intent on the disk, call, outcome.
// The slot comes before the intent, since waiting for the quota takes minutes,
// and an intent is a doubt if the machine dies. sent is false when no call was
// made: the run is ending, or the row was decided while it waited.
func (a *apply) send(op *checkpoint.Op, attempt int) (answer gainsight.Answer, sent bool) {
	slot := a.slot()
	if slot == nil {
		return answer, false
	}
	if a.rejectUnsent(op) {
		slot.Cancel()
		a.begun.Add(-1)
		return answer, false
	}
	intent := checkpoint.Event{Kind: checkpoint.Intent, Seq: op.Seq, Attempt: attempt, At: time.Now().UnixMilli(), Server: a.tenantTime()}
	if err := a.journal.Intend(intent); err != nil {
		slot.Cancel()
		a.stops.add(Stop{Reason: StopStorage, Err: err})
		return answer, false
	}
	answer = a.call(a.calling, slot, op)
	seen(&a.serverTime, answer.ServerTime)
	seen(&a.recorded, answer.Recorded)
	a.journal.Record(outcome(op, attempt, &answer))
	return answer, true
}

// slot waits for the tenant's health and for its quota; nil says that the run
// is ending.
func (a *apply) slot() *gainsight.Slot {
	for {
		a.breaker.wait()
		slot, err := a.cfg.Gate.Acquire(a.stops.ctx)
		if err != nil {
			a.fault(err)
			return nil
		}
		switch {
		case a.stops.stopping():
			slot.Cancel()
			return nil
		case a.breaker.open(): // since the wait for the quota began
			slot.Cancel()
		case !a.withinBudget(): // last: whoever has a call of the budget makes it
			slot.Cancel()
			return nil
		default:
			return slot
		}
	}
}

func (a *apply) call(ctx context.Context, slot *gainsight.Slot, op *checkpoint.Op) gainsight.Answer {
	item, lookups := []byte(a.marked(op)), []byte(nil)
	if op.Lookups != "" {
		lookups = []byte(op.Lookups)
	}
	if op.Action == string(validate.Create) {
		return a.cfg.Client.CreateGoal(ctx, slot, item, lookups)
	}
	return a.cfg.Client.UpdateGoal(ctx, slot, item, lookups)
}

// withinBudget says whether --max-calls leaves a call.
func (a *apply) withinBudget() bool {
	if limit := a.cfg.Limits.Calls; limit > 0 && a.begun.Add(1) > limit {
		a.stops.add(Stop{Reason: StopBudget, Detail: fmt.Sprintf("--max-calls %d", limit)})
		return false
	}
	return true
}

// fault turns the error of a call or of the gate into the end of the run. One
// that only says that the run is ending adds nothing.
func (a *apply) fault(err error) {
	var used *gainsight.DayUsedError
	var storage *checkpoint.StorageError
	var failed *gainsight.Error
	detail := err.Error()
	if errors.As(err, &failed) {
		detail = reasonOf(failed.Answer)
	}
	switch {
	case errors.As(err, &used):
		a.stops.add(Stop{Reason: StopQuota, Detail: used.Error(), ResumeAt: used.Again})
	case errors.As(err, &storage):
		a.stops.add(Stop{Reason: StopStorage, Err: err})
	case errors.Is(err, gainsight.ErrWrongHost):
		a.stops.add(Stop{Reason: StopUnreachable, Detail: detail + "; see whether --base-url is the tenant's"})
	case errors.Is(err, gainsight.ErrFatal):
		a.stops.add(Stop{Reason: StopRefused, Detail: detail})
	case a.stops.stopping():
	default:
		a.stops.add(Stop{Reason: StopUnreachable, Detail: detail})
	}
}

// seen keeps the largest time.
func seen(largest *atomic.Int64, t time.Time) {
	for ms := t.UnixMilli(); ; { // of no time it is less than 0
		old := largest.Load()
		if ms <= old || largest.CompareAndSwap(old, ms) {
			return
		}
	}
}

// tenantTime is a time that has passed by the clock which dates goals: the
// largest date of a record, where one was told, since the Date header may be
// the time of a gateway before the tenant, which is ahead of it.
func (a *apply) tenantTime() int64 {
	return cmp.Or(a.recorded.Load(), a.serverTime.Load())
}

// observe draws what follows from an answer for the rows after it.
func (a *apply) observe(op *checkpoint.Op, answer gainsight.Answer) {
	switch answer.Verdict {
	case gainsight.Fatal:
		a.fault(answer.Failure(op.Action + " " + a.of.noun()))
	case gainsight.InDoubt:
		a.inDoubt(op, ended{time.Now(), false})
		a.breaker.doubt(a.probe)
	case gainsight.Rejected:
		a.breaker.reset()
		if op.Names != "" && answer.LookupFailed() {
			a.mu.Lock()
			a.refused[op.Names] = fmt.Sprintf("the server refused the names of row %d (%s): %s", op.Line, op.Names, reasonOf(answer))
			a.mu.Unlock()
		}
	case gainsight.Done:
		a.breaker.reset()
		if op.Action == string(validate.Create) {
			a.made(op, &answer)
		}
	}
}

// inDoubt notes how a call ended that left its row in doubt.
func (a *apply) inDoubt(op *checkpoint.Op, last ended) {
	a.mu.Lock()
	a.ended[op.Seq] = last
	a.mu.Unlock()
	if op.Action == string(validate.Create) {
		a.keys.doubt(op.Key)
	}
}

// probe asks, after doubts in a row, whether the tenant answers at all.
func (a *apply) probe(fruitless bool) {
	if fruitless {
		a.stops.add(Stop{Reason: StopUnreachable, Detail: fmt.Sprintf("%d writes in a row had no answer that can be read", fruitlessProbes*doubtsInARow)})
		return
	}
	if !a.withinBudget() {
		return
	}
	_, err := a.cfg.Client.FetchPage(a.stops.ctx, gainsight.Query{Object: a.of.name(), Select: []string{"Gsid"}}, 1, 1)
	if err != nil {
		a.fault(err)
	}
}

// outcome is what an answer leaves in the journal.
func outcome(op *checkpoint.Op, attempt int, answer *gainsight.Answer) checkpoint.Event {
	e := checkpoint.Event{
		Kind: checkpoint.Outcome, Seq: op.Seq, Attempt: attempt, At: time.Now().UnixMilli(),
		Status: statusOf(op, answer.Verdict), Gsid: answer.Gsid, HTTP: answer.HTTPStatus, Code: answer.Code,
		RequestID: answer.RequestID, User: answer.UserID,
	}
	if at := answer.ServerTime; !at.IsZero() {
		e.Server = at.UnixMilli()
	}
	if at := answer.Recorded; !at.IsZero() {
		e.Server = at.UnixMilli()
	}
	if answer.Verdict != gainsight.Done {
		e.Reason = reasonOf(*answer)
	}
	if e.Status == checkpoint.Rejected {
		e.Reason += "; " + answer.Mend()
	}
	if op.Names != "" {
		e.Parents = joinParents(answer.Parents)
	}
	return e
}

func joinParents(parents map[string]string) string {
	var list []string
	for _, field := range slices.Sorted(maps.Keys(parents)) {
		list = append(list, field+"="+parents[field])
	}
	return strings.Join(list, ";")
}

// statusOf is the row's status after a verdict.
func statusOf(op *checkpoint.Op, verdict gainsight.Verdict) checkpoint.Status {
	switch verdict {
	case gainsight.Done:
		switch op.Action {
		case string(validate.Create):
			return checkpoint.Created
		case string(validate.Delete):
			return checkpoint.Deleted
		}
		return checkpoint.Updated
	case gainsight.Rejected:
		return checkpoint.Rejected
	case gainsight.InDoubt:
		return checkpoint.InDoubt
	}
	return checkpoint.Pending // not sent, throttled, or refused with the whole run
}

// reasonOf says in words why an answer was not what was hoped for.
func reasonOf(answer gainsight.Answer) string {
	switch {
	case answer.Message != "":
		return answer.Message
	case answer.Err != nil:
		return answer.Err.Error()
	case answer.HTTPStatus != 0:
		return fmt.Sprintf("HTTP %d without a reason", answer.HTTPStatus)
	}
	return "no answer"
}
