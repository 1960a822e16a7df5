package emulator

import (
	"slices"
	"strconv"
)

// picklist carries out /v1/csgoal/external/admin/picklist. The page shows only
// a tenant without statuses linked to its types; the forms of childPicklistIds,
// childPicklists and metrics are guesses, and switches.
func (t *Tenant) picklist(c *call) ([]byte, *refusal) {
	if err := onlyKeys(c.body, "entityIds", "active", "includeMetrics", "includeChildPicklist", "picklistCategory"); err != nil {
		return nil, err
	}
	q := picklistQuery{}
	if err := q.parse(c.body); err != nil {
		return nil, err
	}
	list := t.seeds.types
	if q.category == "GOAL_STATUS" {
		list = t.seeds.statuses
	}
	dst := beginOK(make([]byte, 0, 8192), c.requestID)
	dst = append(dst, `{"picklists":[`...)
	for _, i := range list {
		if q.wants(i, c.sw) {
			dst = i.append(appendComma(dst), q, c.sw)
		}
	}
	dst = append(dst, `],"childPicklists":[`...)
	if q.children && q.category == "GOAL_TYPE" && c.sw.Children != "none" {
		for _, s := range t.seeds.statuses {
			if s.visible(c.sw) && (s.active || !q.active) {
				dst = s.append(appendComma(dst), q, c.sw)
			}
		}
	}
	dst = append(dst, `],"metrics":`...)
	dst = t.appendPickedMetrics(dst, q, c.sw)
	return endOK(append(dst, '}')), nil
}

type picklistQuery struct {
	entities []string // nil: all
	category string
	active   bool
	metrics  bool
	children bool
}

func (q *picklistQuery) parse(body []byte) *refusal {
	q.category = "GOAL_TYPE"
	if raw := member(body, "picklistCategory"); raw != nil && !isNull(raw) {
		q.category, _ = textOf(raw)
	}
	if q.category != "GOAL_TYPE" && q.category != "GOAL_STATUS" {
		return refuse(invalidRequest, "Invalid picklistCategory provided in request - %s", q.category)
	}
	if raw := member(body, "entityIds"); raw != nil && !isNull(raw) {
		list, ok := texts(raw)
		if !ok {
			return refuse(invalidRequest, "entityIds is no list")
		}
		q.entities = list
	}
	for name, at := range map[string]*bool{"active": &q.active, "includeMetrics": &q.metrics, "includeChildPicklist": &q.children} {
		switch raw := string(member(body, name)); raw {
		case "true":
			*at = true
		case "false", "null", "":
		default:
			return refuse(invalidRequest, "%s is neither true nor false", name)
		}
	}
	return nil
}

// wants says whether the answer holds i. An item of ALL_ENTITY fits every entity.
func (q *picklistQuery) wants(i *item, sw *Switches) bool {
	if !i.visible(sw) || q.active && !i.active {
		return false
	}
	return len(q.entities) == 0 || slices.Contains(q.entities, "ALL_ENTITY") || slices.Contains(i.entities, "ALL_ENTITY") ||
		slices.ContainsFunc(i.entities, func(e string) bool { return slices.Contains(q.entities, e) })
}

func (i *item) append(dst []byte, q picklistQuery, sw *Switches) []byte {
	dst = appendText(appendKey(append(dst, '{'), "gsid"), i.gsid)
	dst = appendText(appendKey(dst, "name"), i.name)
	if i.systemName != "" {
		dst = appendText(appendKey(dst, "systemName"), i.systemName)
	}
	dst = appendText(appendKey(dst, "color"), i.color)
	dst = appendText(appendKey(dst, "picklistCategory"), i.category)
	dst = strconv.AppendInt(appendKey(dst, "displayOrder"), int64(i.order), 10)
	dst = strconv.AppendBool(appendKey(dst, "active"), i.active)
	dst = strconv.AppendBool(appendKey(dst, "openStatusType"), i.open)
	dst = strconv.AppendBool(appendKey(dst, "recurring"), false)
	dst = strconv.AppendBool(appendKey(dst, "systemDefined"), i.systemName != "")
	dst = append(appendKey(dst, "associationDetails"), `{"autoAssignFutureAssociationIds":true,"associationCategory":"ENTITY","associationIds":`...)
	dst = append(appendTexts(dst, i.entities), '}')
	dst = i.appendChildren(appendKey(dst, "childPicklistIds"), q, sw)
	return append(dst, '}')
}

func (i *item) appendChildren(dst []byte, q picklistQuery, sw *Switches) []byte {
	if !q.children || i.statuses == nil || sw.Children == "none" {
		return append(dst, `{}`...)
	}
	ids := []string{}
	for _, s := range i.statuses {
		if s.visible(sw) && (s.active || !q.active) {
			ids = append(ids, s.gsid)
		}
	}
	if sw.Children == "list" {
		return appendTexts(dst, ids)
	}
	return append(appendTexts(append(dst, `{"GOAL_STATUS":`...), ids), '}')
}

// appendPickedMetrics appends the metrics of a picklist answer: null unless
// they were asked for.
func (t *Tenant) appendPickedMetrics(dst []byte, q picklistQuery, sw *Switches) []byte {
	if !q.metrics {
		return append(dst, `null`...)
	}
	t.mu.Lock()
	list := make([]*metric, 0, len(t.metricList))
	for _, m := range t.metricList {
		if m.active || !q.active {
			list = append(list, m)
		}
	}
	t.mu.Unlock()
	if sw.PickedMetrics != "map" {
		dst = append(dst, '[')
		for _, m := range list {
			dst = m.append(appendComma(dst), true, false)
		}
		return append(dst, ']')
	}
	dst = append(dst, '{')
	for _, i := range t.seeds.types {
		if !q.wants(i, sw) {
			continue
		}
		dst = append(appendKey(dst, i.gsid), '[')
		for _, m := range list {
			if slices.Contains(m.goalTypes, i) {
				dst = m.append(appendComma(dst), false, false)
			}
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}
