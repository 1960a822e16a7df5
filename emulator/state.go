package emulator

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// The journal's lines are {"put":…} with the state of a goal, a template or a
// metric, and {"remove":Gsid}.

// commit writes the state of r to the journal and puts it into its collection.
// The tenant is locked.
func (t *Tenant) commit(to *collection, r *record) *refusal {
	if t.journal != nil {
		t.line = append(t.line[:0], `{"put":`...)
		t.line = t.appendState(t.line, r)
		t.line = append(t.line, '}', '\n')
		if err := t.journal.append(t.line); err != nil {
			return crashed(err)
		}
	}
	to.put(r)
	return nil
}

// discard removes a record, or a metric, for good. The tenant is locked.
func (t *Tenant) discard(gsid string) *refusal {
	if t.journal != nil {
		t.line = append(appendText(append(t.line[:0], `{"remove":`...), gsid), '}', '\n')
		if err := t.journal.append(t.line); err != nil {
			return crashed(err)
		}
	}
	t.forget(gsid)
	return nil
}

func (t *Tenant) forget(gsid string) {
	t.goals.remove(gsid)
	t.templates.remove(gsid)
	t.removeMetric(gsid)
}

// appendState appends all of a record: its fields, and what no fetch shows.
func (t *Tenant) appendState(dst []byte, r *record) []byte {
	dst = append(dst, '{')
	for _, f := range t.fields.list {
		dst = f.appendValue(dst, r)
	}
	if r.seeded {
		dst = append(appendKey(dst, "seeded"), "true"...)
	}
	if m := r.more; m != nil {
		dst = appendTexts(appendKey(dst, "AssociatedWork"), m.work)
		dst = appendGsids(appendKey(dst, "associatedCTAs"), m.ctas)
		dst = appendGsids(appendKey(dst, "associatedSPs"), m.plans)
		dst = append(appendKey(dst, "MetricValues"), '[')
		for _, v := range m.metrics {
			dst = v.append(appendComma(dst), r.gsid)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

func appendGsids(dst []byte, list []*link) []byte {
	dst = append(dst, '[')
	for _, l := range list {
		dst = appendText(appendComma(dst), l.gsid)
	}
	return append(dst, ']')
}

// replay takes one line of the journal in.
func (t *Tenant) replay(line []byte) error {
	if !json.Valid(line) {
		return fmt.Errorf("%.60q is no JSON", line)
	}
	for k, v := range members(line) {
		switch string(k) {
		case "put":
			return t.restore(v)
		case "metric":
			return t.restoreMetric(v)
		case "remove":
			id, _ := textOf(v)
			t.forget(id)
			return nil
		}
	}
	return fmt.Errorf("%.60q is no commit", line)
}

// restore takes the state of a goal or template in.
func (t *Tenant) restore(raw []byte) error {
	r := &record{due: noDue}
	category, _ := textOf(member(raw, "GoalCategory"))
	r.isTemplate = category == "TEMPLATE"
	m := extra{}
	for k, v := range members(raw) {
		if err := t.restoreField(r, &m, string(k), v); err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
	}
	if r.gsid == "" || r.name == "" {
		return fmt.Errorf("a record without Gsid or Name")
	}
	r.more = m.orNil()
	if r.isTemplate {
		t.templates.put(r)
	} else {
		t.goals.put(r)
	}
	return nil
}

func (t *Tenant) restoreField(r *record, m *extra, name string, raw []byte) error {
	text, _ := textOf(raw)
	switch name {
	case "Gsid":
		r.gsid = text
	case "Name":
		r.name = text
	case "Description":
		r.description = text
	case "TemplateId":
		r.template = text
	case "StatusId":
		r.status = withGsid(t.seeds.statuses, text, &Switches{Ambiguous: true})
	case "GoalTypeId":
		r.goalType = withGsid(t.seeds.types, text, &Switches{Ambiguous: true})
	case "CompanyId":
		r.company = t.seeds.byGsid[text]
	case "RelationshipId":
		r.relation = t.seeds.byGsid[text]
	case "RelationshipTypeId":
		r.relType = t.seeds.byGsid[text]
	case "OpportunityId":
		r.opportunity = t.seeds.byGsid[text]
	case "CreatedById":
		r.createdBy = t.seeds.users[text]
	case "ModifiedById":
		r.modifiedBy = t.seeds.users[text]
	case "EntityType":
		for p := onCompany; p <= onGlobal; p++ {
			if p.String() == text {
				r.parent = p
			}
		}
	case "DueDate":
		return r.restoreDue(raw)
	case "CreatedDate":
		return restoreTime(&r.created, raw)
	case "ModifiedDate":
		return restoreTime(&r.modified, raw)
	case "seeded":
		r.seeded = true
	default:
		return t.restoreExtra(m, name, raw)
	}
	return nil
}

func (r *record) restoreDue(raw []byte) error {
	if day, isText := textOf(raw); isText {
		due, ok := parseDate(day)
		if !ok {
			return fmt.Errorf("%q is no date", day)
		}
		r.due = due
		return nil
	}
	n, err := strconv.ParseInt(string(raw), 10, 32)
	r.due = int32(n)
	return err
}

func restoreTime(at *int64, raw []byte) (err error) {
	*at, err = strconv.ParseInt(string(raw), 10, 64)
	return err
}

func (t *Tenant) restoreExtra(m *extra, name string, raw []byte) error {
	switch name {
	case "AssociatedWork":
		if list, _ := texts(raw); len(list) > 0 {
			m.work = list
		}
	case "associatedCTAs":
		m.ctas = restoreLinks(t.seeds.ctas, raw)
	case "associatedSPs":
		m.plans = restoreLinks(t.seeds.plans, raw)
	case "MetricValues":
		for e := range elements(raw) {
			v := metricValue{}
			v.metric, _ = textOf(member(e, "metricId"))
			v.gsid, _ = textOf(member(e, "gsid"))
			v.base, _ = optionalNumber(nil, member(e, "baseValue"))
			v.target, _ = optionalNumber(nil, member(e, "targetValue"))
			v.actual, _ = parseReadings(member(e, "actualValue"))
			m.metrics = append(m.metrics, v)
		}
	default:
		f := t.fields.byName[name]
		if f == nil {
			return fmt.Errorf("unknown field")
		}
		if !f.custom {
			return nil // constant: GoalCategory, CurrencyIsoCode
		}
		text, isText := textOf(raw)
		if !isText {
			text = string(raw)
		}
		m.custom = append(m.custom, customValue{field: f, text: text})
	}
	return nil
}

func restoreLinks(known map[string]*link, raw []byte) []*link {
	var list []*link
	for e := range elements(raw) {
		if id, _ := textOf(e); known[id] != nil {
			list = append(list, known[id])
		}
	}
	return list
}
