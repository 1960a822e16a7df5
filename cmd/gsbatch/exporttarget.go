package main

import (
	"slices"
	"strings"
	"time"

	"gsbatch/pipeline"
	"gsbatch/validate"
	"gsbatch/writers"
)

// exportObjects are what can be exported.
func exportObjects() []string { return []string{"goals", "templates", "metrics", "picklists"} }

// beside are the flags that say nothing about an object.
func beside(object string) []string {
	switch object {
	case "goals":
		return nil
	case "templates":
		return []string{"id-map"}
	}
	list := []string{"select", "where", "since", "sort", "page-size", "id-map", "again"}
	if object == "picklists" {
		list = append(list, "ids")
	}
	return list
}

// whyBeside is why a flag says nothing about an object, where that is not plain.
func whyBeside(object, flag string) string {
	switch {
	case object == "templates":
		return ", which belong to no company, relationship or opportunity"
	case object == "metrics" && flag != "id-map":
		return ": no call of the API fetches them, they come whole with the picklists"
	}
	return ""
}

// target says where the export goes, and refuses what makes no sense.
func (x *exportFlags) target(app *App, object string) (t pipeline.Target, err error) {
	switch {
	case !slices.Contains(exportObjects(), object):
		return t, usagef("export "+strings.Join(exportObjects(), ", "), "%q is no object that can be exported", object)
	case x.output == "":
		return t, usagef("name a file with -o, or - for standard output", "export: no file to write to")
	case x.split < 0 || x.pageSize < 0:
		return t, usagef("give a number from 1, or leave it out", "--split-rows and --page-size count from 1")
	}
	for _, name := range beside(object) {
		if app.settings.rank(name) == fromFlag {
			return t, usagef("leave it out", "--%s says nothing about %s%s", name, object, whyBeside(object, name))
		}
	}
	t = pipeline.Target{Path: strings.ReplaceAll(x.output, "{date}", app.now().Format(time.DateOnly)),
		Split: x.split, Raw: x.raw, Format: writers.Format(x.format), Sheet: strings.ToUpper(object[:1]) + object[1:], SkipEmpty: x.ifEmpty != "ok"}
	if x.output == "-" {
		return t, x.stream(app, &t)
	}
	format, gz, err := writers.FormatOf(t.Path)
	switch {
	case t.Format == "" && err != nil:
		return t, usagef("", "%w", err)
	case t.Format == "":
		t.Format = format
	case err == nil && format != t.Format:
		return t, usagef("keep one", "--format %s and the name %s say different things", x.format, oneLine(t.Path))
	}
	t.Gzip = gz
	return t, nil
}

// stream makes t standard output.
func (x *exportFlags) stream(app *App, t *pipeline.Target) error {
	if t.Format == "" {
		t.Format = writers.CSV
	}
	switch {
	case app.general.json:
		return usagef("give -o FILE, or leave --json out", "--json and -o - both want standard output")
	case x.split > 0:
		return usagef("give -o FILE", "standard output cannot be split")
	case t.Format == writers.XLSX && app.outTTY:
		return usagef("give -o FILE.xlsx", "a workbook is nothing for a terminal")
	}
	t.Stream = app.stdout
	return nil
}

// usualFields are those of a goal or template that any tenant has; for templates
// those that the specification shows.
func usualFields(object string) []string {
	if object == "templates" {
		return []string{"Gsid", "Name", "StatusId", "GoalTypeId", "DueDate", "Description", "CurrencyIsoCode", "CreatedDate", "ModifiedDate", "ModifiedById"}
	}
	return []string{"Gsid", "Name", "StatusId", "GoalTypeId", "EntityType", "CompanyId", "RelationshipId", "OpportunityId",
		"DueDate", "Description", "CreatedDate", "ModifiedDate", "CreatedById", "ModifiedById"}
}

// chooseFields reads --select. What a settings file adds was configured for
// all exports, not asked for by name in this one.
func (j *exportJob) chooseFields() error {
	j.fields, j.links = usualFields(j.object), j.object == "goals"
	var whole, added []string
	for name := range strings.SplitSeq(j.flags.selected, ",") {
		name, more := strings.CutPrefix(strings.TrimSpace(name), "+")
		switch {
		case name == "", j.foreign(name):
		case more:
			added = append(added, name)
		default:
			whole = append(whole, name)
		}
	}
	page := map[string]string{"goals": "fields", "templates": "export"}[j.object] // of help
	whole, err := validate.ResolveSelect(j.object, whole)
	if err != nil {
		return usagef("see gsbatch help "+page, "--select: %w", err)
	}
	if added, err = validate.ResolveSelect(j.object, added); err != nil {
		return usagef("see gsbatch help "+page, "--select: %w", err)
	}
	if j.app.settings.rank("select") == fromFlag {
		j.asked = slices.Concat(whole, added)
	}
	if len(whole) > 0 {
		j.fields, j.links = whole, slices.Contains(whole, "CTA") || slices.Contains(whole, "SP")
	}
	for _, name := range added {
		if !slices.Contains(j.fields, name) {
			j.fields = append(j.fields, name)
		}
	}
	j.fields = slices.DeleteFunc(j.fields, func(name string) bool { return name == "CTA" || name == "SP" })
	if !slices.Contains(j.fields, "Gsid") {
		j.fields = append([]string{"Gsid"}, j.fields...)
	}
	return nil
}

// foreign reports whether a field that the settings select for all exports is
// one of goals alone, and this is an export of templates; it says so.
func (j *exportJob) foreign(name string) bool {
	if j.object == "goals" || j.app.settings.rank("select") == fromFlag {
		return false
	}
	_, ofGoals := validate.ResolveSelect("goals", []string{name})
	_, ofThese := validate.ResolveSelect(j.object, []string{name})
	if ofGoals != nil || ofThese == nil {
		return false
	}
	j.app.tell("warning: %s have no field %s: it is left out\n", j.object, oneLine(name))
	return true
}
