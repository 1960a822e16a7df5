package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// leastGrowth is how much the heap may always grow between two collections, in bytes.
const leastGrowth = 8 << 20

// paceCollector has garbage collected once the heap grew by as much as a
// collection has to look through, not by as much as lives in it: what a large
// file needs are tables without pointers, which cost nothing to collect beside,
// and at the usual pace each of their bytes would take two. GOGC, where it is
// set, is left alone.
func paceCollector() {
	if os.Getenv("GOGC") != "" {
		return
	}
	p := &pacer{percent: 100, samples: []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/heap:bytes"}}}
	p.arm()
}

// pacer sets the pace after each collection, which is when finalizers run.
type pacer struct {
	percent int
	samples []metrics.Sample
}

// tick is what the next collection finds to be garbage.
type tick struct{ _ *int } // with a pointer, or it could share its place with others

func (p *pacer) arm() {
	runtime.SetFinalizer(new(tick), func(*tick) {
		metrics.Read(p.samples)
		if percent := pace(p.samples[0].Value.Uint64(), p.samples[1].Value.Uint64()); percent != p.percent {
			p.percent = percent
			debug.SetGCPercent(percent)
		}
		p.arm()
	})
}

// pace is the growth, in percent of what lives, after which to collect. It is
// in steps of five, since each change stops the program for a moment.
func pace(live, scanned uint64) int {
	growth := max(leastGrowth, scanned)
	if live <= growth {
		return 100
	}
	return max(10, int(growth*20/live)*5)
}
