package validate

import "slices"

// kind decides how the text of a cell becomes the value of a field.
type kind uint8

const (
	textKind          kind = iota // one line of text, sent as it stands
	richKind                      // text or HTML
	gsidKind                      // the record's own Gsid
	statusKind                    // status by name or Gsid
	goalTypeKind                  // goal type by name or Gsid
	entityKind                    // COMPANY, RELATIONSHIP, OPPORTUNITY, GLOBAL
	parentKind                    // a record of another object by name or Gsid
	referenceKind                 // one Gsid
	listKind                      // several Gsids
	dateKind                      // YYYY-MM-DD
	daysKind                      // a whole number of days
	unitKind                      // DECIMAL, PERCENTAGE, CURRENCY
	metricsKind                   // metrics by name or Gsid, without values
	removeMetricsKind             // the same, to be taken off
	typesKind                     // goal types by name or Gsid, beside the record
	associateKind                 // Gsids to associate, beside the record
	dissociateKind                // Gsids to dissociate, beside the record
	customKind                    // a custom field, sent by the kind of its cell or as its mapping declares
	modifiedKind                  // ModifiedDate, kept to notice stale rows
	readOnlyKind                  // delivered by an export, never written
)

// schema is one object of the API: its fields in the order they are sent.
// Rules that look at several fields follow from the kinds of its fields.
type schema struct {
	object string // goals, templates, metrics
	noun   string // what messages call one record
	gsid   string // API name of the record's own id
	name   string // API name of its name
	prefix string // first characters of its Gsid
	custom bool   // it may have fields …__gc
	placed bool   // a record belongs to an entity and a parent, which its natural key has
	fields []field
}

// field is one thing a row may say about a record.
type field struct {
	id       string   // API name of the key that is sent
	name     string   // API name of the key that carries a name instead of an id, "" if there is none
	headers  []string // plain words beside the API names; the first is the name of the field in messages
	kind     kind
	object   string // parentKind: what it is a record of; associateKind, dissociateKind: CTA or SP
	prefix   string // first characters of its Gsids, "" unknown
	limit    int    // characters above which a warning is given, 0 none
	required bool   // to create, wherever it fits
	fixed    bool   // it places the record: an update compares it and does not send it
	keeps    bool   // it cannot be cleared
	typ      string // for people: text, date …
	create   string // for people: what it is for a create
	update   string // for people: what it is for an update
	about    string // for people
}

// label is what messages call the field.
func (f *field) label() string {
	if len(f.headers) > 0 {
		return f.headers[0]
	}
	return f.id
}

// nameLimit and richLimit are soft: the specification gives no lengths, so
// longer texts are warned of and sent.
const (
	nameLimit = 255
	richLimit = 30000
)

// goals is the schema of customer goals, from "Create Customer Goals", "Goal
// Create API" and "Goal Update API" of the specification.
func goals() *schema {
	return &schema{object: "goals", noun: "goal", gsid: "Gsid", name: "Name", prefix: "1CG0", custom: true, placed: true, fields: append([]field{
		{id: "Gsid", kind: gsidKind, prefix: "1CG0", typ: "Gsid", create: "must be blank", update: "required",
			headers: []string{"Gsid", "Goal Gsid", "Goal Id"},
			about:   "The goal's id. A row that has one updates that goal; a row without one creates a goal."},
		{id: "Name", kind: textKind, limit: nameLimit, required: true, keeps: true, typ: "text", create: "required", update: "blank keeps",
			headers: []string{"Name", "Goal Name", "Goal"},
			about:   "The goal's name. It cannot be cleared."},
		{id: "StatusId", name: "StatusName", kind: statusKind, prefix: "1I00", required: true, keeps: true, typ: "status", create: "required without a template", update: "blank keeps",
			headers: []string{"Status", "Goal Status"},
			about:   "A status of the tenant by name or Gsid; sent as its Gsid."},
		{id: "GoalTypeId", name: "GoalTypeName", kind: goalTypeKind, prefix: "1I00", keeps: true, typ: "goal type", create: "optional", update: "blank keeps",
			headers: []string{"Goal Type", "Type"},
			about:   "A goal type of the tenant by name or Gsid; sent as its Gsid."},
		{id: "EntityType", kind: entityKind, required: true, fixed: true, keeps: true, typ: "word", create: "required", update: "compared",
			headers: []string{"Entity Type", "Entity"},
			about:   "COMPANY, RELATIONSHIP, OPPORTUNITY or GLOBAL: what the goal belongs to."},
		{id: "CompanyId", name: "CompanyName", kind: parentKind, object: "company", prefix: "1P02", fixed: true, keeps: true, typ: "company", create: "required for COMPANY", update: "compared",
			headers: []string{"Company"},
			about:   "The company by name or Gsid. A name is resolved by --id-map, or by the server."},
		{id: "RelationshipId", name: "RelationshipName", kind: parentKind, object: "relationship", fixed: true, keeps: true, typ: "relationship", create: "required for RELATIONSHIP", update: "compared",
			headers: []string{"Relationship"},
			about:   "The relationship by name or Gsid."},
		{id: "RelationshipTypeId", kind: referenceKind, fixed: true, keeps: true, typ: "Gsid", create: "required for RELATIONSHIP", update: "compared",
			headers: []string{"Relationship Type Id", "Relationship Type"},
			about:   "The Gsid of the relationship's type."},
		{id: "OpportunityId", name: "OpportunityName", kind: parentKind, object: "opportunity", fixed: true, keeps: true, typ: "opportunity", create: "required for OPPORTUNITY", update: "compared",
			headers: []string{"Opportunity"},
			about:   "The opportunity by name or Gsid."},
		{id: "TemplateId", kind: referenceKind, prefix: "1CG0", fixed: true, keeps: true, typ: "Gsid", create: "optional", update: "not sent",
			headers: []string{"Template", "Template Id", "Goal Template"},
			about:   "The template the goal is made from; with it no status is required."},
		{id: "DueDate", kind: dateKind, typ: "date", create: "optional", update: "blank keeps",
			headers: []string{"Due Date", "Due"},
			about:   "The day the goal is due; sent as YYYY-MM-DD."},
		descriptionField("Description", "Goal Description"),
		workField(),
		{id: "CTA", kind: associateKind, object: "CTA", prefix: "1S01", keeps: true, typ: "Gsids", create: "optional", update: "adds",
			headers: []string{"CTA", "CTAs", "Calls to Action", "Associated CTAs"},
			about:   "Gsids of calls to action to associate, with ; between them."},
		{id: "CTA Remove", kind: dissociateKind, object: "CTA", prefix: "1S01", keeps: true, typ: "Gsids", create: "must be blank", update: "removes",
			headers: []string{"CTA Remove", "Remove CTA", "CTAs Remove"},
			about:   "Gsids of calls to action whose association is to be removed."},
		{id: "SP", kind: associateKind, object: "SP", prefix: "1S02", keeps: true, typ: "Gsids", create: "optional", update: "adds",
			headers: []string{"SP", "SPs", "Success Plan", "Success Plans", "Associated SPs"},
			about:   "Gsids of success plans to associate, with ; between them."},
		{id: "SP Remove", kind: dissociateKind, object: "SP", prefix: "1S02", keeps: true, typ: "Gsids", create: "must be blank", update: "removes",
			headers: []string{"SP Remove", "Remove SP", "SPs Remove"},
			about:   "Gsids of success plans whose association is to be removed."},
		modifiedField("goal"),
	}, written()...)}
}

// written are the fields that the server writes and an export has.
func written() []field {
	return []field{
		{id: "CreatedDate", kind: readOnlyKind, headers: []string{"Created Date"}},
		{id: "CreatedById", kind: readOnlyKind, headers: []string{"Created By", "Created By Name"}},
		{id: "ModifiedById", kind: readOnlyKind, headers: []string{"Modified By", "Modified By Name"}},
		{id: "GoalCategory", kind: readOnlyKind, headers: []string{"Goal Category"}},
		{id: "CurrencyIsoCode", kind: readOnlyKind, headers: []string{"Currency Iso Code"}},
	}
}

// Field describes a field for people.
type Field struct {
	Name    string   // API name
	Headers []string // headers that are understood beside it, in any case, with or without blanks, _ and -
	Type    string   // text, date, Gsid …
	Create  string   // what it is for a create: required, optional …
	Update  string   // what it is for an update: blank keeps, compared …
	About   string   // one sentence
}

// Fields lists the fields of an object (goals, templates, metrics), for help
// and documentation; nil for an object that is not known.
func Fields(object string) []Field {
	if !slices.Contains(Objects(), object) {
		return nil
	}
	s := schemaOf(object)
	var list []Field
	for i := range s.fields {
		list = append(list, s.fields[i].describe())
	}
	if s.custom {
		list = append(list, customField())
	}
	if s.placed {
		list = append(list, metricFields()...)
	}
	return list
}

// customField describes the custom fields together.
func customField() Field {
	return Field{Name: "…__gc", Type: "text, number, bool or date", Create: "optional", Update: "blank keeps",
		About: "Any custom field by its API name. Text goes as a string, a number cell as a number, a boolean cell as true or false, a date cell as YYYY-MM-DD; a mapping may declare the type."}
}

// metricFields describe the columns metric.NAME.… of goals.
func metricFields() []Field {
	return []Field{
		{Name: "metric.NAME.baseValue", Headers: []string{"metric.NAME.targetValue", "metric.NAME.actualValue"}, Type: "number", Create: "optional", Update: "blank keeps",
			About: "A value of the metric of that name or Gsid. An actual value needs its timestamp."},
		{Name: "metric.NAME.timestamp", Type: "date", Create: "with an actual value", Update: "with an actual value",
			About: "The day of the metric's actual value."},
		{Name: "metric.NAME.remove", Type: "yes or no", Create: "must be blank or no", Update: "removes",
			About: "Yes takes the metric off the goal."},
	}
}

// describe is the field as Fields tells it.
func (f *field) describe() Field {
	d := Field{Name: f.id, Type: f.typ, Create: f.create, Update: f.update, About: f.about}
	if f.kind == readOnlyKind {
		d.Type, d.Create, d.Update = "any", "ignored", "ignored"
		d.About = "Written by the server; a column of an export that import leaves alone."
	}
	if f.name != "" {
		d.Headers = append(d.Headers, f.name)
	}
	for _, h := range f.headers {
		if h != f.id {
			d.Headers = append(d.Headers, h)
		}
	}
	return d
}
