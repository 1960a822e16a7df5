package emulator

import "strings"

// entity is a company, relationship, opportunity or relationship type. Entities
// never change after the tenant was made.
type entity struct {
	gsid    string
	name    string
	company *entity // of a relationship or an opportunity
	relType *entity // of a relationship
}

// attribute returns a field of an entity that a lookup may ask for.
func (e *entity) attribute(name string) (text string, known bool) {
	switch name {
	case "Name":
		return e.name, true
	case "Gsid":
		return e.gsid, true
	case "CompanyId":
		return e.company.value().text, e.company != nil
	case "CompanyName":
		if e.company == nil {
			return "", false
		}
		return e.company.name, true
	case "TypeId", "RelationshipTypeId":
		return e.relType.value().text, e.relType != nil
	}
	return "", false
}

// user is a person or an integration that works in the tenant.
type user struct{ gsid, name string }

// item is an element of a picklist: a goal type or a status.
type item struct {
	gsid       string
	name       string
	systemName string
	color      string
	category   string // GOAL_TYPE, GOAL_STATUS
	order      int
	active     bool
	open       bool // a status of goals that are not finished
	ambiguous  bool // exists only with the switch of that name
	entities   []string
	statuses   []*item // of a goal type, the default first
}

// visible says whether the item exists under the switches.
func (i *item) visible(sw *Switches) bool { return !i.ambiguous || sw.Ambiguous }

// allows says whether goals of type i may have status s.
func (i *item) allows(s *item, sw *Switches) bool {
	if sw.Children == "none" {
		return true
	}
	for _, linked := range i.statuses {
		if linked == s {
			return true
		}
	}
	return false
}

// offeredFor says whether goals of type i may hang on this kind of parent.
func (i *item) offeredFor(p parentKind, relType *entity) bool {
	for _, e := range i.entities {
		if e == "ALL_ENTITY" || e == p.String() || p == onRelationship && relType != nil && e == relType.gsid {
			return true
		}
	}
	return false
}

// link is a call to action or a success plan.
type link struct {
	gsid       string
	name       string
	entityType string
	owner      *user
	statusID   string
	dueDate    string // 2025-01-31 11:30:00
	plan       bool
}

func (l *link) append(dst []byte) []byte {
	dst = appendText(appendKey(append(dst, '{'), "gsid"), l.gsid)
	dst = appendText(appendKey(dst, "name"), l.name)
	dst = appendText(appendKey(dst, "entityType"), l.entityType)
	dst = appendText(appendKey(dst, "ownerId"), l.owner.gsid)
	dst = appendText(appendKey(dst, "statusId"), l.statusID)
	dst = appendText(appendKey(dst, "dueDate"), l.dueDate)
	if l.plan {
		dst = append(appendKey(dst, "closedCtaCount"), "null"...)
	}
	return append(dst, '}')
}

// named returns the items of that name, in the tenant's order, case ignored.
func named(list []*item, name string, sw *Switches) []*item {
	var found []*item
	for _, i := range list {
		if i.visible(sw) && strings.EqualFold(i.name, name) {
			found = append(found, i)
		}
	}
	return found
}

// withGsid returns the item of that Gsid, nil if there is none.
func withGsid(list []*item, gsid string, sw *Switches) *item {
	for _, i := range list {
		if i.gsid == gsid && i.visible(sw) {
			return i
		}
	}
	return nil
}
