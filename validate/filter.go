package validate

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gsbatch/gainsight"
)

// Terms gives the parts of a filter in the words of the API: fields by any of
// their names, statuses, goal types and known parents by name turned into ids.
type Terms struct {
	schema   *schema
	text     string // of the filter, for errors
	statuses *names
	types    *names
	ids      *IDMap
}

// NewTerms returns the Terms of an object, goals or templates, for the filter
// text. Without picklists, statuses and goal types are taken as they are written.
func NewTerms(object, text string, picklists *gainsight.Picklists, ids *IDMap) *Terms {
	return &Terms{schema: schemaOf(object), text: text, statuses: statusNames(picklists), types: goalTypeNames(picklists), ids: ids}
}

// Condition turns a term into a condition. An error is a *gainsight.WhereError.
func (c *Terms) Condition(t gainsight.Term) (gainsight.Condition, error) {
	ref, err := c.field(t.Field)
	if err != nil {
		return gainsight.Condition{}, err
	}
	if ref.metric != "" || ref.field != nil && slices.Contains([]kind{associateKind, dissociateKind, listKind}, ref.field.kind) {
		return gainsight.Condition{}, c.fail(t.Field.At, c.schema.object+" cannot be filtered by "+ref.String(), "")
	}
	cond := gainsight.Condition{Field: t.Field.Text, Operator: t.Operator}
	value := plainValue
	switch {
	case ref.custom:
		cond.Field = ref.name
	case ref.field != nil:
		cond.Field = ref.field.id
		value = func(o gainsight.Operand) (gainsight.Value, error) { return c.value(ref, t.Operator, o) }
	}
	for _, o := range t.Values {
		v, err := value(o)
		if err != nil {
			return cond, err
		}
		cond.Values = append(cond.Values, v)
	}
	return cond, nil
}

func (c *Terms) fail(at int, why, mend string) error {
	return &gainsight.WhereError{Text: c.text, At: at, Why: why, Mend: mend}
}

// field finds the field that a name means. Fields that this program does not
// know are the server's to know, unless the name is nearly that of a known one.
func (c *Terms) field(name gainsight.Operand) (fieldRef, error) {
	ref := resolveField(c.schema, name.Text)
	if ref.known() {
		return ref, nil
	}
	if other := resolveField(goals(), name.Text); other.known() {
		return ref, c.fail(name.At, c.schema.object+" have no "+other.String()+" that can be read", "only goals have one")
	}
	if near := newSpeller(fieldNames(c.schema)).nearest(name.Text); near != "" {
		return ref, c.fail(name.At, "there is no field "+quote(name.Text), "did you mean "+near+"?")
	}
	if !apiName(name.Text) {
		return ref, c.fail(name.At, quote(name.Text)+" is no field", "write its API name; see gsbatch help fields")
	}
	return ref, nil
}

// apiName reports whether text has the form of a field's API name.
func apiName(text string) bool {
	return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`).MatchString(text)
}

// plainValue is a value of a field that is not known here: a number or a truth
// value if it looks like one and is not quoted, else a text.
func plainValue(o gainsight.Operand) (gainsight.Value, error) {
	switch {
	case o.Quoted:
	case gainsight.IsNumber(o.Text):
		return gainsight.Number(o.Text), nil
	case strings.EqualFold(o.Text, "true"), strings.EqualFold(o.Text, "false"):
		return gainsight.Bool(strings.EqualFold(o.Text, "true")), nil
	}
	return gainsight.String(o.Text), nil
}

// value is a value of a field of the schema.
func (c *Terms) value(ref fieldRef, operator string, o gainsight.Operand) (gainsight.Value, error) {
	text := o.Text
	var err error
	switch f := ref.field; f.kind {
	case statusKind:
		text, err = c.pick(c.statuses, operator, o)
	case goalTypeKind:
		text, err = c.pick(c.types, operator, o)
	case entityKind:
		if text = entityOf(o.Text); text == "" && exact(operator) {
			return gainsight.Value{}, c.fail(o.At, "EntityType "+quote(o.Text)+" is none of COMPANY, RELATIONSHIP, OPPORTUNITY, GLOBAL", "")
		}
		if text == "" {
			text = o.Text
		}
	case parentKind:
		text, err = c.parent(ref, operator, o)
	case dateKind:
		if _, ok := isoDate(o.Text); !ok && ordered(operator) {
			err = c.fail(o.At, quote(o.Text)+" is no date", "write it as YYYY-MM-DD")
		}
	case daysKind:
		switch _, err := strconv.ParseInt(trim(o.Text), 10, 64); {
		case err == nil && ordered(operator):
			return gainsight.Number(trim(o.Text)), nil
		case ordered(operator):
			return gainsight.Value{}, c.fail(o.At, quote(o.Text)+" is no number of days", "a template's "+f.id+" is a whole number of days, as 30")
		}
	case modifiedKind, readOnlyKind:
		if _, ok := epochMillis(o.Text); !ok && ordered(operator) && strings.HasSuffix(f.id, "Date") {
			err = c.fail(o.At, quote(o.Text)+" is no time", "write 2026-01-31 or 2026-01-31T08:00:00Z")
		}
	}
	return gainsight.String(text), err
}

// exact reports whether an operator compares whole values.
func exact(operator string) bool {
	return slices.Contains([]string{"EQ", "NE", "IN", "INCLUDES", "EXCLUDES"}, operator)
}

// ordered reports whether an operator wants a value of the field's own kind.
func ordered(operator string) bool {
	return exact(operator) || slices.Contains([]string{"GT", "GTE", "LT", "LTE", "BTW"}, operator)
}

// pick is the Gsid of a status or goal type that is given by name or Gsid.
func (c *Terms) pick(n *names, operator string, o gainsight.Operand) (string, error) {
	if n == nil || isGsid(trim(o.Text)) {
		return trim(o.Text), nil
	}
	if !exact(operator) {
		return "", c.fail(o.At, "a "+n.noun+" is compared whole, by EQ, NE or IN, since the tenant filters by its id", "write names whole, several as IN (A, B)")
	}
	i, fault := n.find(o.Text, nil)
	if fault != nil {
		return "", c.fail(o.At, fault.message, strings.TrimSuffix(fault.mend, ", or map the value"))
	}
	return n.items[i].gsid, nil
}

// parent is the Gsid of a company, relationship or opportunity: no call of the
// API finds it by name.
func (c *Terms) parent(ref fieldRef, operator string, o gainsight.Operand) (string, error) {
	if ref.part == byID || isGsid(trim(o.Text)) || !exact(operator) && ref.part != byName {
		return trim(o.Text), nil
	}
	id, fault := c.ids.find(ref.field.object, o.Text, nil)
	switch {
	case fault != nil:
		return "", c.fail(o.At, fault.message, "give the Gsid that is meant")
	case id == "" || !exact(operator):
		return "", c.fail(o.At, "the tenant filters by "+ref.field.id+", and the id of "+quote(o.Text)+" is not known here", "give the Gsid, or --id-map")
	}
	return id, nil
}

// ResolveSelect turns names of an object's fields as people write them into API
// names. CTA and SP stand for the associations of goals. Unknown names are the server's to know,
// unless they are nearly known.
func ResolveSelect(object string, wanted []string) ([]string, error) {
	c := Terms{schema: schemaOf(object)}
	var fields []string
	for _, name := range wanted {
		ref, err := c.field(gainsight.Operand{Text: name})
		if fault, ok := errors.AsType[*gainsight.WhereError](err); ok {
			return nil, &ColumnError{Text: fault.Why + "; " + fault.Mend}
		}
		switch {
		case ref.metric != "", ref.field != nil && ref.field.kind == dissociateKind:
			return nil, &ColumnError{Text: ref.String() + " cannot be read: no call of the API shows it"}
		case ref.custom:
			name = ref.name
		case ref.field != nil:
			name = ref.field.id
		}
		if !slices.Contains(fields, name) {
			fields = append(fields, name)
		}
	}
	return fields, nil
}

// Labels gives the texts of cells that import reads back as what they stand for.
type Labels struct {
	statuses, types, metrics *names
}

// NewLabels returns the labels of a tenant's picklists.
func NewLabels(p *gainsight.Picklists) *Labels {
	return &Labels{statuses: statusNames(p), types: goalTypeNames(p), metrics: metricNames(p)}
}

// Status is the name of the status gsid, or the Gsid itself where the name is
// not known, or would not be read back as this status.
func (l *Labels) Status(gsid string) string { return l.statuses.label(gsid) }

// GoalType is Status for a goal type.
func (l *Labels) GoalType(gsid string) string { return l.types.label(gsid) }

// Metric is Status for a metric.
func (l *Labels) Metric(gsid string) string { return l.metrics.label(gsid) }

func (n *names) label(gsid string) string {
	if n == nil {
		return gsid
	}
	i, known := n.byGsid[gsid]
	if !known {
		return gsid
	}
	name := n.items[i].name
	if found, fault := n.find(name, nil); fault != nil || found != i || excelError(trim(name)) {
		return gsid
	}
	return name
}

// NameOf is the name, as written, of the record gsid of an object; "" where it
// is not known or a cell could not hold it.
func (m *IDMap) NameOf(object, gsid string) string {
	if m == nil || m.objects[object] == nil {
		return ""
	}
	name := m.objects[object].byGsid[gsid]
	if odd, _ := oddities(name); odd != "" || excelError(trim(name)) {
		return ""
	}
	return name
}

// Knows reports whether the map has any record of an object.
func (m *IDMap) Knows(object string) bool { return m != nil && m.objects[object] != nil }
