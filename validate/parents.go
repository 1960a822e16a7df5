package validate

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"

	"gsbatch/gainsight"
)

// parent reads the company, relationship or opportunity of a goal, by id or by
// name. A name that the id map knows becomes an id; any other is left to a
// lookup of the server.
func (w *work) parent(b *binding) {
	at := parentIndex(b.field.object)
	id, idState := w.parentID(b)
	name, nameState := w.parentName(b)
	if isGsid(name) {
		if id == "" {
			id, idState = w.gsidText(b.sources[byName], b.field.id, b.field.prefix, name)
		}
		name, nameState = "", absent
	}
	if idState == bad || nameState == bad {
		w.states[at] = bad
		return
	}
	if nameState == present {
		known, fault := w.knownID(b.field.object, name)
		switch {
		case fault != nil && w.creating && id == "":
			w.nameProblem(b.sources[byName], name, b.field.object, fault)
			w.states[at] = bad
			return
		case known != "" && id != "" && known != id:
			w.problem(b.sources[byID], id, "conflict", b.field.id+" is "+id+", but the id map says that "+quote(name)+" is "+known, "clear one of the two cells, or make them agree")
			w.states[at] = bad
			return
		}
		id = cmp.Or(id, known)
	}
	w.setParent(b, at, id, name)
}

// knownID is the id map's answer. A scout leaves a name to be told of to its checker.
func (w *work) knownID(object, name string) (string, *nameFault) {
	id, ok := w.cfg.IDs.lookup(object, name, w.buf)
	if ok || w.doubt() {
		return id, nil
	}
	return w.cfg.IDs.find(object, name, w.buf)
}

func parentIndex(object string) int {
	switch object {
	case "relationship":
		return relationshipState
	case "opportunity":
		return opportunityState
	}
	return companyState
}

func (w *work) parentID(b *binding) (string, state) {
	s := b.sources[byID]
	id, st := w.reference(s, b.field.id, b.field.prefix)
	if st == cleared {
		st = w.clear(b, s)
	}
	return id, st
}

func (w *work) parentName(b *binding) (string, state) {
	s := b.sources[byName]
	cell, st := w.read(s)
	if st == cleared {
		st = w.clear(b, s)
	}
	if st != present {
		return "", st
	}
	text, st := w.line(s, cell)
	if st != present {
		return "", st
	}
	text = trim(text)
	if odd, hidden := oddities(text); odd != "" {
		w.problem(s, text, "control-character", b.field.label()+" "+quote(text)+" contains "+odd, "type the name anew")
		return "", bad
	} else if hidden != "" {
		w.warn(s, text, "hidden-character", b.field.label()+" "+quote(text)+" contains "+hidden, "type the name anew")
	}
	return text, st
}

// setParent sends or compares a parent.
func (w *work) setParent(b *binding, at int, id, name string) {
	if id == "" && name == "" {
		return
	}
	w.states[at] = present
	w.parents[at] = parent{id, name}
	if id != "" {
		w.place(b, b.field.id, id)
		return
	}
	w.place(b, b.field.name, name)
	if w.creating || b.send {
		w.useLookup(b.lookup, b.field.object, name)
	}
}

// useLookup notes that the server has to resolve a name.
func (w *work) useLookup(i int, object, name string) {
	w.used |= 1 << i
	w.askNames = append(w.askNames, askedName{object, name})
}

// askedName is a name that only the server can resolve.
type askedName struct{ object, name string }

// countNames counts the names of the row that only the server can resolve.
func (w *work) countNames() {
	for _, a := range w.askNames {
		n := w.serverOf(a.object)
		if !w.counted {
			n.rows++
		}
		if !n.knows(maphash.String(w.seed, a.name)) {
			w.buf = AppendFold(w.buf[:0], a.name)
			n.seen.put(maphash.Bytes(w.seed, w.buf), 0)
		}
	}
	w.counted = false
}

// serverOf is the count of an object's names.
func (c *Checker) serverOf(object string) *serverNames {
	n := c.server[object]
	if n == nil {
		n = &serverNames{}
		c.server[object] = n
	}
	return n
}

// serverNames counts the names of one object that only the server can resolve.
type serverNames struct {
	known [1 << 12]uint64 // hashes of names that need not be folded and counted again
	seen  lineTable
	rows  int
}

// knows reports whether the name of this hash was counted lately. A hash has two
// places, of which the one not used last is given up.
func (n *serverNames) knows(hash uint64) bool {
	i := hash % uint64(len(n.known)) &^ 1
	first, second := &n.known[i], &n.known[i+1]
	if *first == hash || *second == hash {
		return true
	}
	*first, *second = hash, *first
	return false
}

// NameCount is how many names of an object only the server can resolve.
type NameCount struct {
	Object string // company, relationship …
	Names  int    // distinct, without regard to case and outer blanks
	Rows   int    // that use them
}

// ServerNames tells how many names of each object, in the rows checked so far,
// only the server can resolve.
func (c *Checker) ServerNames() []NameCount {
	var list []NameCount
	for object, n := range c.server {
		list = append(list, NameCount{Object: object, Names: n.seen.used(), Rows: n.rows})
	}
	slices.SortFunc(list, func(a, b NameCount) int { return strings.Compare(a.Object, b.Object) })
	return list
}

// serverNames is Operation.ServerNames.
func (w *work) serverNames() string {
	if len(w.askNames) == 0 {
		return ""
	}
	w.asked = w.asked[:0]
	for i, a := range w.askNames {
		if i > 0 {
			w.asked = append(w.asked, '\n')
		}
		w.asked = append(append(append(w.asked, a.object...), ' '), a.name...)
	}
	return w.intern(w.asked)
}

// lookupsJSON is the value of "lookups" for the lookups that the row uses.
func (w *work) lookupsJSON() []byte {
	if w.used == 0 {
		return nil
	}
	if doc, ok := w.lookupJSON[w.used]; ok {
		return doc
	}
	var used []gainsight.Lookup
	for i, l := range w.lookups {
		if w.used&(1<<i) != 0 {
			used = append(used, l)
		}
	}
	doc := gainsight.AppendLookups(nil, used)
	w.lookupJSON[w.used] = doc
	return doc
}

// owner is the parent that counts for the natural key: the one that fits the
// entity type; of a GLOBAL goal the first that is given.
func (w *work) owner() parent {
	switch w.entity {
	case "RELATIONSHIP":
		return w.parents[relationshipState]
	case "OPPORTUNITY":
		return w.parents[opportunityState]
	case "GLOBAL":
		return cmp.Or(w.parents[companyState], w.parents[relationshipState], w.parents[opportunityState])
	}
	return w.parents[companyState]
}

// parentState is the state of the parent that fits the entity type.
func (w *work) parentState() state {
	switch w.entity {
	case "RELATIONSHIP":
		return w.states[relationshipState]
	case "OPPORTUNITY":
		return w.states[opportunityState]
	case "GLOBAL":
		return max(w.states[companyState], w.states[relationshipState], w.states[opportunityState])
	}
	return w.states[companyState]
}

// complete finds what a create lacks, and parents that contradict its entity type.
func (w *work) complete() {
	if !w.schema.placed {
		w.completeNamed()
		return
	}
	if w.named == absent {
		w.lacks(w.at.name, "Name", "a goal needs a name", "give the goal a name")
	}
	if w.status.state == absent && w.states[templateState] == absent {
		w.lacks(w.at.status, "Status", "a goal without a template needs a status", "give a status, or a TemplateId")
	}
	if w.placed == absent {
		w.lacks(w.at.entity, "EntityType", "a goal belongs to something", "write COMPANY, RELATIONSHIP, OPPORTUNITY or GLOBAL, or give --set EntityType=COMPANY")
	}
	switch w.entity {
	case "COMPANY":
		w.needs(companyState, "Company", w.at.company)
		w.contradicts(relationshipState, "relationship", w.at.relationship)
		w.contradicts(opportunityState, "opportunity", w.at.opportunity)
	case "RELATIONSHIP":
		w.needs(relationshipState, "Relationship", w.at.relationship)
		w.needs(relationshipTypeState, "RelationshipTypeId", w.at.relationshipType)
		w.contradicts(opportunityState, "opportunity", w.at.opportunity)
	case "OPPORTUNITY":
		w.needs(opportunityState, "Opportunity", w.at.opportunity)
	}
}

// completeNamed tells what a new template or metric lacks.
func (w *work) completeNamed() {
	for i := range w.schema.fields {
		f := &w.schema.fields[i]
		if !f.required {
			continue
		}
		at := slices.IndexFunc(w.bindings, func(b binding) bool { return b.field == f })
		if at < 0 || w.blankIn(at) {
			w.lacks(at, f.label(), "a "+w.schema.noun+" needs it", "fill it in")
		}
	}
}

// blankIn says whether the row says nothing about a binding.
func (w *work) blankIn(at int) bool {
	s := w.anySource(at)
	return !slices.ContainsFunc(w.item.Record, func(f gainsight.Field) bool { return f.Name == w.bindings[at].field.id }) &&
		trim(s.cell(w.row).Text) == ""
}

// needs tells that a goal of the row's entity type lacks a field.
func (w *work) needs(at int, label string, binding int) {
	if w.states[at] == absent {
		w.lacks(binding, label, "a goal of EntityType "+w.entity+" needs it", "fill it in, or change the EntityType")
	}
}

// lacks tells that a field is blank, or has no column.
func (w *work) lacks(binding int, label, why, mend string) {
	if binding < 0 {
		w.problem(nil, "", "required", label+" is missing: the file has no column for it, and "+why, mend)
		w.problems[len(w.problems)-1].Field = label
		return
	}
	w.problem(w.anySource(binding), "", "required", label+" is blank; "+why, mend)
}

// contradicts tells of a parent that a goal of the row's entity type cannot have.
func (w *work) contradicts(at int, noun string, binding int) {
	if w.states[at] == present {
		p := w.parents[at]
		w.problem(w.anySource(binding), cmp.Or(p.name, p.id), "parent-of-other-entity", "a goal of EntityType "+w.entity+" has no "+noun+", the row names "+quote(cmp.Or(p.name, p.id)), "clear the cell, or change the EntityType")
	}
}
