package validate

// Objects are the words of --object.
func Objects() []string { return []string{"goals", "templates", "metrics"} }

// schemaOf returns the schema of an object; that of goals for "".
func schemaOf(object string) *schema {
	switch object {
	case "templates":
		return templates()
	case "metrics":
		return metrics()
	}
	return goals()
}

// Noun is what messages call one record of an object.
func Noun(object string) string { return schemaOf(object).noun }

// templates is the schema of goal templates, from "Template Create API",
// "Template Update API" and "Template Fetch API" of the specification.
func templates() *schema {
	return &schema{object: "templates", noun: "template", gsid: "Gsid", name: "Name", prefix: "1CG0", custom: true, fields: append([]field{
		{id: "Gsid", kind: gsidKind, prefix: "1CG0", typ: "Gsid", create: "must be blank", update: "required",
			headers: []string{"Gsid", "Template Gsid", "Template Id"},
			about:   "The template's id. A row that has one updates that template; a row without one creates a template."},
		{id: "Name", kind: textKind, limit: nameLimit, required: true, keeps: true, typ: "text", create: "required", update: "blank keeps",
			headers: []string{"Name", "Template Name", "Template", "Goal Template"},
			about:   "The template's name. It cannot be cleared."},
		{id: "StatusId", name: "StatusName", kind: statusKind, prefix: "1I00", keeps: true, typ: "status", create: "optional", update: "blank keeps",
			headers: []string{"Status"},
			about:   "A status of the tenant by name or Gsid; sent as its Gsid."},
		{id: "GoalTypeId", name: "GoalTypeName", kind: goalTypeKind, prefix: "1I00", keeps: true, typ: "goal type", create: "optional", update: "blank keeps",
			headers: []string{"Goal Type", "Type"},
			about:   "A goal type of the tenant by name or Gsid; sent as its Gsid."},
		{id: "DueDate", kind: daysKind, typ: "days", create: "optional", update: "blank keeps",
			headers: []string{"Due Date", "Due", "Due Days", "Due In Days"},
			about:   "After how many days a goal made from the template is due: a whole number."},
		descriptionField("Description", "Template Description"),
		workField(),
		{id: "metricsAssociation", kind: metricsKind, prefix: "1I00", keeps: true, typ: "metrics", create: "optional", update: "adds",
			headers: []string{"Metrics", "Metric", "Metrics Association"},
			about:   "Metrics to associate, by name or Gsid, with ; between them."},
		{id: "metricsDissociation", kind: removeMetricsKind, prefix: "1I00", keeps: true, typ: "metrics", create: "must be blank", update: "removes",
			headers: []string{"Metrics Remove", "Remove Metrics", "Metrics Dissociation"},
			about:   "Metrics to take off the template, by name or Gsid, with ; between them."},
		modifiedField("template"),
	}, written()...)}
}

// metrics is the schema of metrics, from "Metric Create API" and "Metric Update
// API" of the specification. What the server adds stands in the answers there.
func metrics() *schema {
	return &schema{object: "metrics", noun: "metric", gsid: "gsid", name: "name", prefix: "1I00", fields: []field{
		{id: "gsid", kind: gsidKind, prefix: "1I00", typ: "Gsid", create: "must be blank", update: "required",
			headers: []string{"Gsid", "Metric Gsid", "Metric Id"},
			about:   "The metric's id. A row that has one updates that metric; a row without one creates a metric."},
		{id: "name", kind: textKind, limit: nameLimit, required: true, keeps: true, typ: "text", create: "required", update: "blank keeps",
			headers: []string{"Name", "Metric Name", "Metric"},
			about:   "The metric's name. It cannot be cleared."},
		{id: "unitOfMeasure", kind: unitKind, required: true, keeps: true, typ: "word", create: "required", update: "blank keeps",
			headers: []string{"Unit Of Measure", "Unit"},
			about:   "DECIMAL, PERCENTAGE or CURRENCY."},
		descriptionField("description", "Metric Description"),
		{id: "associateGoalTypes", name: "associateGoalTypeNames", kind: typesKind, prefix: "1I00", keeps: true, typ: "goal types", create: "optional", update: "adds",
			headers: []string{"Goal Types", "Goal Type", "Associate Goal Types"},
			about:   "Goal types to associate, by name or Gsid, with ; between them; sent as Gsids."},
		{id: "dissociateGoalTypes", name: "dissociateGoalTypeNames", kind: typesKind, prefix: "1I00", keeps: true, typ: "goal types", create: "must be blank", update: "removes",
			headers: []string{"Goal Types Remove", "Remove Goal Types", "Goal Type Remove"},
			about:   "Goal types to take the metric off, by name or Gsid, with ; between them; sent as Gsids."},
		modifiedField("metric", "modifiedAt"),
		{id: "CreatedDate", kind: readOnlyKind, headers: []string{"Created Date", "createdAt"}},
		{id: "CreatedById", kind: readOnlyKind, headers: []string{"Created By", "createdBy"}},
		{id: "ModifiedById", kind: readOnlyKind, headers: []string{"Modified By", "modifiedBy"}},
		{id: "active", kind: readOnlyKind, headers: []string{"Active"}},
		{id: "deleted", kind: readOnlyKind},
		{id: "displayOrder", kind: readOnlyKind, headers: []string{"Display Order"}},
		{id: "externalId", kind: readOnlyKind, headers: []string{"External Id"}},
		{id: "systemDefined", kind: readOnlyKind, headers: []string{"System Defined"}},
	}}
}

func descriptionField(id, header string) field {
	return field{id: id, kind: richKind, limit: richLimit, typ: "text or HTML", create: "optional", update: "blank keeps",
		headers: []string{"Description", header},
		about:   "Text or HTML. Scripts are warned of and never removed."}
}

func workField() field {
	return field{id: "AssociatedWork", kind: listKind, typ: "Gsids", create: "optional", update: "blank keeps",
		headers: []string{"Associated Work"},
		about:   "Gsids of work linked to the goal type, with ; between them."}
}

// modifiedField is when a record was last modified, as an export gives it.
func modifiedField(noun string, more ...string) field {
	return field{id: "ModifiedDate", kind: modifiedKind, typ: "time", create: "ignored", update: "notices stale rows",
		headers: append([]string{"Modified Date"}, more...),
		about:   "When the " + noun + " was last modified, as an export gives it: epoch milliseconds or a date with a time."}
}

// deletion is the schema by which records are deleted: their Gsids count, all
// else of a file is left alone.
func (s *schema) deletion() *schema {
	d := *s
	d.custom, d.placed = false, false
	d.fields = nil
	for _, f := range s.fields {
		if f.kind != gsidKind {
			f = field{id: f.id, name: f.name, headers: f.headers, kind: readOnlyKind}
		}
		d.fields = append(d.fields, f)
	}
	return &d
}

// Units are the words of a metric's unit of measure.
func Units() []string { return units() }

// units are the words of unitOfMeasure.
func units() []string { return []string{"DECIMAL", "PERCENTAGE", "CURRENCY"} }
