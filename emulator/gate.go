package emulator

import (
	"sync"
	"time"
)

// gate stands before the API: it numbers the calls, keeps their log, lets in
// what the limits allow and picks the fault of each call.
type gate struct {
	seed     uint64 // never changes
	mu       sync.Mutex
	limits   limiter
	log      callLog
	ordinal  uint64
	keyed    int               // calls that brought the right key
	attempts map[uint64]uint32 // by hash of endpoint and record name, while faults are set
	counts   gateCounts
}

type gateCounts struct {
	byEndpoint   [endpointCount + 1]int
	throttled    int
	unauthorized int
	faults       [faultCount]int
}

// admission is what the gate says to a call.
type admission struct {
	ordinal uint64
	key     bool          // the access key is accepted
	ok      bool          // let in
	wait    time.Duration // refused by a limit: when there is room again
}

// admit numbers a call and lets it in or not. A call without a good key is
// refused before it counts against a limit.
func (g *gate) admit(at time.Time, e endpoint, goodKey bool, sw *Switches) admission {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ordinal++
	a := admission{ordinal: g.ordinal}
	g.counts.byEndpoint[e]++
	g.log.add(at, e, sw.window())
	if goodKey {
		g.keyed++
		a.key = sw.RevokedAfter == 0 || g.keyed <= sw.RevokedAfter
	}
	if !a.key {
		g.counts.unauthorized++
		return a
	}
	if a.wait, a.ok = g.limits.take(at, sw.Limit, sw.Daily); !a.ok {
		g.counts.throttled++
	}
	return a
}

// fault picks what goes wrong with a call: one of those ordered for the next
// calls, or one drawn by its probability from the seed and the record's name
// and attempt (or the call's ordinal), so that runs replay.
func (g *gate) fault(c *call, name string) fault {
	if !c.sw.faulty() || !c.sw.scoped(c.endpoint) {
		return noFault
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	f := c.sw.draw(c, g.drawn(c, name))
	for next := range faultCount {
		if c.next[next].Load() > 0 && next.fits(c) {
			c.next[next].Add(-1)
			f = next
			break
		}
	}
	if f == noFault {
		return noFault
	}
	g.counts.faults[f]++
	switch f {
	case keyRefused:
		g.counts.unauthorized++
	case spuriousThrottle:
		g.counts.throttled++
	}
	return f
}

// drawn returns the number in [0,1) that decides the fault of a call.
func (g *gate) drawn(c *call, name string) float64 {
	if name == "" || c.sw.FaultKey == "ordinal" {
		return unit(hash(g.seed, c.ordinal, 3))
	}
	if g.attempts == nil {
		g.attempts = map[uint64]uint32{}
	}
	key := hash(hashText(name), uint64(c.endpoint))
	g.attempts[key]++
	return unit(hash(g.seed, key, uint64(g.attempts[key]), 4))
}

// jitter returns the part of the jitter that a call gets.
func (g *gate) jitter(ordinal uint64, most time.Duration) time.Duration {
	return time.Duration(unit(hash(g.seed, ordinal, 5)) * float64(most))
}

// done notes what became of a call.
func (g *gate) done(ordinal uint64, status int, f fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.log.finish(ordinal, status, f)
}

func (g *gate) reset() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limits, g.log, g.counts, g.attempts = limiter{}, callLog{size: g.log.size}, gateCounts{}, nil
	g.ordinal, g.keyed = 0, 0
}

// window is the span that the call log measures: that of the limit, else a minute.
func (s *Switches) window() time.Duration {
	if s.Limit.Calls == 0 {
		return time.Minute
	}
	return s.Limit.Window
}

// callLog keeps the last calls in a ring and knows the most that arrived in
// any window, sliding and fixed.
type callLog struct {
	size   int // of the ring; set before first use
	ring   []logged
	last   uint64
	tail   uint64 // ordinal of the oldest call in the current sliding window
	most   int
	capped bool // the ring was too short to count a window
	start  time.Time
	count  int
	fixed  int
}

type logged struct {
	at       time.Time
	endpoint endpoint
	fault    fault
	status   uint16
}

func (l *callLog) add(at time.Time, e endpoint, window time.Duration) {
	l.last++
	if l.tail == 0 {
		l.tail = 1
	}
	if len(l.ring) < l.size {
		l.ring = append(l.ring, logged{})
	} else if l.last-l.tail >= uint64(l.size) {
		l.tail, l.capped = l.last-uint64(l.size)+1, true
	}
	*l.entry(l.last) = logged{at: at, endpoint: e, fault: noFault}
	for at.Sub(l.entry(l.tail).at) >= window {
		l.tail++
	}
	l.most = max(l.most, int(l.last-l.tail)+1)
	if begin := alignedTo(at, window); !begin.Equal(l.start) {
		l.start, l.count = begin, 0
	}
	l.count++
	l.fixed = max(l.fixed, l.count)
}

func (l *callLog) entry(ordinal uint64) *logged { return &l.ring[(ordinal-1)%uint64(l.size)] }

func (l *callLog) finish(ordinal uint64, status int, f fault) {
	if ordinal > l.last || l.last-ordinal >= uint64(len(l.ring)) {
		return
	}
	e := l.entry(ordinal)
	e.status, e.fault = uint16(status), f
}
