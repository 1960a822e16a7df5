package validate

import (
	"slices"

	"gsbatch/gainsight"
)

// pick reads a status or goal type given by name, by Gsid or by both, and
// sends its Gsid. Where the tenant's picklist is not known the name is sent.
func (w *work) pick(b *binding, n *names) choice {
	byIDText, idState := w.pickCell(b, byID)
	byNameText, nameState := w.pickCell(b, byName)
	switch {
	case idState == bad || nameState == bad:
		return choice{bad, -1}
	case idState != present && nameState != present:
		return choice{absent, -1}
	case n == nil:
		return w.pickUnknown(b, byIDText, byNameText)
	}
	id, idOK := w.find(b, byID, n, byIDText, idState)
	name, nameOK := w.find(b, byName, n, byNameText, nameState)
	if !idOK || !nameOK {
		return choice{bad, -1}
	}
	if id >= 0 && name >= 0 && id != name {
		w.problem(b.sources[byID], byIDText, "conflict",
			b.field.id+" is the Gsid of "+quote(trim(n.items[id].name))+", "+b.field.name+" says "+quote(byNameText), "clear one of the two cells, or make them agree")
		return choice{bad, -1}
	}
	at, i := byName, max(id, name)
	if id >= 0 {
		at = byID
	}
	return w.choose(b, b.sources[at], n, i)
}

// pickCell reads one half of a status or goal type.
func (w *work) pickCell(b *binding, p part) (string, state) {
	s := b.sources[p]
	cell, st := w.read(s)
	if st == cleared {
		st = w.clear(b, s)
	}
	if st != present {
		return "", st
	}
	text, st := w.line(s, cell)
	return trim(text), st
}

// find looks a text up in a picklist; -1 for a blank cell, and false where it
// told a problem.
func (w *work) find(b *binding, p part, n *names, text string, st state) (int, bool) {
	if st != present {
		return -1, true
	}
	s := b.sources[p]
	if p == byID && !isGsid(text) {
		_, st := w.gsidText(s, b.field.id, "", text)
		return -1, st == present
	}
	return w.itemOf(s, n, text)
}

// itemOf is the index of the item that a cell, or a part of it, names. It tells
// what is wrong itself.
func (w *work) itemOf(s *source, n *names, text string) (int, bool) {
	i, ok := w.recall(n).index(n, text, w.buf)
	if ok {
		return i, true
	}
	if !w.doubt() {
		_, fault := n.find(text, w.buf)
		w.nameProblem(s, text, n.noun, fault)
	}
	return -1, false
}

// recall is what is remembered of a picklist's texts.
func (w *work) recall(n *names) *recall {
	switch n {
	case w.types:
		return &w.recalled[1]
	case w.metricNames:
		return &w.recalled[2]
	}
	return &w.recalled[0]
}

// choose sends the item of a picklist. An inactive one cannot be given to a
// goal; an update may repeat the one that the goal has.
func (w *work) choose(b *binding, s *source, n *names, i int) choice {
	it := &n.items[i]
	if !it.active {
		text := n.noun + " " + quote(trim(it.name)) + " is inactive"
		if w.creating {
			w.problem(s, it.name, "inactive-"+headerKey(n.noun), text+" in this tenant", "take an active one: "+sample(n.spell.names, 8))
			return choice{bad, -1}
		}
		w.warn(s, it.name, "inactive-"+headerKey(n.noun), text+"; it is refused for goals that do not have it already", "take an active one: "+sample(n.spell.names, 8))
		w.op.Inactive = append(w.op.Inactive, b.field.id)
	}
	if b.asName {
		w.put(b.field.name, gainsight.String(it.name))
	} else {
		w.put(b.field.id, gainsight.String(it.gsid))
	}
	return choice{present, i}
}

// pickUnknown sends what the row says where the tenant's picklist is not known.
func (w *work) pickUnknown(b *binding, id, name string) choice {
	switch {
	case id != "":
		if _, st := w.gsidText(b.sources[byID], b.field.id, b.field.prefix, id); st != present {
			return choice{bad, -1}
		}
		w.put(b.field.id, gainsight.String(id))
	case isGsid(name):
		w.put(b.field.id, gainsight.String(name))
	default:
		w.put(b.field.name, gainsight.String(name))
	}
	return choice{present, -1}
}

// together checks what status, goal type and entity say of each other, where
// the tenant delivered how they belong together.
func (w *work) together() {
	if w.typ.unknown() {
		return
	}
	t := &w.cfg.Picklists.GoalTypes[w.typ.index]
	if !w.status.unknown() && t.Linked {
		st := &w.cfg.Picklists.Statuses[w.status.index]
		if !slices.Contains(t.StatusIDs, st.Gsid) {
			w.problem(w.anySource(w.at.status), st.Name, "status-of-other-type", "status "+quote(trim(st.Name))+" does not belong to goal type "+quote(trim(t.Name)), "it has "+w.statusesOf(t)+"; change the status or the goal type")
		}
	}
	if w.placed == present && !w.offered(t) {
		w.warn(w.anySource(w.at.goalType), t.Name, "type-of-other-entity", "goal type "+quote(trim(t.Name))+" is not offered for "+w.entity, "take a goal type of that entity; the server may refuse this one")
	}
	if t.MetricsLinked {
		for i := range w.metrics {
			m := &w.metrics[i]
			if w.associates(m.gsid) && !slices.Contains(t.MetricIDs, m.gsid) {
				w.warn(nil, m.name, "metric-of-other-type", "metric "+quote(m.name)+" is not linked to goal type "+quote(trim(t.Name)), "link it in Gainsight, or take another metric; the server may refuse this one")
			}
		}
	}
}

// anySource is a source of a binding: of the name if it has one, else of the id.
func (c *Checker) anySource(i int) *source {
	if s := c.bindings[i].sources[byName]; s != nil {
		return s
	}
	return c.bindings[i].sources[byID]
}

// offered reports whether a goal type may be used for the row's entity; where
// the tenant did not say, it may.
func (w *work) offered(t *gainsight.GoalType) bool {
	if len(t.EntityIDs) == 0 || slices.Contains(t.EntityIDs, "ALL_ENTITY") || slices.Contains(t.EntityIDs, w.entity) {
		return true
	}
	switch w.entity {
	case "RELATIONSHIP": // offered by the ids of relationship types
		return w.relType == "" || slices.Contains(t.EntityIDs, w.relType)
	case "GLOBAL":
		return true
	}
	return false
}

// statusesOf names the statuses of a goal type.
func (w *work) statusesOf(t *gainsight.GoalType) string {
	var list []string
	for _, s := range w.cfg.Picklists.Statuses {
		if slices.Contains(t.StatusIDs, s.Gsid) {
			list = append(list, trim(s.Name))
		}
	}
	if len(list) == 0 {
		return "no status"
	}
	return sample(list, 8)
}
