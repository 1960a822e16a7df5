package pipeline

import (
	"strings"
	"sync"

	"gsbatch/checkpoint"
)

// doubtsInARow is how many doubtful answers in a row hold the run back until
// the tenant has been seen to answer.
const doubtsInARow = 5

// fruitlessProbes is how often the tenant may be seen to answer a fetch while
// no write gets an answer, before the run ends: each time leaves doubts behind.
const fruitlessProbes = 3

// breaker holds new calls back while the tenant's health is in question.
type breaker struct {
	mu      sync.Mutex
	doubts  int
	probes  int           // since a write was answered
	probing chan struct{} // closed when the probe under way has ended; nil without one
}

// open says that a probe is under way.
func (b *breaker) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.probing != nil
}

// wait returns when no probe is under way.
func (b *breaker) wait() {
	b.mu.Lock()
	probing := b.probing
	b.mu.Unlock()
	if probing != nil {
		<-probing
	}
}

// reset is told of every answer that was not doubtful.
func (b *breaker) reset() {
	b.mu.Lock()
	b.doubts, b.probes = 0, 0
	b.mu.Unlock()
}

// doubt is told of a doubtful answer; every fifth in a row it runs probe while
// the others wait. probe is told whether the probes before it bore no fruit.
func (b *breaker) doubt(probe func(fruitless bool)) {
	b.mu.Lock()
	b.doubts++
	if b.doubts < doubtsInARow || b.probing != nil {
		b.mu.Unlock()
		return
	}
	ended := make(chan struct{})
	b.probing = ended
	b.probes++
	fruitless := b.probes >= fruitlessProbes
	b.mu.Unlock()
	probe(fruitless)
	b.mu.Lock()
	b.doubts, b.probing = 0, nil
	b.mu.Unlock()
	close(ended)
}

// sameAtFirst is how many rows at the beginning of a run may be rejected for
// one and the same reason: then the mapping or the key is wrong, not the rows.
const sameAtFirst = 10

// opening watches the first rows of a run that were decided by a call. Rows
// that the run decided in an earlier process count, so that whoever resumes it
// after the stop is heeded.
type opening struct {
	rows int
	why  string // of all of them; "" once they differ
}

// row is told of the next row, why being "" unless it was rejected. It says
// whether the run has to end.
func (o *opening) row(why string) bool {
	if o.rows == 0 {
		o.why = why
	} else if why != o.why {
		o.why = ""
	}
	o.rows++
	return o.rows == sameAtFirst && o.why != ""
}

// watchOpening ends a run whose first rows are all rejected for one reason.
func (a *apply) watchOpening(e *checkpoint.Event) {
	if e.Attempt == 0 {
		return // no call
	}
	why := ""
	if e.Status == checkpoint.Rejected {
		why = strings.TrimSpace(e.Code + " " + e.Reason)
	}
	if a.opening.row(why) {
		a.stops.add(Stop{Reason: StopSameError, Detail: why})
	}
}

// The retry budget: a tenth of the calls, and some in any case, since a small
// run has few calls to take a tenth of.
const (
	retryPart  = 10
	retryFloor = 20
)

// overRetried says whether so many calls made again are too many of calls.
func overRetried(retried, calls int64) bool {
	return retried > max(retryFloor, calls/retryPart)
}
