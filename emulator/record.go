package emulator

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// record is one goal or template. A committed record never changes: an update
// replaces it, so that readers need no lock once they hold it.
type record struct {
	gsid        string
	name        string
	description string
	template    string // Gsid of the template a goal was made from
	created     int64  // epoch milliseconds
	modified    int64
	createdBy   *user
	modifiedBy  *user
	status      *item
	goalType    *item
	company     *entity
	relation    *entity
	opportunity *entity
	relType     *entity
	more        *extra // nil if there is nothing of it
	due         int32  // goal: yyyymmdd; template: days; noDue: none
	parent      parentKind
	isTemplate  bool
	seeded      bool
}

const noDue = -1

// extra is what few records have.
type extra struct {
	custom  []customValue
	work    []string
	ctas    []*link
	plans   []*link
	metrics []metricValue
}

// customValue is the value of a custom field: its text, and its number where
// the field is of that kind.
type customValue struct {
	field *field
	text  string
}

// parentKind is the EntityType of a goal.
type parentKind uint8

const (
	noParent parentKind = iota
	onCompany
	onRelationship
	onOpportunity
	onGlobal
)

func (p parentKind) String() string {
	return [...]string{"", "COMPANY", "RELATIONSHIP", "OPPORTUNITY", "GLOBAL"}[p]
}

// kind says how a field's values are written and compared.
type kind uint8

const (
	textKind   kind = iota
	idKind          // a Gsid
	dateKind        // YYYY-MM-DD
	timeKind        // epoch milliseconds
	numberKind      // a JSON number
	boolKind        // true or false
	multiKind       // words joined with ;
)

// field is one field of a record as select, where and answers know it.
type field struct {
	name   string
	kind   kind
	index  int // in the field table
	custom bool
	lookup bool     // a custom field that holds a company's Gsid
	words  []string // of a picklist field
	get    func(*record) value
}

// value is what a field of a record holds. For idKind, textKind, dateKind and
// multiKind it is text; for the others number, with text as JSON writes it.
type value struct {
	text   string
	number float64
	set    bool
}

func text(s string) value { return value{text: s, set: s != ""} }

func millis(n int64) value {
	return value{text: strconv.FormatInt(n, 10), number: float64(n), set: n != 0}
}

func (e *entity) value() value {
	if e == nil {
		return value{}
	}
	return text(e.gsid)
}

func (i *item) value() value {
	if i == nil {
		return value{}
	}
	return text(i.gsid)
}

func (u *user) value() value {
	if u == nil {
		return value{}
	}
	return text(u.gsid)
}

func (r *record) dueValue() value {
	switch {
	case r.due == noDue:
		return value{}
	case r.isTemplate:
		return value{text: strconv.Itoa(int(r.due)), number: float64(r.due), set: true}
	}
	var b [10]byte
	d := appendDate(b[:0], r.due)
	return value{text: string(d), set: true}
}

func appendDate(dst []byte, yyyymmdd int32) []byte {
	y, m, d := yyyymmdd/10000, yyyymmdd/100%100, yyyymmdd%100
	return append(dst, byte('0'+y/1000), byte('0'+y/100%10), byte('0'+y/10%10), byte('0'+y%10), '-',
		byte('0'+m/10), byte('0'+m%10), '-', byte('0'+d/10), byte('0'+d%10))
}

func parseDate(s string) (yyyymmdd int32, ok bool) {
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, false
	}
	return dateNumber(d), true
}

func dateNumber(d time.Time) int32 { return int32(d.Year()*10000 + int(d.Month())*100 + d.Day()) }

func (r *record) category() string {
	if r.isTemplate {
		return "TEMPLATE"
	}
	return "GOAL"
}

func (r *record) customValue(f *field) value {
	if r.more == nil {
		return value{}
	}
	for _, c := range r.more.custom {
		if c.field == f {
			v := value{text: c.text, set: true}
			if f.kind == numberKind {
				v.number, _ = numberOf([]byte(c.text))
			}
			return v
		}
	}
	return value{}
}

// naturalKey is what people take for the identity of a goal: EntityType,
// parent and name, outer blanks and case ignored.
func (r *record) naturalKey() string {
	p := r.company
	switch r.parent {
	case onRelationship:
		p = r.relation
	case onOpportunity:
		p = r.opportunity
	}
	return fmt.Sprintf("%s|%s|%s", r.parent, p.value().text, fold(strings.TrimSpace(r.name)))
}

// fieldTable holds the fields of goals and templates, in the order of answers.
type fieldTable struct {
	list   []*field
	byName map[string]*field
}

func newFieldTable() *fieldTable {
	t := &fieldTable{list: append(standardFields(), customFields()...), byName: map[string]*field{}}
	slices.SortFunc(t.list, func(a, b *field) int { return cmp.Compare(strings.ToLower(a.name), strings.ToLower(b.name)) })
	for i, f := range t.list {
		f.index = i
		t.byName[f.name] = f
	}
	return t
}

// fieldSet is a set of fields of the table.
type fieldSet uint64

func (s fieldSet) has(f *field) bool { return s&(1<<f.index) != 0 }
func (s *fieldSet) add(f *field)     { *s |= 1 << f.index }

func (t *fieldTable) set(names ...string) fieldSet {
	var s fieldSet
	for _, n := range names {
		s.add(t.byName[n])
	}
	return s
}

func standardFields() []*field {
	f := func(name string, k kind, get func(*record) value) *field {
		return &field{name: name, kind: k, get: get}
	}
	return []*field{
		f("Gsid", idKind, func(r *record) value { return text(r.gsid) }),
		f("Name", textKind, func(r *record) value { return text(r.name) }),
		f("Description", textKind, func(r *record) value { return text(r.description) }),
		f("StatusId", idKind, func(r *record) value { return r.status.value() }),
		f("GoalTypeId", idKind, func(r *record) value { return r.goalType.value() }),
		f("EntityType", textKind, func(r *record) value { return text(r.parent.String()) }),
		f("CompanyId", idKind, func(r *record) value { return r.company.value() }),
		f("RelationshipId", idKind, func(r *record) value { return r.relation.value() }),
		f("RelationshipTypeId", idKind, func(r *record) value { return r.relType.value() }),
		f("OpportunityId", idKind, func(r *record) value { return r.opportunity.value() }),
		f("TemplateId", idKind, func(r *record) value { return text(r.template) }),
		f("DueDate", dateKind, (*record).dueValue),
		f("GoalCategory", textKind, func(r *record) value { return text(r.category()) }),
		f("CurrencyIsoCode", textKind, func(*record) value { return text("USD") }),
		f("CreatedDate", timeKind, func(r *record) value { return millis(r.created) }),
		f("ModifiedDate", timeKind, func(r *record) value { return millis(r.modified) }),
		f("CreatedById", idKind, func(r *record) value { return r.createdBy.value() }),
		f("ModifiedById", idKind, func(r *record) value { return r.modifiedBy.value() }),
	}
}

// customFields are those that this tenant's administrator is said to have made.
func customFields() []*field {
	list := []*field{
		{name: "cf_picklist__gc", words: []string{"CISCO", "JUNIPER", "ARISTA", "HPE"}},
		{name: "cust_string_value__gc"},
		{name: "comp_lookup_gsid__gc", kind: idKind, lookup: true},
		{name: "cust_number__gc", kind: numberKind},
		{name: "cust_date__gc", kind: dateKind},
		{name: "cust_flag__gc", kind: boolKind},
		{name: "cust_multi__gc", kind: multiKind, words: []string{"North", "South", "East", "West"}},
		{name: "gsbatch_row__gc"},
	}
	for _, f := range list {
		f.custom = true
		f.get = func(r *record) value { return r.customValue(f) }
	}
	return list
}

// appendValue appends "name":value to an object, nothing for a null.
func (f *field) appendValue(dst []byte, r *record) []byte {
	v := f.get(r)
	if !v.set {
		return dst
	}
	dst = appendKey(dst, f.name)
	if f.kind == numberKind || f.kind == timeKind || f.kind == boolKind || f.kind == dateKind && r.isTemplate && !f.custom {
		return append(dst, v.text...)
	}
	return appendText(dst, v.text)
}

// fold returns the form of s in which names are compared: the server ignores
// case and nothing else.
func fold(s string) string { return strings.ToLower(s) }
