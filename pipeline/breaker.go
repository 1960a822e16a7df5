package pipeline

import "sync"

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
