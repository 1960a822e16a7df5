package validate

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"gsbatch/gainsight"
	"gsbatch/readers"
)

// maxDays is a whole number of days above which a template's due date is
// hardly meant: three hundred years.
const maxDays = 110_000

// given is the cell of a field; false where there is none to read, also after
// it was cleared.
func (w *work) given(b *binding) (*source, readers.Cell, bool) {
	s := b.sources[byID]
	cell, st := w.read(s)
	if st == cleared {
		w.clear(b, s)
	}
	return s, cell, st == present
}

// days reads a number of days.
func (w *work) days(b *binding) {
	s, cell, ok := w.given(b)
	if !ok {
		return
	}
	label := b.field.label()
	if cell.Kind == readers.Date {
		w.problem(s, cell.Text, "date-for-days", label+" "+quote(cell.Text)+" is a date; a template has a number of days", "give the cell the format General, and a number of days")
		return
	}
	n, code, why := w.number(s, cell, "")
	days, err := strconv.Atoi(n)
	switch {
	case code != "":
		w.problem(s, cell.Text, code, label+" "+quote(cell.Text)+" "+why, "write a whole number of days")
	case err != nil || days < 0:
		w.problem(s, cell.Text, "not-days", label+" "+quote(cell.Text)+" is no whole number of days", "write a whole number of days, 0 or more")
	default:
		if days > maxDays {
			w.warn(s, cell.Text, "many-days", label+" "+quote(cell.Text)+" is more than 300 years", "check the number of days")
		}
		w.put(b.field.id, gainsight.Number(n))
	}
}

// unit reads the unit of measure of a metric.
func (w *work) unit(b *binding) {
	s, cell, ok := w.given(b)
	if !ok {
		return
	}
	text := trim(cell.Text)
	for _, unit := range units() {
		if strings.EqualFold(unit, text) {
			w.put(b.field.id, gainsight.String(unit))
			return
		}
	}
	near := cmp.Or(unitMeant(text), newSpeller(units()).nearest(text))
	message := b.field.label() + " " + quote(text) + " is none of " + strings.Join(units(), ", ")
	to := "…"
	if near != "" {
		message, to = message+"; closest: "+near, near
	}
	w.problem(s, text, "unknown-unit", message, "write one of them, or map it: "+mapSnippet(s, text, to))
	w.problems[len(w.problems)-1].Closest = near
}

// unitMeant is the unit that people call text, "" if none: it is proposed, and
// not taken without being asked for.
func unitMeant(text string) string {
	for unit, words := range map[string]string{
		"PERCENTAGE": "percent, %, pct, per cent, prozent, pourcentage, porcentaje, percentuale",
		"DECIMAL":    "number, numeric, integer, count, amount, zahl, anzahl, nombre, numero",
		"CURRENCY":   "money, usd, eur, $, €, dollar, euro, wahrung, devise, moneda, valuta",
	} {
		if slices.Contains(strings.Split(words, ", "), fold(unaccented(text))) {
			return unit
		}
	}
	return ""
}

// words are the parts of a cell that holds several values with ; between them.
func (w *work) words(s *source) ([]string, state) {
	cell, st := w.read(s)
	if st != present {
		return nil, st
	}
	text, st := w.line(s, readers.Cell{Text: cell.Text, Kind: listAsText(cell.Kind)})
	if st != present {
		return nil, st
	}
	var list []string
	for word := range strings.SplitSeq(text, ";") {
		if word = trim(word); word != "" {
			list = append(list, word)
		}
	}
	if len(list) == 0 {
		return nil, absent
	}
	return list, present
}

// found are the Gsids of the items of n that a cell names. Where the tenant's
// items are not known it must have Gsids.
func (w *work) found(b *binding, s *source, n *names, words []string) ([]string, bool) {
	var ids []string
	for _, word := range words {
		id, ok := w.foundOne(b, s, n, word)
		if !ok {
			return nil, false
		}
		if slices.Contains(ids, id) {
			w.warn(s, word, "repeated", b.field.label()+" has "+quote(word)+" twice; it is sent once", "take one out")
			continue
		}
		ids = append(ids, id)
	}
	return ids, true
}

func (w *work) foundOne(b *binding, s *source, n *names, word string) (string, bool) {
	if n == nil {
		id, st := w.gsidText(s, b.field.label(), b.field.prefix, word)
		return id, st == present
	}
	i, ok := w.itemOf(s, n, word)
	if !ok {
		return "", false
	}
	if it := &n.items[i]; !it.active {
		w.warn(s, word, "inactive-"+headerKey(n.noun), n.noun+" "+quote(trim(it.name))+" is inactive in this tenant", "take an active one: "+sample(n.spell.names, 8))
	}
	return n.items[i].gsid, true
}

// metricList reads the metrics of a template. There an association has no
// values, and what is dissociated is an object too ("Template Update API").
func (w *work) metricList(b *binding) {
	s := b.sources[byID]
	words, st := w.words(s)
	if st == cleared {
		w.problem(s, s.clear, "cannot-clear", b.field.label()+" cannot be cleared", "list what is to be taken off in the column Metrics Remove")
	}
	if st != present {
		return
	}
	remove := b.field.kind == removeMetricsKind
	if remove && w.creating {
		w.problem(s, "", "remove-in-create", b.field.label()+" has nothing to remove from a new "+w.schema.noun, "clear the cell, or give the "+w.schema.noun+"'s Gsid")
		return
	}
	ids, ok := w.found(b, s, w.metricNames, words)
	if !ok {
		return
	}
	if remove {
		w.removed = ids
		return
	}
	for _, id := range ids {
		w.measures = append(w.measures, gainsight.MetricAssociation{MetricID: id})
	}
}

// putMetricList completes the item of a template with its metrics.
func (w *work) putMetricList() {
	for _, id := range w.removed {
		if w.associates(id) {
			w.problem(nil, id, "add-and-remove", "metric "+id+" is in both Metrics and Metrics Remove", "leave it in one of them")
		}
	}
	if len(w.measures) > 0 {
		w.put("metricsAssociation", gainsight.Metrics(w.measures))
	}
	if len(w.removed) == 0 {
		return
	}
	list := make([]gainsight.MetricAssociation, len(w.removed))
	for i, id := range w.removed {
		list[i].MetricID = id
	}
	w.put("metricsDissociation", gainsight.Metrics(list))
}

// typeList are the goal types of a metric: by Gsid, and by name where the
// mapping wants them sent so.
type typeList struct{ ids, names, all []string }

// goalTypes reads the goal types to associate with a metric, or to dissociate
// from it.
func (w *work) goalTypes(b *binding) {
	remove := b.field.id == "dissociateGoalTypes"
	list := &w.typeLists[0]
	if remove {
		list = &w.typeLists[1]
	}
	for p, s := range b.sources {
		words, st := w.words(s)
		switch {
		case st == cleared:
			w.problem(s, s.clear, "cannot-clear", b.field.label()+" cannot be cleared", "list what is to be taken off in the column Goal Types Remove")
		case st == present && remove && w.creating:
			w.problem(s, "", "remove-in-create", b.field.label()+" has nothing to remove from a new metric", "clear the cell, or give the metric's Gsid")
		case st == present:
			w.typesOf(b, part(p), s, words, list)
		}
	}
}

// typesOf enters the goal types that one cell names.
func (w *work) typesOf(b *binding, p part, s *source, words []string, list *typeList) {
	if w.types == nil && p == byName { // the tenant's goal types are not known
		list.names = append(list.names, words...)
		return
	}
	ids, ok := w.found(b, s, w.types, words)
	if !ok {
		return
	}
	for _, id := range ids {
		list.all = append(list.all, id)
		if n := w.types; n != nil && p == byName && b.asName {
			list.names = append(list.names, n.items[n.byGsid[id]].name)
			continue
		}
		if slices.Contains(list.ids, id) {
			w.warn(s, id, "repeated", b.field.label()+" has the goal type "+id+" twice; it is sent once", "take one out")
			continue
		}
		list.ids = append(list.ids, id)
	}
}

// putGoalTypes completes the item of a metric with its goal types.
func (w *work) putGoalTypes() {
	for _, id := range w.typeLists[1].all {
		if slices.Contains(w.typeLists[0].all, id) {
			w.problem(nil, id, "add-and-remove", "goal type "+id+" is in both Goal Types and Goal Types Remove", "leave it in one of them")
		}
	}
	for _, m := range []struct {
		key  string
		list []string
	}{
		{"associateGoalTypes", w.typeLists[0].ids}, {"associateGoalTypeNames", w.typeLists[0].names},
		{"dissociateGoalTypes", w.typeLists[1].ids}, {"dissociateGoalTypeNames", w.typeLists[1].names},
	} {
		if len(m.list) > 0 {
			w.item.Beside = append(w.item.Beside, gainsight.Field{Name: m.key, Value: gainsight.Strings(m.list)})
		}
	}
}
