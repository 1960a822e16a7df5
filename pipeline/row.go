package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/validate"
)

// maxAttempts is how often a row is sent at most; being throttled does not count.
const maxAttempts = 3

// row sees one operation through: it leaves with an outcome recorded, or
// pending because something ended the run.
func (a *apply) row(op *checkpoint.Op) {
	for attempt := op.Attempts + 1; ; {
		if a.settledWithoutCall(op) {
			return
		}
		answer, sent := a.send(op, attempt)
		if !sent {
			return
		}
		a.observe(op, answer)
		switch answer.Verdict {
		case gainsight.Throttled:
			a.throttled.Add(1) // the client told the gate, where the next turn of the loop waits
		case gainsight.NotSent:
			if attempt >= op.Attempts+maxAttempts || !a.stops.sleep(backoff(attempt-op.Attempts)) {
				a.stops.add(Stop{Reason: StopUnreachable, Detail: reasonOf(answer)})
				return
			}
			attempt++
		default:
			return
		}
		a.retried.Add(1)
	}
}

// backoff is how long to wait before a call that did not leave is tried again.
func backoff(attempt int) time.Duration { return 250 * time.Millisecond << (2 * (attempt - 1)) }

// settledWithoutCall decides a row that need not or must not be sent: the
// server refused its names already, or a row of its natural key is in doubt,
// and then it stays pending.
func (a *apply) settledWithoutCall(op *checkpoint.Op) bool {
	a.mu.Lock()
	reason, refused := a.refused[op.Names]
	doubtful := op.Action == string(validate.Create) && a.doubtful[op.Key]
	a.mu.Unlock()
	if refused && op.Names != "" {
		a.journal.Record(checkpoint.Event{Kind: checkpoint.Outcome, Seq: op.Seq, At: time.Now().UnixMilli(),
			Status: checkpoint.Rejected, Code: "name-refused", Reason: reason})
		return true
	}
	return doubtful
}

// send makes one call for the row: slot, intent on the disk, call, outcome.
// The slot comes before the intent, since waiting for the quota takes minutes,
// and an intent is a doubt if the machine dies. sent is false when no call was
// made because the run is ending.
func (a *apply) send(op *checkpoint.Op, attempt int) (answer gainsight.Answer, sent bool) {
	if !a.withinBudget() {
		return answer, false
	}
	a.breaker.wait()
	slot, err := a.cfg.Gate.Acquire(a.stops.ctx)
	if err != nil {
		a.refusedByGate(err)
		return answer, false
	}
	if a.stops.stopping() {
		slot.Cancel()
		return answer, false
	}
	intent := checkpoint.Event{Kind: checkpoint.Intent, Seq: op.Seq, Attempt: attempt, At: time.Now().UnixMilli(), Server: a.serverTime.Load()}
	if err := a.journal.Intend(intent); err != nil {
		slot.Cancel()
		a.stops.add(Stop{Reason: StopStorage, Err: err})
		return answer, false
	}
	answer = a.call(a.calling, slot, op)
	a.seen(answer.ServerTime)
	a.journal.Record(outcome(op, attempt, &answer))
	return answer, true
}

func (a *apply) call(ctx context.Context, slot *gainsight.Slot, op *checkpoint.Op) gainsight.Answer {
	item, lookups := []byte(op.Item), []byte(nil)
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

// refusedByGate turns the gate's refusal into the end of the run.
func (a *apply) refusedByGate(err error) {
	var used *gainsight.DayUsedError
	switch {
	case errors.As(err, &used):
		a.stops.add(Stop{Reason: StopQuota, Detail: used.Error(), ResumeAt: used.Again})
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	default:
		a.stops.add(Stop{Reason: StopStorage, Err: err})
	}
}

// seen keeps the largest time that the server told.
func (a *apply) seen(t time.Time) {
	if t.IsZero() {
		return
	}
	for ms := t.UnixMilli(); ; {
		old := a.serverTime.Load()
		if ms <= old || a.serverTime.CompareAndSwap(old, ms) {
			return
		}
	}
}

// observe draws what follows from an answer for the rows after it.
func (a *apply) observe(op *checkpoint.Op, answer gainsight.Answer) {
	switch answer.Verdict {
	case gainsight.Fatal:
		a.stops.add(Stop{Reason: StopRefused, Detail: reasonOf(answer)})
	case gainsight.InDoubt:
		a.mu.Lock()
		if op.Action == string(validate.Create) {
			a.doubtful[op.Key] = true
		}
		a.mu.Unlock()
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
	}
}

// probe asks, after doubts in a row, whether the tenant answers at all.
func (a *apply) probe() {
	_, err := a.cfg.Client.FetchPage(a.stops.ctx, gainsight.Query{Select: []string{"Gsid"}}, 1, 1)
	if err != nil && !a.stops.stopping() {
		a.stops.add(Stop{Reason: StopUnreachable, Detail: err.Error()})
	}
}

// outcome is what an answer leaves in the journal.
func outcome(op *checkpoint.Op, attempt int, answer *gainsight.Answer) checkpoint.Event {
	e := checkpoint.Event{
		Kind: checkpoint.Outcome, Seq: op.Seq, Attempt: attempt, At: time.Now().UnixMilli(),
		Status: statusOf(op, answer.Verdict), Gsid: answer.Gsid, HTTP: answer.HTTPStatus, Code: answer.Code,
		RequestID: answer.RequestID, User: answer.UserID,
	}
	if !answer.ServerTime.IsZero() {
		e.Server = answer.ServerTime.UnixMilli()
	}
	if answer.Verdict != gainsight.Done {
		e.Reason = reasonOf(*answer)
	}
	if len(answer.Parents) > 0 && op.Names != "" {
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
		if op.Action == string(validate.Create) {
			return checkpoint.Created
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
