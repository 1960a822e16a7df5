package validate

import (
	"strings"

	"gsbatch/gainsight"
)

// names finds the items of a picklist by name or Gsid.
type names struct {
	noun    string // status, goal type, metric
	items   []named
	byGsid  map[string]int
	byName  map[string]int // by folded name; ambiguous where several items have it
	spell   *speller
	advices map[string]string // text → nearest name, at most maxAdvices
}

// named is an item of a picklist.
type named struct {
	gsid, name string
	active     bool
}

// ambiguous stands for several items in names.byName.
const ambiguous = -1

// maxAdvices bounds what is remembered of wrong names.
const maxAdvices = 4096

// newNames indexes items; nil for none, as the tenant then did not tell what it allows.
func newNames(noun string, items []named) *names {
	if len(items) == 0 {
		return nil
	}
	n := &names{noun: noun, items: items, byGsid: make(map[string]int, len(items)), byName: make(map[string]int, len(items)), advices: map[string]string{}}
	var offered []string
	for i, it := range items {
		n.byGsid[it.gsid] = i
		key := fold(it.name)
		if _, taken := n.byName[key]; taken {
			n.byName[key] = ambiguous
		} else {
			n.byName[key] = i
		}
		if it.active {
			offered = append(offered, trim(it.name))
		}
	}
	n.spell = newSpeller(offered)
	return n
}

func statusNames(p *gainsight.Picklists) *names {
	if p == nil {
		return nil
	}
	items := make([]named, len(p.Statuses))
	for i, s := range p.Statuses {
		items[i] = named{s.Gsid, s.Name, s.Active}
	}
	return newNames("status", items)
}

func goalTypeNames(p *gainsight.Picklists) *names {
	if p == nil {
		return nil
	}
	items := make([]named, len(p.GoalTypes))
	for i, t := range p.GoalTypes {
		items[i] = named{t.Gsid, t.Name, t.Active}
	}
	return newNames("goal type", items)
}

func metricNames(p *gainsight.Picklists) *names {
	if p == nil {
		return nil
	}
	items := make([]named, len(p.Metrics))
	for i, m := range p.Metrics {
		items[i] = named{m.Gsid, m.Name, m.Active}
	}
	return newNames("metric", items)
}

// find returns the index of the item that text names, or why it names none.
// buf is scratch space.
func (n *names) find(text string, buf []byte) (int, *nameFault) {
	i, ok := n.index(text, buf)
	switch {
	case ok && i != ambiguous:
		return i, nil
	case ok:
		return -1, n.namesakes(text)
	}
	near := n.nearest(text)
	f := &nameFault{code: "unknown-", closest: near}
	f.message = n.noun + " " + quote(text) + " is not in this tenant"
	if near != "" {
		f.message += "; closest: " + quote(near)
	} else {
		f.message += "; it has " + sample(n.spell.names, 8)
	}
	f.mend = "write one of this tenant's names, or map the value"
	return -1, f
}

// index returns the index of the item that text names, which may be ambiguous.
func (n *names) index(text string, buf []byte) (int, bool) {
	if i, ok := n.byGsid[text]; ok {
		return i, true
	}
	i, ok := n.byName[string(AppendFold(buf[:0], text))]
	return i, ok
}

// recall remembers which items the texts of a column named last, at half the
// cost of finding them again. The zero value is empty.
type recall [16]struct {
	text  string
	index int
}

// index is n.index for what names one item.
func (r *recall) index(n *names, text string, buf []byte) (int, bool) {
	if text == "" {
		return n.index(text, buf)
	}
	at := &r[(len(text)+int(text[0])*3+int(text[len(text)-1])*5)%len(r)]
	if at.text == text {
		return at.index, true
	}
	i, ok := n.index(text, buf)
	if !ok || i == ambiguous {
		return i, false
	}
	at.text, at.index = strings.Clone(text), i
	return i, true
}

// nameFault is why a text names no item.
type nameFault struct {
	code, message, mend, closest string
}

func (n *names) namesakes(text string) *nameFault {
	var ids []string
	for _, it := range n.items {
		if fold(it.name) == fold(text) {
			ids = append(ids, it.gsid)
		}
	}
	return &nameFault{code: "ambiguous-",
		message: n.noun + " " + quote(text) + " is the name of " + strings.Join(ids, " and "),
		mend:    "write the Gsid that is meant, or map the value to it"}
}

// nearest is the active name nearest to text, "" if none is near.
func (n *names) nearest(text string) string {
	if near, ok := n.advices[text]; ok {
		return near
	}
	near := n.spell.nearest(text)
	if len(n.advices) < maxAdvices {
		n.advices[strings.Clone(text)] = near
	}
	return near
}
