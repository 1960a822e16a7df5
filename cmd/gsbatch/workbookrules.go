package main

import (
	"fmt"
	"slices"
	"strings"

	"gsbatch/gainsight"
	"gsbatch/validate"
	"gsbatch/writers"
)

// book is what makes of the table of an object a workbook to be filled in.
func (j *exportJob) book(purpose string) *writers.Book {
	b := &writers.Book{Rules: map[string]writers.Rule{}, ReadMe: readMe(j.object, purpose, j.tenant.name), Origin: writers.Origin{
		Tenant: j.tenant.name, Object: j.object, Purpose: purpose, Picklists: j.picklists.Hash(), Created: j.began,
	}}
	for _, f := range validate.Fields(j.object) {
		for _, name := range append([]string{f.Name}, f.Headers...) {
			b.Rules[name] = promptOf(f, name, purpose)
		}
	}
	labels := validate.NewLabels(j.picklists)
	j.typeRule(b, labels)
	j.statusRule(b, labels)
	offer(b, "unitOfMeasure", validate.Units())
	if j.object != gainsight.GoalObject {
		return b
	}
	offer(b, "EntityType", validate.EntityTypes())
	for _, object := range []string{"Company", "Relationship", "Opportunity"} {
		var names []string
		for _, named := range j.ids.Listed(object) {
			names = append(names, named[0])
			b.Origin.IDs = append(b.Origin.IDs, [3]string{object, named[0], named[1]})
		}
		offer(b, object+"Name", names)
	}
	return b
}

// promptOf is what a column is for; what nobody but the server writes is locked.
func promptOf(f validate.Field, column, purpose string) writers.Rule {
	r := writers.Rule{Title: column}
	use := f.Create
	if purpose == "update" {
		use = f.Update
		r.Locked = strings.EqualFold(f.Name, "Gsid") || f.Name == "ModifiedDate" || f.Update == "ignored"
	}
	r.Prompt = f.About
	if r.Prompt != "" && use != "" {
		r.Prompt = fmt.Sprintf("%s To %s: %s.", f.About, purpose, use)
	}
	return r
}

func offer(b *writers.Book, column string, items []string) {
	r := b.Rules[column]
	r.Items = items
	b.Rules[column] = r
}

func (j *exportJob) typeRule(b *writers.Book, labels *validate.Labels) {
	var items []string
	for _, t := range j.picklists.GoalTypes {
		b.Origin.IDs = append(b.Origin.IDs, [3]string{"GoalTypeName", labels.GoalType(t.Gsid), t.Gsid})
		if t.Active {
			items = append(items, labels.GoalType(t.Gsid))
		}
	}
	offer(b, "GoalTypeName", items)
}

// statusRule offers the active statuses, for a goal type those linked to it.
func (j *exportJob) statusRule(b *writers.Book, labels *validate.Labels) {
	r := b.Rules["StatusName"]
	r.Items, r.By = statusItems(j.picklists, labels, func(string) bool { return true }), "GoalTypeName"
	for _, t := range j.picklists.GoalTypes {
		if t.Linked {
			linked := statusItems(j.picklists, labels, func(gsid string) bool { return slices.Contains(t.StatusIDs, gsid) })
			r.Cases = append(r.Cases, writers.Case{Value: labels.GoalType(t.Gsid), Items: linked})
		}
	}
	b.Rules["StatusName"] = r
	for _, s := range j.picklists.Statuses {
		b.Origin.IDs = append(b.Origin.IDs, [3]string{"StatusName", labels.Status(s.Gsid), s.Gsid})
	}
}

func statusItems(p *gainsight.Picklists, labels *validate.Labels, fits func(gsid string) bool) (items []string) {
	for _, s := range p.Statuses {
		if s.Active && fits(s.Gsid) {
			items = append(items, labels.Status(s.Gsid))
		}
	}
	return items
}

// createColumns are those that a record to be created may fill: names, where a
// field has an id and a name.
func createColumns(object string) []writers.Column {
	widths := map[string]int{"Name": 40, "name": 40, "CompanyName": 30, "Description": 60, "description": 60, "Metrics": 40, "associateGoalTypeNames": 40}
	var columns []writers.Column
	for _, f := range validate.Fields(object) {
		if f.Create == "must be blank" || f.Create == "ignored" || strings.ContainsAny(f.Name, "…. ") {
			continue
		}
		c := writers.Column{Name: f.Name}
		if id, ok := strings.CutSuffix(f.Name, "Id"); ok && len(f.Headers) > 0 && f.Headers[0] == id+"Name" {
			c.Name = f.Headers[0]
		}
		switch f.Name {
		case "metricsAssociation", "associateGoalTypes":
			c.Name = f.Headers[0]
		}
		if f.Type == "date" {
			c.Kind = writers.Date
		}
		c.Width = widths[c.Name]
		columns = append(columns, c)
	}
	return columns
}

// readMe are the lines of the sheet of instructions.
func readMe(object, purpose, tenant string) []string {
	noun := validate.Noun(object)
	lines := []string{
		"How to fill in this workbook", "",
		"It was made by gsbatch for the tenant " + tenant + ". Another tenant has other ids, so that import refuses it there.", "",
		"One row of the sheet " + titled(object) + " is one " + noun + ". Leave its header as it is; columns may be moved or removed.",
	}
	switch {
	case purpose == "update":
		lines = append(lines,
			"Each row with a Gsid is a "+noun+" of the tenant: what you change is updated, rows without a change cost no call. A blank cell keeps what the "+noun+" has.",
			"A row that you add below creates a "+noun+". What rows you remove stand for is left alone in the tenant.",
			"Gsid and what the server writes are locked. The protection has no password: take it off to sort or to remove rows.")
	case object == gainsight.GoalObject:
		lines = append(lines, "Name, StatusName and EntityType are needed, and the company, relationship or opportunity that EntityType says.")
	case object == gainsight.TemplateObject:
		lines = append(lines, "Name is needed. DueDate is a number of days. Several metrics in one cell have a ; between them.")
	default:
		lines = append(lines, "name and unitOfMeasure are needed. Several goal types in one cell have a ; between them.")
	}
	if object != gainsight.MetricObject {
		lines = append(lines, "Choose GoalTypeName before StatusName: the statuses offered may depend on it.")
	}
	return append(lines,
		"Pasting passes by the drop-downs. Paste values only, and check them: gsbatch validate FILE", "",
		"Then: gsbatch import FILE"+ofObject(object))
}

// titled is the name of the sheet of an object.
func titled(object string) string { return strings.ToUpper(object[:1]) + object[1:] }

// ofObject are the words of a command that say what the rows are.
func ofObject(object string) string {
	if object == gainsight.GoalObject {
		return ""
	}
	return " --object " + object
}
