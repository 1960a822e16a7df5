package validate

import (
	"gsbatch/gainsight"
	"gsbatch/readers"
)

// Nearly all cells of a table that is in order hold plain text: they are read
// here, each in a few steps that take a third of the time of work.bound's. What
// has anything to it is left to those as if nobody had looked.

// hasten finds the bindings that have one column and no rules, so that a plain
// text in it means what it says.
func (c *Checker) hasten() {
	for i := range c.bindings {
		b := &c.bindings[i]
		if b.quick = c.readQuickly(b); b.quick {
			b.column = b.only().index
		}
	}
}

func (c *Checker) readQuickly(b *binding) bool {
	s := b.only()
	if s == nil || s.index < 0 || s.rule != nil || s.clear != "" {
		return false
	}
	named := b.sources[byID] == nil
	switch b.field.kind {
	case textKind, richKind, entityKind, dateKind:
		return !named
	case statusKind:
		return named && c.statuses != nil
	case goalTypeKind:
		return named && c.types != nil
	case parentKind:
		return named
	case customKind:
		return b.lookup < 0 && b.typ != "number" && b.typ != "bool"
	}
	return false
}

// only is the source of a binding that has one, nil for one with two.
func (b *binding) only() *source {
	switch {
	case b.sources[byID] == nil:
		return b.sources[byName]
	case b.sources[byName] == nil:
		return b.sources[byID]
	}
	return nil
}

// quickly is bound for a plain cell. It is false, and has done nothing, where
// the cell is none or there may be something to be told of it.
func (w *work) quickly(b *binding) bool {
	if b.column >= len(w.row.Cells) {
		return false
	}
	cell := &w.row.Cells[b.column]
	text := cell.Text
	if text == "" {
		return cell.Kind <= readers.Blank && !b.only().blank
	}
	if cell.Kind != readers.Text || text[0] <= ' ' || text[0] == '#' || text[len(text)-1] == ' ' || !plainText(text) {
		return false
	}
	switch f := b.field; f.kind {
	case statusKind:
		return w.pickQuickly(b, &w.status, w.statuses, text)
	case goalTypeKind:
		return w.pickQuickly(b, &w.typ, w.types, text)
	case entityKind:
		if w.entity = entityOf(text); w.entity == "" {
			return false
		}
		w.placed = present
		w.place(b, f.id, w.entity)
		return true
	case parentKind:
		if len(text) == gsidLength || w.cfg.IDs.knows(f.object) {
			return false
		}
		w.setParent(b, parentIndex(f.object), "", text)
		return true
	}
	return w.putQuickly(b, text)
}

// putQuickly sends a plain text as it stands.
func (w *work) putQuickly(b *binding, text string) bool {
	f := b.field
	switch f.kind {
	case textKind, richKind:
		if f.limit > 0 && len(text) > f.limit || f.kind == richKind && !simpleHTML(text) {
			return false
		}
		if f.kind == textKind && f.id == w.schema.name {
			w.name, w.named = text, present
		}
	case dateKind:
		if !plainDate(text) {
			return false
		}
	case customKind:
		if b.typ == "date" && !plainDate(text) {
			return false
		}
	}
	w.put(f.id, gainsight.String(text))
	return true
}

// pickQuickly takes an active item of a picklist.
func (w *work) pickQuickly(b *binding, into *choice, n *names, text string) bool {
	i, ok := w.recall(n).index(n, text, w.buf)
	if !ok || i == ambiguous || !n.items[i].active {
		return false
	}
	*into = w.choose(b, b.only(), n, i)
	return true
}

// plainDate reports whether s is a plausible date of the form YYYY-MM-DD.
func plainDate(s string) bool {
	if len(s) != len("2006-01-02") || s[4] != '-' || s[7] != '-' || !digits(s[:4]) || !digits(s[5:7]) || !digits(s[8:]) {
		return false
	}
	return parsedDate{year: number(s[:4]), month: number(s[5:7]), day: number(s[8:])}.check().code == ""
}

// fitting remembers what goes together: by goal type, status and entity, no
// more than picklists have. The zero value is empty.
type fitting struct{ known []bool }

// togetherQuickly is together that looks at each combination once, as long as
// there is nothing to be told of it.
func (w *work) togetherQuickly() {
	entity := len(entities())
	if w.placed == present {
		entity = entityIndex(w.entity)
	}
	if w.typ.unknown() || w.relType != "" || len(w.metrics) > 0 || w.status.state == bad {
		w.together()
		return
	}
	statuses := len(w.cfg.Picklists.Statuses) + 1
	at := (w.typ.index*statuses+w.status.index+1)*(len(entities())+1) + entity
	if w.fits.known == nil {
		w.fits.known = make([]bool, len(w.cfg.Picklists.GoalTypes)*statuses*(len(entities())+1))
	}
	if w.fits.known[at] {
		return
	}
	told := len(w.problems)
	w.together()
	w.fits.known[at] = len(w.problems) == told
}
