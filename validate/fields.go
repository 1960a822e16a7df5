package validate

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gsbatch/gainsight"
	"gsbatch/readers"
)

// clear sends null for the clear token, or says that the field keeps its value.
// A create has nothing to clear.
func (w *work) clear(b *binding, s *source) state {
	if b.field.keeps {
		w.problem(s, s.clear, "cannot-clear", b.field.label()+" cannot be cleared", "give a value, or leave the cell blank to keep the old one")
		return bad
	}
	if !w.creating {
		w.put(b.field.id, gainsight.Null())
	}
	return absent
}

// text reads a line of text such as the name of a goal. It is sent as it
// stands: the server does not trim, so outer blanks are told, not taken off.
func (w *work) text(b *binding) {
	s := b.sources[byID]
	cell, st := w.read(s)
	text := ""
	switch st {
	case present:
		text, st = w.line(s, cell)
	case cleared:
		st = w.clear(b, s)
	}
	if st == present {
		st = w.checkText(b, s, text)
	}
	if b.field.id == w.schema.name {
		w.name, w.named = text, st
	}
	if st == present {
		w.put(b.field.id, gainsight.String(text))
	}
}

// checkText finds what in a line of text is hardly meant.
func (w *work) checkText(b *binding, s *source, text string) state {
	label := b.field.label()
	odd, hidden := oddities(text)
	if odd != "" {
		w.problem(s, text, "control-character", label+" "+quote(text)+" contains "+odd, "type the text anew")
		return bad
	}
	if hidden != "" {
		w.warn(s, text, "hidden-character", label+" "+quote(text)+" contains "+hidden, "type the text anew")
	}
	if len(trim(text)) != len(text) {
		w.warn(s, text, "outer-blanks", label+" "+quote(text)+" begins or ends with a blank; it is sent as it stands", "take the blanks off")
	}
	if strings.IndexByte(text, '\n') >= 0 || strings.IndexByte(text, '\r') >= 0 {
		w.warn(s, text, "line-break", label+" "+quote(text)+" has a line break; it is sent as it stands", "write the text on one line")
	}
	w.checkLength(b, s, text)
	return present
}

// checkLength warns of a text that is longer than the tenant probably takes.
func (w *work) checkLength(b *binding, s *source, text string) {
	limit := b.field.limit
	if limit == 0 || len(text) <= limit {
		return
	}
	if n := utf8.RuneCountInString(text); n > limit {
		w.warn(s, text, "long-text", b.field.label()+" has "+strconv.Itoa(n)+" characters; more than "+strconv.Itoa(limit)+" may be refused or cut", "shorten the text")
	}
}

// rich reads text that may be HTML.
func (w *work) rich(b *binding) {
	s := b.sources[byID]
	cell, st := w.read(s)
	text := ""
	switch st {
	case present:
		text, st = w.line(s, cell)
	case cleared:
		st = w.clear(b, s)
	}
	if st != present {
		return
	}
	odd, hidden := oddities(text)
	if odd != "" || hidden != "" {
		w.warn(s, text, "hidden-character", b.field.label()+" contains "+odd+hidden, "type the text anew")
	}
	if active := w.html.active(text); active != "" {
		w.warn(s, text, "active-html", b.field.label()+" contains "+active+"; it is sent as it stands", "take it out: Gainsight wants descriptions without scripts")
	}
	w.checkLength(b, s, text)
	w.put(b.field.id, gainsight.String(text))
}

// date reads a date.
func (w *work) date(b *binding) {
	s, cell, ok := w.given(b)
	if !ok {
		return
	}
	if iso, ok := w.dateOf(s, b.field.label(), cell); ok {
		w.put(b.field.id, gainsight.String(iso))
	}
}

// entityType reads what a goal belongs to.
func (w *work) entityType(b *binding) {
	s := b.sources[byID]
	cell, st := w.read(s)
	if st == cleared {
		st = w.clear(b, s)
	}
	w.placed = st
	if st != present {
		return
	}
	text := trim(cell.Text)
	w.entity = entityOf(text)
	if w.entity == "" {
		w.placed = bad
		message := "EntityType " + quote(text) + " is none of COMPANY, RELATIONSHIP, OPPORTUNITY, GLOBAL"
		near := newSpeller(entities()).nearest(text)
		if near != "" {
			message = "EntityType " + quote(text) + " is not known; closest: " + near
		}
		w.problem(s, text, "unknown-entity", message, "write one of them, or map it: "+mapSnippet(s, text, cmp.Or(near, "…")))
		w.problems[len(w.problems)-1].Closest = near
		return
	}
	w.place(b, "EntityType", w.entity)
}

// EntityTypes are the words of EntityType.
func EntityTypes() []string { return entities() }

func entities() []string { return []string{"COMPANY", "RELATIONSHIP", "OPPORTUNITY", "GLOBAL"} }

// entityIndex is where an entity stands in entities.
func entityIndex(entity string) int {
	switch entity {
	case "COMPANY":
		return 0
	case "RELATIONSHIP":
		return 1
	case "OPPORTUNITY":
		return 2
	}
	return 3
}

// entityOf is the entity type that a text names, "" if none.
func entityOf(text string) string {
	for _, e := range entities() {
		if strings.EqualFold(text, e) {
			return e
		}
	}
	key := headerKey(text)
	for _, e := range entities() {
		if key == strings.ToLower(e) {
			return e
		}
	}
	return ""
}

// place sends a field that places the goal; an update compares it instead,
// unless its mapping says otherwise.
func (w *work) place(b *binding, name, value string) {
	if w.creating || b.send {
		w.put(name, gainsight.String(value))
		return
	}
	w.op.Compare = append(w.op.Compare, gainsight.Field{Name: name, Value: gainsight.String(value)})
}

// placing reads RelationshipTypeId or TemplateId.
func (w *work) placing(b *binding) {
	s := b.sources[byID]
	id, st := w.reference(s, b.field.label(), b.field.prefix)
	if st == cleared {
		st = w.clear(b, s)
	}
	if b.field.id == "TemplateId" {
		w.states[templateState] = st
	} else {
		w.states[relationshipTypeState] = st
		w.relType = id
	}
	if st == present && (w.creating || b.send || b.field.id != "TemplateId") {
		w.place(b, b.field.id, id)
	}
}

// gsids reads a cell that holds several Gsids into dst.
func (w *work) gsids(b *binding, s *source, dst []string) ([]string, state) {
	cell, st := w.read(s)
	if st != present {
		return dst, st
	}
	text, st := w.line(s, readers.Cell{Text: cell.Text, Kind: listAsText(cell.Kind)})
	if st != present {
		return dst, st
	}
	w.list = splitGsids(w.list[:0], text)
	st = absent
	for _, id := range w.list {
		id, one := w.gsidText(s, b.field.label(), b.field.prefix, id)
		if one != present {
			return dst, one
		}
		st = present
		if slices.Contains(dst, id) {
			w.warn(s, id, "repeated", b.field.label()+" has the Gsid "+id+" twice; it is sent once", "take one out")
			continue
		}
		dst = append(dst, id)
	}
	return dst, st
}

// listAsText lets a list pass where a cell may hold several values.
func listAsText(k readers.Kind) readers.Kind {
	if k == readers.List {
		return readers.Text
	}
	return k
}

// gsidList reads AssociatedWork.
func (w *work) gsidList(b *binding) {
	s := b.sources[byID]
	list, st := w.gsids(b, s, nil)
	switch st {
	case cleared:
		w.clear(b, s)
	case present:
		w.put(b.field.id, gainsight.Strings(list))
	}
}

// link reads the CTAs or success plans to associate or to remove.
func (w *work) link(b *binding) {
	i := 0
	if b.field.object == "SP" {
		i++
	}
	if b.field.kind == dissociateKind {
		i += 2
	}
	s := b.sources[byID]
	list, st := w.gsids(b, s, w.links[i])
	w.links[i] = list
	switch {
	case st == cleared:
		w.problem(s, s.clear, "cannot-clear", b.field.label()+" cannot be cleared", "list the Gsids to take off in the column "+b.field.object+" Remove")
	case st == present && b.field.kind == dissociateKind && w.creating:
		w.problem(s, "", "remove-in-create", b.field.label()+" has nothing to remove from a new goal", "clear the cell, or give the goal's Gsid")
	}
}

// linkConflicts refuses what is associated and dissociated at once, and
// completes the item.
func (w *work) linkConflicts() {
	for i, object := range [2]string{"CTA", "SP"} {
		for _, id := range w.links[i] {
			if slices.Contains(w.links[i+2], id) {
				w.problem(nil, id, "add-and-remove", object+" "+id+" is in both "+object+" and "+object+" Remove", "leave it in one of them")
			}
		}
	}
	w.item.Associate.CTA, w.item.Associate.SP = w.links[0], w.links[1]
	w.item.Dissociate.CTA, w.item.Dissociate.SP = w.links[2], w.links[3]
}
