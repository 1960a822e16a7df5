package pipeline

import (
	"context"
	"encoding/json"
	"iter"
	"strings"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/validate"
)

// FieldChange is what a plan does to one field. CTA and SP stand for the links
// that are added, CTA Remove and SP Remove for those that are taken off.
type FieldChange struct {
	Field string
	Old   string // "" for a create, for nothing, and where Read is false
	New   string // "" clears the field
	Read  bool   // Old is what the goal was found to have
}

// RowChange is what a plan does for one row.
type RowChange struct {
	Line   int
	Action string // create, update, delete
	Gsid   string // of an update
	Name   string // of the goal, as far as it is known
	Fields []FieldChange
	Kept   []string        // of an undo, fields that it cannot take back
	Fate   checkpoint.Fate // pending: it is to be sent
}

// Changes yields what the plan of a run does, in input order: the rows to be
// sent, and those with an operation that were decided by reading the tenant.
// Ids of statuses and goal types are told as their names.
func Changes(ctx context.Context, run *checkpoint.Run, lists *gainsight.Picklists) iter.Seq2[RowChange, error] {
	names := pickNames(lists)
	return func(yield func(RowChange, error) bool) {
		for c, err := range run.Changes(ctx) {
			row := RowChange{}
			if err == nil && c.Fate.Status == checkpoint.Unchanged {
				continue
			}
			if err == nil {
				row, err = rowChange(&c, names)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

func rowChange(c *checkpoint.Change, names map[string]string) (RowChange, error) {
	row := RowChange{Line: c.Line, Action: c.Action, Gsid: c.Gsid, Fate: c.Fate}
	p, err := parsePayload(c.Line, c.Item)
	if err != nil {
		return row, err
	}
	var before image
	if c.Before != nil {
		if err := json.Unmarshal([]byte(c.Before.Doc), &before); err != nil {
			return row, err
		}
	}
	row.Name = before.Name
	if row.Name == "" {
		row.Name = p.Record.name()
	}
	if c.Fate.Status == checkpoint.Skipped || c.Action == string(validate.Delete) {
		return row, nil
	}
	row.Kept = expectedOf(c).Kept
	create := c.Action == string(validate.Create)
	for _, m := range p.Record {
		if isGsidField(m.name) {
			continue
		}
		old, read := before.Fields[m.name]
		row.Fields = append(row.Fields, FieldChange{Field: m.name, Old: named(names, textOf(old)), New: named(names, textOf(m.raw)), Read: read || create})
	}
	known := c.Before != nil || create
	for _, l := range []struct {
		field string
		added []string
		taken []string
	}{
		{"CTA", p.Association.CTA, nil}, {"SP", p.Association.SP, nil},
		{"CTA Remove", nil, p.Dissociation.CTA}, {"SP Remove", nil, p.Dissociation.SP},
		{"associateGoalTypes", p.Add, nil}, {"associateGoalTypeNames", p.AddNames, nil},
		{"dissociateGoalTypes", nil, p.Off}, {"dissociateGoalTypeNames", nil, p.OffNames},
	} {
		if len(l.added)+len(l.taken) > 0 {
			row.Fields = append(row.Fields, FieldChange{Field: l.field, Old: namesOf(names, l.taken), New: namesOf(names, l.added), Read: known})
		}
	}
	return row, nil
}

// pickNames are the names of statuses and goal types by their ids.
func pickNames(lists *gainsight.Picklists) map[string]string {
	names := map[string]string{}
	if lists == nil {
		return names
	}
	for _, s := range lists.Statuses {
		names[s.Gsid] = s.Name
	}
	for _, t := range lists.GoalTypes {
		names[t.Gsid] = t.Name
	}
	return names
}

// namesOf are ids as their names, with ; between them.
func namesOf(names map[string]string, ids []string) string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = named(names, id)
	}
	return strings.Join(list, ";")
}

func named(names map[string]string, value string) string {
	if name, known := names[value]; known {
		return name
	}
	return value
}
