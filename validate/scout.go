package validate

import (
	"maps"

	"gsbatch/readers"
)

// Scout finds rows that have nothing wrong, beside the Checker that it goes
// ahead of and beside other scouts. It tells no problem, since many depend on
// the rows before: a row that it has any doubt about is the Checker's.
type Scout struct {
	c  Checker
	op Operation
}

// Scouted is what a scout found out about a row.
type Scouted struct {
	// Clean says that nothing is wrong with the row by itself.
	Clean bool
	// Action of a clean row is what it does, which is something.
	Action Action
	Line   uint32 // as it was read
	hash   uint64 // of its record; 0 for none, or where duplicates are allowed
}

// Scout returns another scout.
func (c *Checker) Scout() *Scout {
	s := &Scout{c: *c}
	s.c.dated = make([]datesRead, len(c.dated))
	for i := range s.c.dated {
		s.c.dated[i].cache = map[string]string{}
	}
	s.c.lookupJSON, s.c.interned, s.c.seen = nil, nil, lineTable{}
	s.c.server = map[string]*serverNames{}
	s.c.html = htmlPolicy{}
	s.c.work = work{Checker: &s.c, scouting: true}
	return s
}

// Look checks a row by itself.
func (s *Scout) Look(row readers.Row) Scouted {
	w := &s.c.work
	w.reset(row, &s.op)
	if !w.flawless() {
		return Scouted{}
	}
	found := Scouted{Clean: true, Action: s.op.Action, Line: uint32(row.Line)}
	if hash, ok := w.identity(); ok && !(w.creating && w.cfg.AllowDuplicates) {
		found.hash = max(hash, 1)
	}
	w.countNames()
	return found
}

// flawless reports whether there is no doubt about the row by itself.
func (w *work) flawless() bool {
	if !w.action("") {
		return false
	}
	if w.op.Action != Delete {
		w.contents()
	}
	return len(w.problems) == 0 && !w.nothingToDo()
}

// doubt notes, in a scout, that there is a problem, and reports whether this is one.
func (w *work) doubt() bool {
	if w.scouting {
		w.problems = append(w.problems, Problem{})
	}
	return w.scouting
}

// Take enters a row that a scout found clean, in the order of the rows; line is
// its line. It is false where an earlier row is for the same record: then Check
// the row next.
func (c *Checker) Take(f *Scouted, line int) bool {
	if f.hash == 0 {
		return true
	}
	first, dup := c.seen.put(f.hash, uint32(line))
	c.work.counted = dup && first != uint32(line)
	return !c.work.counted
}

// Ahead makes ready for Take of all of these rows: it fetches from memory the
// places that they need at once, not one after another, which takes half the time of Take.
func (c *Checker) Ahead(rows []Scouted) { c.seen.fetch(rows) }

// Expect is told how many rows there will be, as far as that can be said.
func (c *Checker) Expect(rows int) { c.seen.expect(rows) }

// Join takes over what a scout counted, when it has looked at its last row.
func (c *Checker) Join(s *Scout) {
	for object, names := range maps.All(s.c.server) {
		n := c.serverOf(object)
		n.rows += names.rows
		for hash := range names.seen.all() {
			n.seen.put(hash, 0)
		}
	}
}
