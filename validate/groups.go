package validate

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"gsbatch/readers"
)

// Groups collects problems and folds those that are alike. Its memory is
// bounded whatever the number of problems. The zero value is ready for use.
type Groups struct {
	groups   map[groupKey]*Group
	values   map[groupKey]int // distinct values by kind of problem
	errors   int
	warnings int
	dropped  int
}

// Group is problems that are alike: of one kind and column and, as long as
// there are few of them, of one value.
type Group struct {
	Problem                 // the first
	Count   int             // problems
	Places  []readers.Place // of the first ones
	Other   bool            // the values differ: they were too many to tell apart
}

// groupKey is what alike problems have in common. A kind of problem is a key
// without a text.
type groupKey struct {
	code, field, header string
	warning             bool
	text                string
}

// The bounds of Groups.
const (
	maxGroups = 1000
	maxValues = 25 // values that are told apart for one kind of problem and one column
	maxPlaces = 3
)

// Add takes in a problem.
func (g *Groups) Add(p Problem) {
	if g.groups == nil {
		g.groups, g.values = map[groupKey]*Group{}, map[groupKey]int{}
	}
	if p.Warning {
		g.warnings++
	} else {
		g.errors++
	}
	kind := groupKey{code: p.Code, field: p.Field, header: p.Header, warning: p.Warning}
	key := kind
	if key.text = p.Value; key.text == "" || p.Code == "duplicate" {
		key.text = p.Message
	}
	group := g.groups[key]
	if group == nil {
		group = g.open(kind, key, p)
	}
	if group == nil {
		g.dropped++
		return
	}
	group.Count++
	if len(group.Places) < maxPlaces {
		group.Places = append(group.Places, p.Place)
	}
}

// open begins a group, or finds the one for all other values of its kind; nil
// when there is no room.
func (g *Groups) open(kind, key groupKey, p Problem) *Group {
	other := g.values[kind] >= maxValues
	if other {
		key = kind
		if group := g.groups[key]; group != nil {
			return group
		}
	}
	if len(g.groups) >= maxGroups {
		return nil
	}
	g.values[kind]++
	group := &Group{Problem: p, Other: other}
	g.groups[key] = group
	return group
}

// Errors is the number of problems that are no warnings.
func (g *Groups) Errors() int { return g.errors }

// Warnings is the number of warnings.
func (g *Groups) Warnings() int { return g.warnings }

// Dropped is the number of problems for which no group was left; they are
// counted by Errors and Warnings.
func (g *Groups) Dropped() int { return g.dropped }

// All returns the groups by the place of their first problem.
func (g *Groups) All() []Group {
	list := make([]Group, 0, len(g.groups))
	for _, group := range g.groups {
		list = append(list, *group)
	}
	slices.SortFunc(list, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	return list
}

// Text is the group in one line: the place of its first problem, what is wrong
// and, where there are several, how many and where.
func (g *Group) Text() string {
	text := g.Message
	if place := g.Place.String(); place != "" {
		text = place + ": " + text
	}
	if g.Count == 1 {
		return text
	}
	text += " (" + strconv.Itoa(g.Count) + " rows"
	if g.Other {
		text += " with this and other values"
	}
	var short []string
	for _, p := range g.Places {
		short = append(short, shortPlace(p))
	}
	text += ": " + strings.Join(short, ", ")
	if g.Count > len(g.Places) {
		text += " …"
	}
	return text + ")"
}

// shortPlace is a place within its file: C42, row 42 or line 42.
func shortPlace(p readers.Place) string {
	switch {
	case p.Cell != "" && digits(p.Cell):
		return "row " + p.Cell
	case p.Cell != "":
		return p.Cell
	}
	return "line " + strconv.Itoa(p.Line)
}

// ValueMaps is a piece of a mapping file that maps the wrong names of all
// groups to the nearest valid ones, or to ? where none is near; "" if no group
// has a wrong name.
func (g *Groups) ValueMaps() string {
	type column struct{ header, field string }
	maps := map[column][]string{}
	var order []column
	for _, group := range g.All() {
		if !strings.HasPrefix(group.Code, "unknown-") || group.Header == "" || group.Value == "" || group.Line == 0 || strings.HasSuffix(group.Value, "…") {
			continue
		}
		c := column{group.Header, group.Field}
		if maps[c] == nil {
			order = append(order, c)
		}
		maps[c] = append(maps[c], "      "+yamlQuote(group.Value)+": "+yamlQuote(cmp.Or(group.Closest, Unsure)))
	}
	if len(order) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("version: 1\ncolumns:\n")
	for _, c := range order {
		b.WriteString("  " + yamlQuote(c.header) + ":\n    field: " + c.field + "\n    values:\n" + strings.Join(maps[c], "\n") + "\n")
	}
	return b.String()
}
