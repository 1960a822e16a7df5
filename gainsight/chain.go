package gainsight

import (
	"fmt"
	"math/bits"
)

// window is what one page showed of the list.
type window struct {
	number int // of the page, at the size it was read with
	start  int // goals before it
	gsids  []string
	short  bool // and none after it
}

// search is the state of looking for the neighbour of the last window.
type search struct {
	on     bool
	target int // where the window is to start, at most
	step   int // goals that the last try moved by
	back   bool
	tries  int
	stalls int
}

// bond is what two windows have in common.
type bond struct {
	shared int
	broken int  // goals of one alone, where the other should hold them too: each was inserted or deleted
	shift  int  // how far shared goals have moved; below 0: toward the beginning
	beyond int  // goals of the second after the last shared one
	last   int  // place of that in the first
	from   int  // places of the first and the last shared one in the second
	to     int  //
	torn   bool // goals changed places
}

// compare lays b, which was read after a, on a.
func compare(a, b window) bond {
	at := make(map[string]int, len(b.gsids))
	for i, gsid := range b.gsids {
		at[gsid] = i
	}
	x := bond{torn: len(at) < len(b.gsids)} // one goal twice in a page
	first := 0
	for p, gsid := range a.gsids {
		q, ok := at[gsid]
		switch {
		case !ok:
			continue
		case x.shared == 0:
			first, x.from = p, q
		case q <= x.to:
			x.torn = true
		}
		x.shared++
		x.last, x.to = p, q
	}
	if x.shared == 0 {
		return x
	}
	after := len(a.gsids) - 1 - x.last
	x.beyond = len(b.gsids) - 1 - x.to
	if !b.short { // those of a may come after b
		after = min(after, x.beyond)
	}
	x.broken = x.last - first + x.to - x.from + 2 - 2*x.shared + min(first, x.from) + after
	x.shift = b.start + x.to - a.start - x.last
	return x
}

// plan chooses number and size of the next page.
func (w *Walk) plan() (number, size int) {
	end := w.at.Start + len(w.at.Gsids)
	switch {
	case len(w.at.Gsids) == 0:
		return 1, w.at.Size
	case w.at.Fixed > 0:
		return end/w.at.Fixed + 1, w.at.Fixed
	case w.search.on:
		return farthest(w.search.target, w.at.Size)
	}
	for _, overlap := range []int{1 + w.at.Slack, 1} {
		number, size = farthest(end-overlap, w.at.Size)
		if number*size > end {
			return number, size
		}
	}
	w.loosen(fmt.Sprintf("pages of %d records are too small to overlap; use a larger page size", w.at.Size))
	return end/w.at.Size + 1, w.at.Size
}

// farthest is the page that starts at target or before and reaches farthest, at
// most size goals long. Pages start at multiples of their size only, so it may
// be shorter than that, by 1 % or so.
func farthest(target, size int) (number, length int) {
	target = max(target, 0)
	for best, s := 0, size; s > 0; s-- {
		if end := target/s*s + s; end > best {
			best, number, length = end, target/s+1, s
		}
	}
	return number, length
}

// take reports whether the goals of a window are to be given and the walk is to
// go on from it; if not, another window is due.
func (w *Walk) take(u window) (bool, error) {
	switch {
	case w.at.Why != "":
		if w.idle >= maxIdle && !u.short {
			return false, fmt.Errorf("%s: %w", w.op, &RepeatedPageError{Page: u.number})
		}
		return true, nil
	case len(w.at.Gsids) == 0, u.start == 0 && u.short: // the beginning; the whole list
		if len(u.gsids) > 0 && compare(window{}, u).torn {
			w.loosen("one page held a record twice")
		}
		return true, nil
	}
	x := compare(window{start: w.at.Start, gsids: w.at.Gsids}, u)
	if x.torn || w.impossible(u, x) {
		w.loosen("the server's order of records changes between pages")
		return true, nil
	}
	linked := x.shared > 0 && 2*x.broken <= x.shared
	forward := x.shared == 0 && w.passed(u)
	switch {
	case linked && (x.beyond > 0 || u.short):
		w.link(x)
		return true, nil
	case linked:
		return false, w.behind(u, x)
	case u.start == 0 && !forward: // it can't step back farther
		w.restart()
		return true, nil
	case w.search.tries >= 8+2*bits.Len(uint(w.at.Start+w.at.Size)): // too many goals come and go
		w.restart()
		return false, nil
	}
	w.step(u, forward)
	return false, nil
}

// impossible reports a goal that this pass met before, at a place where the
// last window would have held it, had goals kept their order. Only those in
// the tail may have been outside of it.
func (w *Walk) impossible(u window, x bond) bool {
	if x.shared == 0 {
		return false
	}
	last := make(map[string]bool, len(w.at.Gsids))
	for _, gsid := range w.at.Gsids {
		last[gsid] = true
	}
	for i, gsid := range u.gsids[x.from:] {
		if i += x.from; last[gsid] || i > x.to && w.tail[gsid] {
			continue
		}
		if w.given.marked(gsid, w.at.Pass) {
			return true
		}
	}
	return false
}

// link notes what the next windows must know of this one.
func (w *Walk) link(x bond) {
	for _, gsid := range w.at.Gsids[x.last+1:] {
		w.tail[gsid] = true
	}
	w.at.Slack = min(max(-x.shift, w.at.Slack/2), w.at.Size/2)
}

// passed reports whether a window holds goals that this pass met before, as far
// as can be told after a resume.
func (w *Walk) passed(u window) bool {
	for _, gsid := range u.gsids {
		if w.given.marked(gsid, w.at.Pass) || w.at.Pass == 1 && w.given.marked(gsid, earlier) {
			return true
		}
	}
	return false
}

// behind is told of a window that ends inside of the last one: it stepped back
// too far, or goals came in before it, or the server repeats itself: goals moved
// on, and none came in. The first time it is asked again, in case it was a slip.
func (w *Walk) behind(u window, x bond) error {
	w.search.tries++
	if x.shift > 0 && !w.fresh(u) {
		w.search.stalls++
		if w.search.stalls >= maxStalls && u.gsids[0] == w.at.Gsids[0] {
			return fmt.Errorf("%s: %w", w.op, &RepeatedPageError{Page: u.number})
		}
		if w.search.stalls == 1 {
			return nil
		}
	}
	w.at.Start = max(0, w.at.Start+x.shift)
	w.at.Slack = min(max(w.at.Slack, -x.shift), w.at.Size/2)
	w.search.on = false
	return nil
}

// fresh reports whether a window holds goals that were never given.
func (w *Walk) fresh(u window) bool {
	for _, gsid := range u.gsids {
		if !w.given.has(gsid) {
			return true
		}
	}
	return false
}

// step moves the next window toward the last one: twice as far each time, and
// half as far where it went past it.
func (w *Walk) step(u window, forward bool) {
	s := &w.search
	switch {
	case s.step == 0:
		s.step, s.target = max(1, w.at.Slack, w.at.Size/16), u.start
	case s.back == forward: // it went past
		s.step = max(1, s.step/2)
	default:
		s.step *= 2
	}
	s.on, s.back = true, !forward
	s.tries++
	if forward {
		s.target += s.step
	} else {
		s.target = max(0, s.target-s.step)
	}
}

// restart begins a new chain at the first page, and gives up the proof after some.
func (w *Walk) restart() {
	if w.at.Restarts++; w.at.Restarts > maxRestarts {
		w.loosen(fmt.Sprintf("too many records came and went to tie page to page, %d times", w.at.Restarts))
	}
	w.begin()
}
