package emulator

import "strings"

// key is a key of a record in a request.
type key uint8

const (
	kGsid key = iota
	kName
	kStatusName
	kStatusID
	kTypeName
	kTypeID
	kEntityType
	kCompany
	kRelationship
	kRelType
	kOpportunity
	kTemplate
	kDue
	kDescription
	kWork
	kMetricsAdd
	kMetricsDrop
	keyCount
)

func keyNamed(name []byte) (key, bool) {
	switch string(name) {
	case "Gsid":
		return kGsid, true
	case "Name":
		return kName, true
	case "StatusName":
		return kStatusName, true
	case "StatusId":
		return kStatusID, true
	case "GoalTypeName":
		return kTypeName, true
	case "GoalTypeId":
		return kTypeID, true
	case "EntityType":
		return kEntityType, true
	case "CompanyId":
		return kCompany, true
	case "RelationshipId":
		return kRelationship, true
	case "RelationshipTypeId":
		return kRelType, true
	case "OpportunityId":
		return kOpportunity, true
	case "TemplateId":
		return kTemplate, true
	case "DueDate":
		return kDue, true
	case "Description":
		return kDescription, true
	case "AssociatedWork":
		return kWork, true
	case "metricsAssociation":
		return kMetricsAdd, true
	case "metricsDissociation":
		return kMetricsDrop, true
	}
	return 0, false
}

// input is one element of "requests", taken apart. An absent key has a nil
// value, a JSON null the raw text null.
type input struct {
	record []byte
	known  [keyCount][]byte
	custom []customInput
	others []customInput // keys that only a lookup can give a meaning

	addCTA, addPlan, dropCTA, dropPlan []*link
}

type customInput struct {
	field *field // nil in others
	key   string
	raw   []byte
}

// oneRequest returns the only element of "requests": the API takes one goal a call.
func oneRequest(body []byte) ([]byte, *refusal) {
	requests, err := requestList(body)
	if err != nil {
		return nil, err
	}
	if len(requests) > 1 {
		return nil, refuse(invalidRequest, "Only one goal can be sent in a request, found %d", len(requests))
	}
	return requests[0], nil
}

// requestList returns the elements of "requests", at least one.
func requestList(body []byte) ([][]byte, *refusal) {
	raw := member(body, "requests")
	if !isArray(raw) {
		return nil, refuse(invalidRequest, "requests is missing or no list")
	}
	var list [][]byte
	for e := range elements(raw) {
		if !isObject(e) {
			return nil, refuse(invalidRequest, "requests holds something that is no object")
		}
		list = append(list, e)
	}
	if len(list) == 0 {
		return nil, refuse(invalidRequest, "requests is empty")
	}
	return list, nil
}

// parseInput takes one element of "requests" apart and carries out its lookups.
func (t *Tenant) parseInput(raw, lookups []byte) (*input, *refusal) {
	in := &input{}
	for k, v := range members(raw) {
		var err *refusal
		switch string(k) {
		case "record":
			in.record = v
		case "association":
			in.addCTA, in.addPlan, err = t.parseLinks(v)
		case "dissociation":
			in.dropCTA, in.dropPlan, err = t.parseLinks(v)
		default:
			err = refuse(invalidRequest, "Unrecognized field %q in requests", k)
		}
		if err != nil {
			return nil, err
		}
	}
	if !isObject(in.record) {
		return nil, refuse(invalidRequest, "record is missing or no object")
	}
	if err := t.sortKeys(in); err != nil {
		return nil, err
	}
	return in, t.lookUp(in, lookups)
}

// sortKeys tells the keys of the record apart: standard, custom, unknown.
func (t *Tenant) sortKeys(in *input) *refusal {
	for k, v := range members(in.record) {
		if n, ok := keyNamed(k); ok {
			in.known[n] = v
			continue
		}
		f := t.fields.byName[string(k)]
		switch {
		case f != nil && f.custom:
			in.setCustom(f, v)
		case f != nil:
			return refuse(invalidField, "Field is read-only - %s", k)
		case strings.HasSuffix(string(k), "__gc"):
			return refuse(invalidField, "Invalid field in record - %s", k)
		default:
			in.others = append(in.others, customInput{key: string(k), raw: v})
		}
	}
	return nil
}

func (in *input) setCustom(f *field, raw []byte) {
	for i := range in.custom {
		if in.custom[i].field == f {
			in.custom[i].raw = raw
			return
		}
	}
	in.custom = append(in.custom, customInput{field: f, raw: raw})
}

// parseLinks reads an association or a dissociation. An empty list is refused,
// as in the page's table of error codes.
func (t *Tenant) parseLinks(raw []byte) (ctas, plans []*link, err *refusal) {
	if isNull(raw) {
		return nil, nil, nil
	}
	if !isObject(raw) {
		return nil, nil, refuse(invalidRequest, "association is no object")
	}
	for k, v := range members(raw) {
		switch {
		case isNull(v):
		case string(k) == "CTA":
			ctas, err = t.linkList(v, t.seeds.ctas, ctaRecordEmpty, "CTA_RECORD_EMPTY", "CTA")
		case string(k) == "SP":
			plans, err = t.linkList(v, t.seeds.plans, spRecordEmpty, "SP_RECORD_EMPTY", "SP")
		default:
			err = refuse(invalidRequest, "Unrecognized field %q in association", k)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return ctas, plans, nil
}

func (t *Tenant) linkList(raw []byte, known map[string]*link, emptyCode int, empty, noun string) ([]*link, *refusal) {
	ids, ok := texts(raw)
	if !ok {
		return nil, refuse(invalidRequest, "%s is no list of Gsids", noun)
	}
	if len(ids) == 0 {
		return nil, refuse(emptyCode, "%s", empty)
	}
	list := make([]*link, 0, len(ids))
	for _, id := range ids {
		l := known[id]
		if l == nil {
			return nil, refuse(invalidGsid, "Invalid %s Gsid provided in request - %s", noun, id)
		}
		list = append(list, l)
	}
	return list, nil
}
